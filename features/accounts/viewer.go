package accounts

import (
	"context"
	"fmt"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
)

// Records gives the cached record of who is signed in; ok is false for a visitor,
// and for a session whose account is gone. session.Manager satisfies it.
type Records interface {
	User(ctx context.Context) (record []byte, ok bool, err error)
}

// Viewing returns middleware that puts who is asking into the request's context,
// under the session middleware. It asks the database at most once a request, and
// not at all for visitors. Answers to somebody signed in are never stored by a
// cache; those to visitors are asked about again each time.
func Viewing(records Records) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			header := c.Response().Header()
			header.Set(echo.HeaderCacheControl, "no-cache")
			ctx := c.Request().Context()
			cached, ok, err := records.User(ctx)
			if err != nil {
				return fmt.Errorf("find who is asking: %w", err)
			}
			if !ok {
				return next(c)
			}
			header.Set(echo.HeaderCacheControl, "no-store")
			viewer, err := viewerOf(cached)
			if err != nil {
				return err
			}
			c.SetRequest(c.Request().WithContext(contracts.WithViewer(ctx, viewer)))
			return next(c)
		}
	}
}
