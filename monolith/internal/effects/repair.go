package effects

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// repaired tells whether an event is a snapshot: a row here was wrong, and so may be
// what followed from it.
func repaired(e contracts.Event) bool {
	switch e := e.(type) {
	case contracts.CommentChanged:
		return e.Snapshot
	case contracts.CommentDeleted:
		return e.Snapshot
	}
	return false
}

// mend makes of queue and notices what follows from the row as it stands. It tells
// nobody: the owner did, when the comment was seen for the first time.
func (h *Handler) mend(tx *gorm.DB, e contracts.Event, stands contracts.CommentStatus, postIsThere bool) error {
	if stands == contracts.Pending && postIsThere {
		return h.ports.Queue.Keep(tx, e.Aggregate(), sinceOf(e))
	}
	if err := h.ports.Queue.Leave(tx, e.Aggregate()); err != nil || stands != "" {
		return err
	}
	return h.ports.Notices.Forget(tx, e.Aggregate())
}

func sinceOf(e contracts.Event) time.Time {
	if e, is := e.(contracts.CommentChanged); is {
		return e.UpdatedAt
	}
	return time.Now().UTC()
}

// recount counts the comments that stand under a post. The post is held, and whoever
// changes a comment under it counts while he holds it: those who wait add theirs later.
func (h *Handler) recount(tx *gorm.DB, postID string) error {
	n, err := h.ports.Comments.Approved(tx, postID)
	if err == nil {
		err = h.ports.Posts.Recount(tx, postID, n)
	}
	if err != nil {
		return fmt.Errorf("anew: %w", err)
	}
	return nil
}
