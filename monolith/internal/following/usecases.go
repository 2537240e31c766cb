package following

import (
	"context"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/remotecomments"
	"banyan.dev/platform/paging"
)

// Comments is the use cases at whoever owns comments. It is safe for concurrent use.
type Comments struct {
	owner       *Owner
	here, there comments.UseCases
}

var _ comments.UseCases = (*Comments)(nil)

// Comments returns the use cases over this host's own and the other side's.
func (o *Owner) Comments(here, there comments.UseCases) *Comments { return &Comments{o, here, there} }

func (c *Comments) write(ctx context.Context, do func(comments.UseCases) error) error {
	return c.owner.write(ctx, c.here, c.there, do)
}

// Write is comments.UseCases'. A write without a key gets one here, so that it may be
// sent again on the way.
func (c *Comments) Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	if !key.Given() {
		if key, err = remotecomments.WriteKey(contracts.NewID(), postID, body); err != nil {
			return contracts.Comment{}, false, err
		}
	}
	err = c.write(ctx, func(h comments.UseCases) (err error) {
		created, replayed, err = h.Write(ctx, v, postID, body, key)
		return err
	})
	return created, replayed, err
}

// Edit is comments.UseCases'; the key as for Write.
func (c *Comments) Edit(ctx context.Context, v contracts.Viewer, id, body string, version int, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	if !key.Given() {
		if key, err = remotecomments.EditKey(contracts.NewID(), id, body); err != nil {
			return contracts.Comment{}, false, err
		}
	}
	err = c.write(ctx, func(h comments.UseCases) (err error) {
		updated, replayed, err = h.Edit(ctx, v, id, body, version, key)
		return err
	})
	return updated, replayed, err
}

// Delete is comments.UseCases'.
func (c *Comments) Delete(ctx context.Context, v contracts.Viewer, id string, version int) error {
	return c.write(ctx, func(h comments.UseCases) error { return h.Delete(ctx, v, id, version) })
}

// Decide is comments.UseCases'.
func (c *Comments) Decide(ctx context.Context, v contracts.Viewer, id string, status contracts.CommentStatus) (judged contracts.Comment, err error) {
	err = c.write(ctx, func(h comments.UseCases) (err error) {
		judged, err = h.Decide(ctx, v, id, status)
		return err
	})
	return judged, err
}

// CloseUnder is comments.UseCases'.
func (c *Comments) CloseUnder(ctx context.Context, postID, key string) error {
	return c.write(ctx, func(h comments.UseCases) error { return h.CloseUnder(ctx, postID, key) })
}

// Get is comments.UseCases'.
func (c *Comments) Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error) {
	host, err := reader(ctx, c.owner, c.here, c.there)
	if err != nil {
		return contracts.Comment{}, err
	}
	return host.Get(ctx, v, id)
}

// List is comments.UseCases'.
func (c *Comments) List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error) {
	host, err := reader(ctx, c.owner, c.here, c.there)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	return host.List(ctx, v, postID, page)
}
