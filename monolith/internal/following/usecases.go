package following

import (
	"context"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/remotecomments"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Write is comments.UseCases'. A write without a key gets one here, so that it may be
// sent again on the way.
func (c *Comments) Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	if !key.Given() {
		if key, err = remotecomments.WriteKey(contracts.NewID(), postID, body); err != nil {
			return contracts.Comment{}, false, err
		}
	}
	err = c.write(ctx, func(h Host) (err error) {
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
	err = c.write(ctx, func(h Host) (err error) {
		updated, replayed, err = h.Edit(ctx, v, id, body, version, key)
		return err
	})
	return updated, replayed, err
}

// Delete is comments.UseCases'.
func (c *Comments) Delete(ctx context.Context, v contracts.Viewer, id string, version int) error {
	return c.write(ctx, func(h Host) error { return h.Delete(ctx, v, id, version) })
}

// Decide is comments.UseCases'.
func (c *Comments) Decide(ctx context.Context, v contracts.Viewer, id string, status contracts.CommentStatus) (judged contracts.Comment, err error) {
	err = c.write(ctx, func(h Host) (err error) {
		judged, err = h.Decide(ctx, v, id, status)
		return err
	})
	return judged, err
}

// CloseUnder is comments.UseCases'.
func (c *Comments) CloseUnder(ctx context.Context, postID, key string) error {
	return c.write(ctx, func(h Host) error { return h.CloseUnder(ctx, postID, key) })
}

// Get is comments.UseCases'.
func (c *Comments) Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error) {
	host, err := c.reader(ctx)
	if err != nil {
		return contracts.Comment{}, err
	}
	return host.Get(ctx, v, id)
}

// List is comments.UseCases'.
func (c *Comments) List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error) {
	host, err := c.reader(ctx)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	return host.List(ctx, v, postID, page)
}

// ByIDs is Reads'.
func (c *Comments) ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error) {
	host, err := c.reader(ctx)
	if err != nil {
		return nil, err
	}
	return host.ByIDs(ctx, ids)
}

// Latest is Reads'. Where they can't be had at this moment there are none: the posts
// that they are shown under are what the reader came for.
func (c *Comments) Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error) {
	host, err := c.reader(ctx)
	if err != nil {
		return nil, err
	}
	latest, err := host.Latest(ctx, postIDs, n)
	if problem.Is(err, httpkit.Unavailable) {
		c.cfg.Logger.WarnContext(ctx, "posts shown without their latest comments", "error", err)
		return nil, nil
	}
	return latest, err
}
