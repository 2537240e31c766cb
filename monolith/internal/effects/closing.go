package effects

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/inbox"
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
	_ inbox.Needer   = Closing{}
)

// Needs is inbox.Needer's: while this host owns comments itself, they went with the
// post.
func (c Closing) Needs(e inbox.Event) bool {
	_, left, err := leftOpen(e)
	return left || err != nil
}

// leftOpen is the post that is deleted while its comments are not.
func leftOpen(e inbox.Event) (postID string, left bool, err error) {
	if e.Type != contracts.TypePostDeleted {
		return "", false, nil
	}
	_, told, err := contracts.Decode(e.Headers, e.Payload)
	if err != nil {
		return "", false, err
	}
	post, _ := told.(contracts.PostDeleted)
	return post.ID, !slices.Contains(post.Done, contracts.EffectComments), nil
}

// Prepare is inbox.Preparer's. The event's id is the key: asked again, nothing more is
// done.
func (c Closing) Prepare(ctx context.Context, e inbox.Event) error {
	postID, left, err := leftOpen(e)
	if err != nil || !left {
		return err
	}
	err = c.Comments.CloseUnder(ctx, postID, e.ID)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("close the comments of post %s: %w", postID, err)
	if aboutThePost(err) {
		return inbox.Permanent(err)
	}
	return inbox.Wait(err)
}

// aboutThePost tells whether an owner of comments refuses what it is asked for, which
// no repeating mends. All else waits: an owner that is away or mistaken, a key that is
// being changed, nobody who owns comments at this moment. Given up, the post would stay
// open and its comments alive, and nobody would ask for them again.
func aboutThePost(err error) bool {
	switch problem.KindOf(err) {
	case problem.Malformed, problem.Validation, problem.KeyReused, problem.Conflict, problem.TooLarge:
		return true
	}
	return false
}

// Handle is inbox.Handler's: all was done before.
func (Closing) Handle(context.Context, *gorm.DB, []inbox.Event) error { return nil }
