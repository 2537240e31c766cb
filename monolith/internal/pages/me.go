package pages

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

func (p *Pages) myPosts(c echo.Context) error {
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := p.Posts.Mine(c.Request().Context(), viewer(c), at)
	if err != nil {
		return err
	}
	page := listPage{Cards: cardsOf(list.Items), Newer: firstLink(c), Next: nextLink(c, list.Next)}
	return p.show(c, http.StatusOK, "my-posts", view{Title: "My posts", Active: "my-posts", Page: page})
}

// profilePage is one's account with the name that stands in the form.
type profilePage struct {
	accounts.Account
	Typed  string
	Faults faults
}

func (p *Pages) profile(c echo.Context) error {
	a, err := p.Accounts.Get(c.Request().Context(), viewer(c).ID)
	if err != nil {
		return err
	}
	return p.showProfile(c, http.StatusOK, profilePage{Account: a, Typed: a.Name})
}

func (p *Pages) showProfile(c echo.Context, status int, page profilePage) error {
	return p.show(c, status, "profile", view{Title: "My profile", Active: "profile", Page: page})
}

func (p *Pages) rename(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	version, err := versionOf(f)
	if err != nil {
		return err
	}
	_, err = p.Desk.Rename(c.Request().Context(), f.line("name"), version)
	if err == nil {
		return p.done(c, "/me/profile", "Your name is changed.")
	}
	a, gone := p.Accounts.Get(c.Request().Context(), viewer(c).ID)
	if gone != nil {
		return gone
	}
	page := profilePage{Account: a, Typed: f.line("name")}
	if problem.Is(err, problem.VersionMismatch) {
		page.Faults = faults{"name": {fmt.Sprintf("was changed to %q elsewhere meanwhile: save once more if yours shall stand", a.Name)}}
		return p.showProfile(c, http.StatusPreconditionFailed, page)
	}
	return p.again(c, err, func(status int, wrong faults) error {
		page.Faults = wrong
		return p.showProfile(c, status, page)
	})
}

// takeRole changes one's own role between reader and author.
func (p *Pages) takeRole(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	a, err := p.Desk.SetRole(c.Request().Context(), viewer(c).ID, contracts.Role(f.values.Get("role")))
	if err != nil {
		return err
	}
	if a.Role == contracts.Author {
		return p.done(c, "/write", "You are an author now. This is your first page.")
	}
	return p.done(c, "/me/profile", "You are a "+string(a.Role)+" now.")
}

func (p *Pages) sessions(c echo.Context) error {
	infos, err := p.Desk.Sessions(c.Request().Context())
	if err != nil {
		return refusal(c, err)
	}
	return p.show(c, http.StatusOK, "sessions", view{Title: "Where you are signed in", Active: "sessions", Page: infos})
}

func (p *Pages) revoke(c echo.Context) error {
	err := p.Desk.Revoke(c.Request().Context(), c.Param("id"))
	switch {
	case errors.Is(err, session.ErrNotFound):
		return p.done(c, "/me/sessions", "That session had ended already.")
	case err != nil:
		return refusal(c, err)
	}
	return p.done(c, "/me/sessions", "That session is ended.")
}

// revokeOthers ends all sessions but the one that asks. One that ends by itself
// meanwhile is as good.
func (p *Pages) revokeOthers(c echo.Context) error {
	ctx := c.Request().Context()
	infos, err := p.Desk.Sessions(ctx)
	if err != nil {
		return refusal(c, err)
	}
	ended := 0
	for _, info := range infos {
		if info.Current {
			continue
		}
		switch err := p.Desk.Revoke(ctx, info.ID); {
		case err == nil:
			ended++
		case !errors.Is(err, session.ErrNotFound):
			return refusal(c, err)
		}
	}
	return p.done(c, "/me/sessions", fmt.Sprintf("%d other %s ended.", ended, plural(ended, "session is", "sessions are")))
}
