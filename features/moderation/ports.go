package moderation

import (
	"context"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// Item is one comment that waits for a moderator, and why.
type Item struct {
	Comment   contracts.Comment `json:"comment"`
	Post      PostRef           `json:"post"`
	Reason    string            `json:"reason"`
	CreatedAt time.Time         `json:"created_at"`
}

// PostRef names the post that the comment stands under.
type PostRef struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Store keeps rules, and the queue of what they held back. Implementations pass
// storetest's suite and are safe for concurrent use.
type Store interface {
	// Rules returns all rules, oldest first.
	Rules(ctx context.Context) ([]Rule, error)
	// AddRule adds one. With a key that already made one, that one is returned and
	// replayed is true. Problem: KeyReused.
	AddRule(ctx context.Context, r Rule, key contracts.Key) (added Rule, replayed bool, err error)
	// DeleteRule removes one, or is NotFound.
	DeleteRule(ctx context.Context, id string) error
	// Queue returns what waits, longest waiting first.
	Queue(ctx context.Context, page paging.Page) (paging.List[Item], error)
}

// Comments carries out what a moderator decides.
type Comments interface {
	// Decide sets the status; NotFound when the comment is gone.
	Decide(ctx context.Context, v contracts.Viewer, commentID string, status contracts.CommentStatus) (contracts.Comment, error)
}
