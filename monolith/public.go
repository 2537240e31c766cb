package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts/openapi"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/apidocs"
	"banyan.dev/monolith/internal/pages"
	"banyan.dev/platform/call"
	"banyan.dev/platform/database"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

const (
	streamLooks = time.Second      // how often a stream asks for news
	streamBeats = 15 * time.Second // below what balancers call idle
)

// publicServer is the port that people reach: every request is checked for where it comes
// from, gets its session, and then the one who is asking.
func (h *host) publicServer(b blog) (*echo.Echo, error) {
	desk := accounts.NewDesk(b.accounts, h.sessions, accounts.NewThrottle(time.Now))
	blogPages, err := pages.New(pages.Deps{
		Desk: desk, Accounts: b.accounts, Posts: b.posts, Comments: b.talk, Moderation: b.moderation,
		Feed: b.feed, Notifications: b.notifications, Flashes: h.sessions, Logger: h.Logger,
		PublicURL: h.settings.publicURL, Version: h.Version,
	})
	if err != nil {
		return nil, err
	}
	e := httpkit.New(httpkit.Config{
		Logger:         h.Logger,
		Registerer:     h.Registry,
		Tracer:         h.Tracer,
		TrustedProxies: h.cfg.TrustedProxies,
		Secure:         h.cfg.CookieSecure,
		Unavailable:    func(err error) bool { return database.IsUnavailable(err) || call.IsUnavailable(err) },
		Elsewhere:      ownership.Elsewhere,
		ErrorPage:      blogPages.ErrorPage,
	})
	for _, m := range []echo.MiddlewareFunc{sameOrigin(h.settings.publicURL), httpkit.Wrap(h.sessions.Middleware), accounts.Viewing(h.sessions)} {
		e.Use(httpkit.Unless(impersonal, m))
	}
	httpkit.Probes(e, h.Ready)
	h.api(e.Group("/api/v1"), b, desk)
	blogPages.Register(e)
	if err := h.insideServer(e, b); err != nil {
		return nil, err
	}
	return e, apidocs.Register(e, openapi.Document)
}

// api is the JSON API, feature by feature.
func (h *host) api(g *echo.Group, b blog, desk *accounts.Desk) {
	accounts.Register(g, desk)
	posts.Register(g, b.posts)
	comments.Register(g, b.comments, h.beforeComments()...)
	moderation.Register(g, b.moderation, h.Logger, comments.NoteWrote)
	feed.Register(g, b.feed)
	notifications.Register(g, b.notifications, notifications.NewStreams(b.notifications, h.PublicPort.Draining(), streamLooks, streamBeats))
	g.GET("/openapi.yaml", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/yaml", openapi.Document)
	})
}

// beforeComments sends who asks the wrong side of comments to the right one.
func (h *host) beforeComments() []echo.MiddlewareFunc {
	if h.events == nil {
		return nil
	}
	return []echo.MiddlewareFunc{h.events.gate().Middleware()}
}

// impersonal requests are answered the same to everyone: they need no session, and
// a browser may keep what they bring.
func impersonal(r *http.Request) bool {
	switch r.URL.Path {
	case "/livez", "/readyz", "/favicon.ico", "/api/v1/openapi.yaml", "/api/docs", "/api/docs.css":
		return true
	}
	return strings.HasPrefix(r.URL.Path, "/static/") || ofServices(r)
}

// sameOrigin refuses writes that a browser sends from another site, sign-in among
// them. The blog's own site may change while the host runs.
func sameOrigin(publicURL func() string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			check, err := session.CrossOrigin(publicURL())
			if err != nil {
				return err
			}
			if err := check.Check(c.Request()); err != nil {
				return problem.New(problem.Forbidden, "a page of another site sent this: use the blog's own")
			}
			return next(c)
		}
	}
}
