package accounts

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

// Own is an account as its owner sees it; others see Public.
type Own struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Email     string         `json:"email,omitempty"` // not shown to a moderator
	Role      contracts.Role `json:"role"`
	Version   int            `json:"version"`
	CreatedAt time.Time      `json:"created_at"`
}

// Public is an account as anybody sees it.
type Public struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Role      contracts.Role `json:"role"`
	CreatedAt time.Time      `json:"created_at"`
}

func own(a Account) Own {
	return Own{ID: a.ID, Name: a.Name, Email: a.Email, Role: a.Role, Version: a.Version, CreatedAt: a.CreatedAt}
}

type handler struct {
	desk *Desk
}

// Register adds the routes of accounts and sessions to the API's group.
func Register(g *echo.Group, desk *Desk) {
	h := handler{desk}
	g.POST("/accounts", h.signUp)
	g.GET("/accounts/me", h.me)
	g.PATCH("/accounts/me", h.rename)
	g.GET("/accounts/:id", h.public)
	g.PUT("/accounts/:id/role", h.setRole)
	g.POST("/sessions", h.signIn)
	g.GET("/sessions", h.sessions)
	g.DELETE("/sessions/current", h.signOut)
	g.DELETE("/sessions/:id", h.revoke)
}

func (h handler) signUp(c echo.Context) error {
	in, key, err := httpkit.Read[SignUp](c)
	if err != nil {
		return err
	}
	a, replayed, err := h.desk.SignUp(c.Request().Context(), in, key.Value, c.RealIP())
	if err != nil {
		return refusal(c, err)
	}
	httpkit.Replayed(c, replayed)
	return created(c, a)
}

func (h handler) signIn(c echo.Context) error {
	in, _, err := httpkit.Read[struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}](c)
	if err != nil {
		return err
	}
	a, err := h.desk.SignIn(c.Request().Context(), in.Email, in.Password, c.RealIP())
	if err != nil {
		return refusal(c, err)
	}
	return created(c, a)
}

// created answers somebody who is signed in from now on.
func created(c echo.Context, a Account) error {
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/accounts/"+a.ID)
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	httpkit.SetETag(c, a.Version)
	return httpkit.JSON(c, http.StatusCreated, own(a))
}

func (h handler) signOut(c echo.Context) error {
	if err := h.desk.SignOut(c.Request().Context()); err != nil {
		return refusal(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (h handler) me(c echo.Context) error {
	a, err := h.self(c)
	if err != nil {
		return err
	}
	return httpkit.Versioned(c, a.Version, own(a))
}

// self is the account of who asks, read anew: the record that came with the session
// has neither address nor, for a moment after a change, the newest version.
func (h handler) self(c echo.Context) (Account, error) {
	v := contracts.ViewerFrom(c.Request().Context())
	if !v.SignedIn() {
		return Account{}, problem.New(problem.Unauthenticated, "sign in to see your account")
	}
	return h.desk.accounts.Get(c.Request().Context(), v.ID)
}

func (h handler) rename(c echo.Context) error {
	condition, err := httpkit.IfMatch(c)
	if err != nil {
		return err
	}
	in, _, err := httpkit.Read[struct {
		Name string `json:"name"`
	}](c)
	if err != nil {
		return err
	}
	version, err := condition.Version(func() (int, error) { a, err := h.self(c); return a.Version, err })
	if err != nil {
		return err
	}
	a, err := h.desk.Rename(c.Request().Context(), in.Name, version)
	if err != nil {
		return err
	}
	httpkit.SetETag(c, a.Version)
	return httpkit.JSON(c, http.StatusOK, own(a))
}

func (h handler) public(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "account")
	if err != nil {
		return err
	}
	a, err := h.desk.accounts.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, Public{ID: a.ID, Name: a.Name, Role: a.Role, CreatedAt: a.CreatedAt})
}

func (h handler) setRole(c echo.Context) error {
	in, _, err := httpkit.Read[struct {
		Role contracts.Role `json:"role"`
	}](c)
	if err != nil {
		return err
	}
	id, err := httpkit.ID(c, "id", "account")
	if err != nil {
		return err
	}
	a, err := h.desk.SetRole(c.Request().Context(), id, in.Role)
	if err != nil {
		return err
	}
	if !contracts.ViewerFrom(c.Request().Context()).Is(a.ID) {
		a.Email = "" // a moderator changes roles and reads no addresses
	}
	httpkit.SetETag(c, a.Version)
	return httpkit.JSON(c, http.StatusOK, own(a))
}

func (h handler) sessions(c echo.Context) error {
	infos, err := h.desk.Sessions(c.Request().Context())
	if err != nil {
		return refusal(c, err)
	}
	return httpkit.JSON(c, http.StatusOK, paging.List[session.Info]{Items: infos})
}

func (h handler) revoke(c echo.Context) error {
	if err := h.desk.Revoke(c.Request().Context(), c.Param("id")); err != nil {
		return refusal(c, err)
	}
	return c.NoContent(http.StatusNoContent)
}

// refusal puts the errors of sessions and of the throttle into words of HTTP.
func refusal(c echo.Context, err error) error {
	var throttled *Throttled
	switch {
	case errors.As(err, &throttled):
		httpkit.RetryAfter(c, throttled.After.Seconds())
		return problem.New(problem.RateLimited, "%s", throttled.Error())
	case errors.Is(err, session.ErrNotFound):
		return problem.New(problem.NotFound, "you have no session %q", c.Param("id"))
	case errors.Is(err, session.ErrUnreachable):
		httpkit.RetryAfter(c, 1)
		return problem.New(httpkit.Unavailable, "not every place that holds the session answers: try again")
	}
	return err
}
