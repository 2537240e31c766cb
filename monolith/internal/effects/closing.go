package effects

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// Closer deletes the comments of deleted posts, whoever owns them.
type Closer interface {
	CloseUnder(ctx context.Context, postID, key string) error
}

// Closing has the comments of deleted posts deleted, where the transaction that deleted
// the post could not: the handler of an inbox over the posts' own topic. A post is
// deleted at once, whether the owner of its comments answers or not; its comments go
// when that answers again. It is safe for concurrent use.
type Closing struct{ Comments Closer }

var (
	_ inbox.Handler  = Closing{}
	_ inbox.Preparer = Closing{}
)

// Prepare is inbox.Preparer's. The event's id is the key: asked again, nothing more is
// done.
func (c Closing) Prepare(ctx context.Context, e inbox.Event) error {
	if e.Type != contracts.TypePostDeleted {
		return nil
	}
	_, told, err := contracts.Decode(e.Headers, e.Payload)
	if err != nil {
		return err
	}
	post, _ := told.(contracts.PostDeleted)
	if slices.Contains(post.Done, contracts.EffectComments) {
		return nil
	}
	err = c.Comments.CloseUnder(ctx, post.ID, e.ID)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("close the comments of post %s: %w", post.ID, err)
	if passes(err) {
		return inbox.Wait(err)
	}
	return err
}

// passes tells whether an error says nothing about the post: its owner is away, or
// nobody owns comments at this moment.
func passes(err error) bool {
	_, _, elsewhere := ownership.Elsewhere(err)
	return elsewhere || call.IsUnavailable(err) || problem.Is(err, problem.NotOwner) || problem.Is(err, httpkit.Unavailable)
}

// Handle is inbox.Handler's: all was done before.
func (Closing) Handle(context.Context, *gorm.DB, []inbox.Event) error { return nil }
