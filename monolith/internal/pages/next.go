package pages

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"
)

// localOnly returns an address if it leads to a page of ours, else "". Browsers read
// // and /\ as the beginning of another host, and drop tabs and line ends before they
// look; what is hidden by percent signs is refused too.
func localOnly(to string) string {
	parsed, err := url.Parse(to)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || parsed.Opaque != "" {
		return ""
	}
	for _, s := range []string{to, parsed.Path} {
		if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsRune(s, '\\') || strings.ContainsFunc(s, unicode.IsControl) {
			return ""
		}
	}
	return to
}

// nextOf is where a sign-in leads that was asked to lead to next.
func nextOf(next string) string {
	if to := localOnly(next); to != "" && !strings.HasPrefix(to, "/sign-") {
		return to
	}
	return "/"
}

// backOf is the page that the form was on, as the browser tells.
func backOf(c echo.Context) string {
	from, err := url.Parse(c.Request().Referer())
	if err != nil || from.Host != c.Request().Host {
		return "/"
	}
	return nextOf(from.RequestURI())
}

// signInPath is the sign-in that leads back to a page.
func signInPath(next string) string {
	if next == "" || next == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"next": {next}}.Encode()
}

// signedIn lets only those through who are. A visitor who asks for a page is led to
// the sign-in and back. One who sent a form was signed out while filling it in: it
// must not be lost, so the page that says so holds it, ready to be sent again.
func (p *Pages) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch {
		case viewer(c).SignedIn():
			return next(c)
		case c.Request().Method != http.MethodPost:
			return redirect(c, signInPath(localOnly(c.Request().URL.RequestURI())))
		}
		page := signedOutPage{SignIn: signInPath(backOf(c)), Action: c.Request().URL.EscapedPath()}
		if f, err := readForm(c); err == nil {
			page.Kept = f.values
			page.Title, page.Body = f.text("title"), f.text("body")
		}
		return p.show(c, http.StatusUnauthorized, "signed-out", view{Title: "You are signed out", Plain: true, Page: page})
	}
}

type signedOutPage struct {
	SignIn, Action string
	Kept           url.Values // nil when the form can't be sent again from here
	Title, Body    string     // what a person wrote, to be seen
}
