package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// Ports are what the store needs of other features. Those that are given a
// transaction do their part in it: all of it is kept, or nothing. The signature says
// so openly, since no network can carry a transaction: when a feature leaves, its
// port without one stays as it is, and its port with one becomes an event.
//
// Of a host that does not have the other feature's tables, Posts, Queue and Notices
// are nil: what they would do is left to who hears of the event.
type Ports struct {
	People  People
	Posts   Posts
	Queue   Queue
	Notices Notices
	// Owner says whether this database may write comments. Nil: nobody else ever does.
	Owner Owner
	// Feed tells others of each change, in its transaction. Nil: nobody listens.
	Feed *Feed
}

// Owner is asked by each transaction that writes comments, before anything else in it.
// *ownership.Side is one.
type Owner interface {
	// Own sees to it that this database is the owner until the transaction ends, and
	// tells the epoch; else its error is an ownership.ErrNotOwner, and nothing was done.
	Own(tx *gorm.DB) (epoch int64, err error)
}

// People knows what authors are called. It is asked once for a page, outside of
// transactions.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Posts keeps the post that is commented on.
type Posts interface {
	// Hold sees to it that the post stays, and that nobody else writes under it, until
	// the transaction ends; NotFound when it is gone.
	Hold(tx *gorm.DB, postID string) error
	// Count adds delta to the post's number of approved comments. The post is held.
	Count(tx *gorm.DB, postID string, delta int) error
}

// Queue is where comments wait for a moderator. What it is told a second time
// changes nothing.
type Queue interface {
	// Wait puts a comment in, and why; one that waits already keeps its turn.
	Wait(tx *gorm.DB, commentID, reason string, since time.Time) error
	// Leave takes out those of the comments that wait.
	Leave(tx *gorm.DB, commentIDs ...string) error
}

// Notices tells people. What it is told a second time changes nothing.
type Notices interface {
	// Tell notes that a person is to be told of a comment, once for each comment.
	Tell(tx *gorm.DB, n contracts.CommentNotice, at time.Time) error
	// Forget removes what tells of a comment.
	Forget(tx *gorm.DB, commentID string) error
	// ForgetPost removes what tells of any comment under a post.
	ForgetPost(tx *gorm.DB, postID string) error
}
