package main

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

// The bounds of what is asked at once.
const (
	mostAskedOf = 200 // comments or posts: more than a page has
	mostLatest  = 20  // comments under each post
)

// registerInside adds what the monolith asks when comments are owned here. The gateway
// routes none of it. Reads answer whoever owns: they are behind by no more than the
// feed; writes are for the owner.
//
//	GET  /internal/comments?id=..&id=..       {"comments": {id: comment}}, any status, authors without names
//	GET  /internal/latest?post=..&post=..&n=3 {"latest": {post: [comment]}}, approved, newest first, authors without names
//	POST /internal/comments/{id}/decision     {"status": "approved"} by a moderator; the comment
//	POST /internal/posts/{id}/close           {"key": "..."}; 204
func (h *host) registerInside(g *echo.Group) {
	owner := h.parts.gate.Middleware()
	g.GET("/comments", h.byIDs, onlyServices)
	g.GET("/latest", h.latest, onlyServices)
	g.POST("/comments/:id/decision", h.decide, onlyModerators, owner)
	g.POST("/posts/:id/close", h.closePost, onlyServices, owner)
}

// onlyServices refuses whoever does not prove to be a host of the house.
func onlyServices(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !asker(c).IsService() {
			return problem.New(problem.Forbidden, "this is for services of the house: send %s of the role %s", identity.Header, identity.RoleService)
		}
		c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
		return next(c)
	}
}

// onlyModerators is for what the monolith asks on a moderator's behalf.
func onlyModerators(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !contracts.ViewerFrom(c.Request().Context()).Moderates() {
			return problem.New(problem.Forbidden, "only a moderator judges comments")
		}
		return next(c)
	}
}

// idsOf are the query's ids of that name; those that can't be any are nobody's.
func idsOf(c echo.Context, parameter string) ([]string, error) {
	ids := c.QueryParams()[parameter]
	if len(ids) > mostAskedOf {
		var f problem.Fields
		f.Add(parameter, "is there %d times: ask for at most %d at once", len(ids), mostAskedOf)
		return nil, f.Err()
	}
	return slices.DeleteFunc(ids, func(id string) bool { return !contracts.IsID(id) }), nil
}

func (h *host) byIDs(c echo.Context) error {
	ids, err := idsOf(c, "id")
	if err != nil {
		return err
	}
	found, err := h.parts.rows.ByIDs(c.Request().Context(), ids)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, struct {
		Comments map[string]contracts.Comment `json:"comments"`
	}{found})
}

func (h *host) latest(c echo.Context) error {
	posts, err := idsOf(c, "post")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.QueryParam("n"))
	if err != nil || n < 1 || n > mostLatest {
		var f problem.Fields
		f.Add("n", "%q is no number of comments: use 1 to %d", c.QueryParam("n"), mostLatest)
		return f.Err()
	}
	found, err := h.parts.rows.Latest(c.Request().Context(), posts, n)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, struct {
		Latest map[string][]contracts.Comment `json:"latest"`
	}{found})
}

func (h *host) decide(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	in, _, err := httpkit.Read[struct {
		Status contracts.CommentStatus `json:"status"`
	}](c)
	if err != nil {
		return err
	}
	if in.Status != contracts.Approved && in.Status != contracts.Rejected {
		var f problem.Fields
		f.Add("status", "%q is no decision: use %s or %s", in.Status, contracts.Approved, contracts.Rejected)
		return f.Err()
	}
	ctx := c.Request().Context()
	comment, err := h.parts.comments.Decide(ctx, contracts.ViewerFrom(ctx), id, in.Status)
	if err != nil {
		return err
	}
	httpkit.SetETag(c, comment.Version)
	return httpkit.JSON(c, http.StatusOK, comment)
}

func (h *host) closePost(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	in, _, err := httpkit.Read[struct {
		Key string `json:"key"`
	}](c)
	if err != nil {
		return err
	}
	if in.Key == "" || len(in.Key) > 128 {
		var f problem.Fields
		f.Add("key", "has %d bytes: send the event's id, which is what makes asking again harmless", len(in.Key))
		return f.Err()
	}
	if err := h.close(c.Request().Context(), id, in.Key); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// closeWithin bounds the closing of one post.
const closeWithin = 30 * time.Second

// close goes on when who asked goes away: under one post there may be more comments
// than are deleted while anybody waits, and whoever must have it done asks again and
// again. If each of them took its work along, it would never be done. Those who ask
// again meanwhile wait for the same transaction.
func (h *host) close(ctx context.Context, postID, key string) error {
	closed := h.closing.DoChan(postID, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
		defer cancel()
		return nil, h.parts.comments.CloseUnder(ctx, postID, key)
	})
	select {
	case done := <-closed:
		return done.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}
