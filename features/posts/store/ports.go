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
}

// People knows what authors are called. It is asked once for a page, outside of
// transactions.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Comments is what hangs on a post.
type Comments interface {
	// DeleteUnder deletes all comments under a post, with what hangs on them. The
	// transaction has locked the post: nobody writes under it any more.
	DeleteUnder(tx *gorm.DB, postID string) error
}
