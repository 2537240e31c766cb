package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
)

// accessPage is the sign-in and the sign-up with what was typed, but for the
// password.
type accessPage struct {
	Name, Email, Next string
	Faults            faults
}

func (p *Pages) signInForm(c echo.Context) error {
	next := nextOf(c.QueryParam("next"))
	if viewer(c).SignedIn() {
		return redirect(c, next)
	}
	return p.showSignIn(c, http.StatusOK, accessPage{Next: next})
}

func (p *Pages) showSignIn(c echo.Context, status int, page accessPage) error {
	return p.show(c, status, "sign-in", view{Title: "Sign in", Active: "sign-in", Page: page})
}

func (p *Pages) signIn(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := accessPage{Email: f.line("email"), Next: nextOf(f.values.Get("next"))}
	a, err := p.Desk.SignIn(c.Request().Context(), page.Email, f.values.Get("password"), c.RealIP())
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			page.Faults = wrong
			return p.showSignIn(c, status, page)
		})
	}
	return p.done(c, page.Next, "Welcome back, "+a.Name+".")
}

func (p *Pages) signUpForm(c echo.Context) error {
	next := nextOf(c.QueryParam("next"))
	if viewer(c).SignedIn() {
		return redirect(c, next)
	}
	return p.showSignUp(c, http.StatusOK, accessPage{Next: next})
}

func (p *Pages) showSignUp(c echo.Context, status int, page accessPage) error {
	return p.show(c, status, "sign-up", view{Title: "Sign up", Active: "sign-up", Page: page})
}

func (p *Pages) signUp(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := accessPage{Name: f.line("name"), Email: f.line("email"), Next: nextOf(f.values.Get("next"))}
	in := accounts.SignUp{Name: page.Name, Email: page.Email, Password: f.values.Get("password")}
	a, _, err := p.Desk.SignUp(c.Request().Context(), in, f.values.Get(keyField), c.RealIP())
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			page.Faults = wrong
			return p.showSignUp(c, status, page)
		})
	}
	return p.done(c, page.Next, "Welcome, "+a.Name+". Nice to have you here.")
}

// again shows a form once more when the error is one that a person can mend there.
func (p *Pages) again(c echo.Context, err error, show func(status int, wrong faults) error) error {
	wrong, status, ok := faultsOf(c, err)
	if !ok {
		return refusal(c, err)
	}
	return show(status, wrong)
}

// signOut is for everybody: a sign-out that failed half way is repeated by somebody
// who is signed out already.
func (p *Pages) signOut(c echo.Context) error {
	if err := p.Desk.SignOut(c.Request().Context()); err != nil {
		return refusal(c, err)
	}
	return redirect(c, "/")
}
