package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/database"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// publicServer is the port that the gateway and the monolith reach.
func (h *host) publicServer() (*echo.Echo, error) {
	e := httpkit.New(httpkit.Config{
		Logger:         h.Logger,
		Registerer:     h.Registry,
		Tracer:         h.Tracer,
		TrustedProxies: h.cfg.TrustedProxies,
		Secure:         strings.HasPrefix(h.cfg.PublicURL, "https:"),
		Unavailable:    func(err error) bool { return database.IsUnavailable(err) || call.IsUnavailable(err) },
		Elsewhere:      ownership.Elsewhere,
	})
	site, err := sameSite(h.cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	e.Use(httpkit.Unless(probes, whoIsAsking(h.parts.keys, time.Now)), httpkit.Unless(inside, site))
	httpkit.Probes(e, h.Ready)
	comments.Register(e.Group("/api/v1"), h.parts.comments, h.parts.gate.Middleware())
	h.registerInside(e.Group("/internal"))
	return e, nil
}

// probes tells requests of who keeps the host running: they come from nobody.
func probes(r *http.Request) bool { return r.URL.Path == "/livez" || r.URL.Path == "/readyz" }

// inside tells requests that hosts of the house send.
func inside(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/internal/") }

// asker is who signed itself in the request's header: a person, a service, or nobody.
func asker(c echo.Context) identity.Identity {
	who, _ := c.Get(askerName).(identity.Identity)
	return who
}

// askerName is where whoIsAsking leaves it.
const askerName = "asker"

// whoIsAsking reads the identity that the gateway, or another host, has signed. Without
// one the request is a visitor's. One that does not hold is no visitor's: whoever sent
// it meant to be somebody, and must not be answered as nobody.
func whoIsAsking(keys identity.Keys, now func() time.Time) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			tokens := r.Header.Values(identity.Header)
			if len(tokens) == 0 {
				return next(c)
			}
			if len(tokens) > 1 {
				return problem.New(problem.Unauthenticated, "%s is there %d times: send one", identity.Header, len(tokens))
			}
			who, err := keys.Verify(tokens[0], now())
			if err != nil {
				return refused(err)
			}
			c.Set(askerName, who)
			if who.IsService() {
				return next(c)
			}
			viewer, err := viewerOf(who)
			if err != nil {
				return err
			}
			c.SetRequest(r.WithContext(contracts.WithViewer(r.Context(), viewer)))
			return next(c)
		}
	}
}

func refused(err error) error {
	if errors.Is(err, identity.ErrExpired) {
		return problem.New(problem.Unauthenticated, "%s has expired: send a new one", identity.Header)
	}
	return problem.New(problem.Unauthenticated, "%s is not signed by this house", identity.Header)
}

// viewerOf is the person. What else a key's holder may sign is nobody that comments
// knows of.
func viewerOf(who identity.Identity) (contracts.Viewer, error) {
	v := contracts.Viewer{Person: contracts.Person{ID: who.ID, Name: who.Name}, Role: contracts.Role(who.Role)}
	known := v.Role == contracts.Reader || v.Role == contracts.Author || v.Role == contracts.Moderator
	if !contracts.IsID(v.ID) || !known {
		return contracts.Viewer{}, problem.New(problem.Unauthenticated, "%s is of nobody that has an account: id %q, role %q", identity.Header, who.ID, who.Role)
	}
	return v, nil
}

// sameSite refuses a person's writes that a browser sends from another site: the
// gateway signed them because the browser sent the session's cookie along. It also
// keeps services to their own paths. The check is net/http's; see package session.
func sameSite(publicURL string) (echo.MiddlewareFunc, error) {
	check := http.NewCrossOriginProtection()
	if err := check.AddTrustedOrigin(publicURL); err != nil {
		return nil, fmt.Errorf("PUBLIC_URL %q: %w", publicURL, err)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			who := asker(c)
			switch {
			case who.IsService():
				return problem.New(problem.Forbidden, "this is for people: services ask under /internal/")
			case who.ID != "" && check.Check(c.Request()) != nil:
				return problem.New(problem.Forbidden, "a page of another site sent this: use the blog's own")
			}
			return next(c)
		}
	}, nil
}
