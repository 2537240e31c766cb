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
type Ports struct {
	People  People
	Posts   Posts
	Queue   Queue
	Notices Notices
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
