package pages

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

// ErrorPage renders a problem for people: what httpkit.Config.ErrorPage asks for. It
// asks nothing of the database, which may be what failed.
func (p *Pages) ErrorPage(c echo.Context, about httpkit.Problem) error {
	if about.Kind == problem.Unauthenticated && c.Request().Method == http.MethodGet {
		return redirect(c, signInPath(here(c)))
	}
	about.Detail = sentence(about.Detail)
	page := errorPage{Problem: about, Kind: string(about.Kind), Advice: adviceFor(about.Kind), SignIn: signInPath(here(c))}
	return p.show(c, about.Status, "error", view{Title: about.Title, Plain: true, Page: page})
}

type errorPage struct {
	httpkit.Problem
	Kind   string
	Advice string
	SignIn string
}

func adviceFor(kind problem.Kind) string {
	for _, e := range explanations() {
		if e.Kind == kind {
			return e.Advice
		}
	}
	return ""
}

// refusal puts the errors of sessions into problems.
func refusal(c echo.Context, err error) error {
	if errors.Is(err, session.ErrUnreachable) {
		httpkit.RetryAfter(c, 1)
		return problem.New(httpkit.Unavailable, "not every place that holds the session answers: try again in a moment")
	}
	return err
}

// problems explains to people what the API's problems mean.
func (p *Pages) problems(c echo.Context) error {
	return p.show(c, http.StatusOK, "problems", view{Title: "When something goes wrong", Page: explanations()})
}

// explanation is one kind of problem in words for people.
type explanation struct {
	Kind    problem.Kind
	Status  int
	Meaning string
	Advice  string // what to do
}

func explanations() []explanation {
	return []explanation{
		{problem.Malformed, 400, "What was sent could not be read at all.", "Go back, reload the page and try again. A program should look at what it sends."},
		{problem.Unauthenticated, 401, "This is for people who are signed in, and nobody is.", "Sign in, then do it again."},
		{problem.BadCredentials, 401, "The mail address and the password do not belong together.", "Type both anew. Mind capital letters, and which address you signed up with."},
		{problem.Forbidden, 403, "You are signed in, but this is not yours to do.", "Check that you are signed in as the right person. A form has to be sent from a page of this site."},
		{problem.NotFound, 404, "There is nothing at this address, or nothing that you may see.", "Check the address. What was here may have been deleted; search for it, or start from the front page."},
		{httpkit.MethodNotAllowed, 405, "The address exists, but can't be used in this way.", "Use the links and buttons of the pages. A program finds the methods in the header Allow."},
		{httpkit.Timeout, 408, "The request arrived too slowly.", "Send it again, if you can over a better connection."},
		{problem.Conflict, 409, "It does not fit what is there already.", "Reload the page, look at what is there now, and try again."},
		{problem.EmailTaken, 409, "Somebody has an account with this mail address.", "If that is you, sign in. Else take another address."},
		{problem.VersionMismatch, 412, "Somebody changed it after you opened it.", "Look at the new version and put your change into that."},
		{problem.TooLarge, 413, "What was sent is larger than what is taken.", "Send less: a cover may have 5 MB, a post 256 KB of text."},
		{problem.UnsupportedMediaType, 415, "What was sent is of a kind that is not taken here.", "Send a PNG, JPEG, GIF or WebP picture as a cover. A program sends JSON."},
		{problem.NotOwner, 421, "What was asked for is just moving to another server of ours.", "Try again in a few seconds: nothing was begun. A program that comes through the gateway never sees this."},
		{problem.Validation, 422, "Something that was filled in is not right.", "Each field at fault is named with what is wrong with it: mend those and send it again."},
		{problem.KeyReused, 422, "The same form was sent twice with different content.", "Reload the form and send it anew. A program takes a new Idempotency-Key for a new request."},
		{problem.PreconditionRequired, 428, "A change has to say which version it was made from.", "A program sends the ETag of what it read as If-Match."},
		{problem.RateLimited, 429, "That was too much in too short a time.", "Wait a moment, then try again. A program finds the time in the header Retry-After."},
		{problem.Internal, 500, "We made a mistake. It is noted, with the number shown.", "Try again in a moment. If it stays, tell us the number."},
		{httpkit.Unavailable, 503, "Something that is needed does not answer at the moment.", "Try again in a few seconds. What was acknowledged before is safe."},
	}
}
