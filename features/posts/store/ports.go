package store

import (
	"context"

	"gorm.io/gorm"
)

// Ports are what the store needs of other features. The one that is given a
// transaction does its part in it: see docs/adr/0006.
type Ports struct {
	People   People
	Comments Comments
	// Feed tells others of posts that are deleted. Nil: nobody listens.
	Feed *Feed
}

// People knows what authors are called. It is asked once for a page, outside of
// transactions.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Comments is what hangs on a post.
type Comments interface {
	// Owned is asked before anything else in the transaction that deletes a post:
	// whether comments are this database's to write until it ends, and in which epoch
	// of their ownership.
	Owned(tx *gorm.DB) (epoch int64, owned bool, err error)
	// DeleteUnder deletes all comments under a post, with what hangs on them, and lets
	// none be made there any more; key says by which event. The transaction has locked
	// the post: nobody writes under it any more.
	DeleteUnder(tx *gorm.DB, epoch int64, postID, key string) error
}
