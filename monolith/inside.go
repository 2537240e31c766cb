package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/ports"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

// What hosts of the house ask this one, on the public port: the gateway never routes
// what lies under inside.
const (
	inside        = "/internal/"
	whoIsAsking   = inside + "identity"
	maxAskedOf    = 200 // people, in one request: those on a page, twice over
	publishedPath = inside + "posts/:id"
	peoplePath    = inside + "people"
	verdictsPath  = inside + "verdicts"
)

// names knows what people are called.
type names interface {
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// insideServer answers the house. Who is asking is the gateway's question, with a
// person's cookie; the others are for services, and not there without a key that could
// tell who is one.
func (h *host) insideServer(e *echo.Echo, b blog) error {
	e.GET(whoIsAsking, answerIdentity)
	if h.cfg.IdentityKey == "" {
		return nil
	}
	keys, err := h.cfg.Keys()
	if err != nil {
		return err
	}
	service := onlyServices(keys, time.Now)
	e.GET(publishedPath, answerPost(ports.CommentsPosts{Posts: b.posts}), service)
	e.GET(peoplePath, answerPeople(b.names), service)
	e.POST(verdictsPath, answerVerdict(b.rulebook), service)
	return nil
}

// ofServices tells whether a request is one that services send: without a session, and
// never by a browser.
func ofServices(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, inside) && r.URL.Path != whoIsAsking
}

// onlyServices refuses whoever does not prove to be a host of the house.
func onlyServices(keys identity.Keys, now func() time.Time) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
			tokens := c.Request().Header.Values(identity.Header)
			if len(tokens) == 1 {
				who, err := keys.Verify(tokens[0], now())
				if err == nil && who.IsService() {
					return next(c)
				}
			}
			return problem.New(problem.Forbidden, "this is for services of the house: send %s of the role %s", identity.Header, identity.RoleService)
		}
	}
}

// person is who is signed in, as the gateway asks for it.
type person struct {
	ID   string         `json:"id"`
	Name string         `json:"name"`
	Role contracts.Role `json:"role"`
}

// answerIdentity tells whose session the request has. It came through the session's
// middleware: to be asked about keeps a session alive as any other request does.
func answerIdentity(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	v := contracts.ViewerFrom(c.Request().Context())
	if !v.SignedIn() {
		return c.NoContent(http.StatusNoContent)
	}
	return httpkit.JSON(c, http.StatusOK, person{v.ID, v.Name, v.Role})
}

func answerPost(posts ports.CommentsPosts) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := httpkit.ID(c, "id", "post")
		if err != nil {
			return err
		}
		post, err := posts.Published(c.Request().Context(), id)
		if err != nil {
			return err
		}
		return httpkit.JSON(c, http.StatusOK, struct {
			ID       string `json:"id"`
			Title    string `json:"title"`
			AuthorID string `json:"author_id"`
		}{post.ID, post.Title, post.AuthorID})
	}
}

func answerPeople(people names) echo.HandlerFunc {
	return func(c echo.Context) error {
		ids := c.QueryParams()["id"]
		if len(ids) > maxAskedOf {
			var f problem.Fields
			f.Add("id", "is there %d times: ask for at most %d people at once", len(ids), maxAskedOf)
			return f.Err()
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return !contracts.IsID(id) }) // nobody's
		known, err := people.Names(c.Request().Context(), ids)
		if err != nil {
			return err
		}
		return httpkit.JSON(c, http.StatusOK, struct {
			Names map[string]string `json:"names"`
		}{known})
	}
}

// judge is what the rules are asked by.
type judge interface {
	Judge(ctx context.Context, text string) (contracts.Verdict, error)
}

func answerVerdict(rules judge) echo.HandlerFunc {
	return func(c echo.Context) error {
		in, _, err := httpkit.Read[struct {
			Text string `json:"text"`
		}](c)
		if err != nil {
			return err
		}
		verdict, err := rules.Judge(c.Request().Context(), in.Text)
		if err != nil {
			return err
		}
		return httpkit.JSON(c, http.StatusOK, struct {
			Status contracts.CommentStatus `json:"status"`
			Reason string                  `json:"reason"`
		}{verdict.Status, verdict.Reason})
	}
}
