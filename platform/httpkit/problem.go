package httpkit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/problem"
	"banyan.dev/platform/telemetry"
)

// Kinds of problem that only HTTP knows; the others are in package problem.
const (
	MethodNotAllowed problem.Kind = "method-not-allowed" // 405
	Timeout          problem.Kind = "timeout"            // 408: the body came too slowly
	Unavailable      problem.Kind = "unavailable"        // 503: the same request may succeed soon
)

// The headers of a 421: the host that owns what was asked for, empty when none does at
// this moment, and the epoch of that ownership, a decimal number. Who holds the
// request may send it there: nothing was begun.
const (
	HeaderOwner = "Strangler-Owner"
	HeaderEpoch = "Strangler-Epoch"
)

// Problem is an error as clients see it (RFC 9457).
type Problem struct {
	Kind      problem.Kind    `json:"-"`
	Type      string          `json:"type"`
	Title     string          `json:"title"`
	Status    int             `json:"status"`
	Detail    string          `json:"detail,omitempty"`
	Instance  string          `json:"instance,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Errors    []problem.Field `json:"errors,omitempty"`
}

// ProblemType is the media type of a Problem.
const ProblemType = "application/problem+json"

type appearance struct {
	status int
	title  string
}

// appearances is the one table from a kind to what a client sees of it.
func appearances() map[problem.Kind]appearance {
	return map[problem.Kind]appearance{
		problem.Malformed:            {400, "The request can't be read"},
		problem.Unauthenticated:      {401, "Nobody is signed in"},
		problem.BadCredentials:       {401, "The credentials are not right"},
		problem.Forbidden:            {403, "This is not allowed"},
		problem.NotFound:             {404, "There is nothing here"},
		MethodNotAllowed:             {405, "The method is not for this"},
		Timeout:                      {408, "The request came too slowly"},
		problem.Conflict:             {409, "This conflicts with what is there"},
		problem.EmailTaken:           {409, "The mail address has an account already"},
		problem.VersionMismatch:      {412, "Somebody changed it meanwhile"},
		problem.TooLarge:             {413, "The request is too large"},
		problem.UnsupportedMediaType: {415, "The media type is not supported"},
		problem.NotOwner:             {421, "Another host must answer this"},
		problem.Validation:           {422, "The input is not right"},
		problem.KeyReused:            {422, "The idempotency key belongs to another request"},
		problem.PreconditionRequired: {428, "A precondition is missing"},
		problem.RateLimited:          {429, "Too many requests"},
		problem.Internal:             {500, "Something went wrong here"},
		Unavailable:                  {503, "Not available for a moment"},
	}
}

// kindOfStatus is for errors of echo itself, which know a status only.
func kindOfStatus(status int) problem.Kind {
	switch status {
	case http.StatusNotFound:
		return problem.NotFound
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	case http.StatusRequestEntityTooLarge:
		return problem.TooLarge
	case http.StatusUnsupportedMediaType:
		return problem.UnsupportedMediaType
	case http.StatusTooManyRequests:
		return problem.RateLimited
	case http.StatusServiceUnavailable:
		return Unavailable
	}
	if status >= 400 && status < 500 {
		return problem.Malformed
	}
	return problem.Internal
}

// problems answers errors. It is the echo server's HTTPErrorHandler.
type problems struct {
	table       map[problem.Kind]appearance
	logger      *slog.Logger
	unavailable func(error) bool
	elsewhere   func(error) (owner string, epoch int64, ok bool)
	page        func(c echo.Context, p Problem) error
}

// handle answers a request that failed. What the client may not know is logged
// with the request's id and shown as an internal problem without detail.
func (h problems) handle(err error, c echo.Context) {
	ctx := c.Request().Context()
	if c.Response().Committed {
		h.logger.WarnContext(ctx, "request failed after its answer began", "error", err)
		return
	}
	e := h.explain(ctx, err)
	if e.Kind == problem.Internal || e.Kind == Unavailable {
		h.logger.ErrorContext(ctx, "request failed", "kind", e.Kind, "error", err)
	}
	p := h.problem(c, e)
	h.header(c, p)
	misdirected(c, e)
	if werr := h.write(c, p); werr != nil {
		h.logger.WarnContext(ctx, "problem could not be written", "error", werr)
	}
}

// explain turns any error into a problem that may be shown.
func (h problems) explain(ctx context.Context, err error) *problem.Error {
	var known *problem.Error
	var fromEcho *echo.HTTPError
	var tooLarge *http.MaxBytesError
	owner, epoch, isElsewhere := h.elsewhere(err)
	switch {
	case errors.As(err, &known):
		return known
	case isElsewhere:
		return problem.Elsewhere(owner, epoch, "nothing was done here: send the request to the host that %s names", HeaderOwner)
	case errors.As(err, &tooLarge):
		return problem.New(problem.TooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	case errors.As(err, &fromEcho):
		return problem.New(kindOfStatus(fromEcho.Code), "%s", echoDetail(fromEcho.Code))
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		return problem.New(Timeout, "the body did not arrive in time")
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), h.unavailable(err):
		return problem.New(Unavailable, "the request could not be completed now: try again")
	}
	return problem.New(problem.Internal, "")
}

func echoDetail(status int) string {
	switch status {
	case http.StatusNotFound:
		return "no resource has this address"
	case http.StatusMethodNotAllowed:
		return "see the header Allow for the methods that this address takes"
	}
	return strings.ToLower(http.StatusText(status))
}

func (h problems) problem(c echo.Context, e *problem.Error) Problem {
	look, ok := h.table[e.Kind]
	if !ok {
		look = h.table[problem.Internal]
	}
	return Problem{
		Kind:      e.Kind,
		Type:      "urn:banyan:problem:" + string(e.Kind),
		Title:     look.title,
		Status:    look.status,
		Detail:    e.Detail,
		Instance:  c.Request().URL.EscapedPath(),
		RequestID: telemetry.RequestIDFrom(c.Request().Context()),
		Errors:    e.Fields,
	}
}

func (h problems) header(c echo.Context, p Problem) {
	header := c.Response().Header()
	header.Del("ETag") // it was the answer's that is not given now
	switch p.Status {
	case http.StatusMethodNotAllowed:
		header.Set(echo.HeaderAllow, withHead(header.Get(echo.HeaderAllow)))
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if header.Get(echo.HeaderRetryAfter) == "" {
			header.Set(echo.HeaderRetryAfter, "1")
		}
	}
}

// withHead adds HEAD to the router's list, which knows only what was registered.
func withHead(allow string) string {
	methods := strings.Split(allow, ", ")
	for i, m := range methods {
		if m == http.MethodGet {
			return strings.Join(append(methods[:i+1:i+1], append([]string{http.MethodHead}, methods[i+1:]...)...), ", ")
		}
	}
	return allow
}

// misdirected says on a 421 who is to be asked instead, for the gateway and for hosts
// that ask each other. An owner that is not known is named as such: empty.
func misdirected(c echo.Context, e *problem.Error) {
	if e.Kind != problem.NotOwner {
		return
	}
	c.Response().Header().Set(HeaderOwner, e.Owner)
	c.Response().Header().Set(HeaderEpoch, strconv.FormatInt(e.Epoch, 10))
}

func (h problems) write(c echo.Context, p Problem) error {
	if h.page != nil && wantsPage(c.Request()) {
		return h.page(c, p)
	}
	return writeProblem(c.Response(), p)
}

// wantsPage: programs under /api/ get JSON whatever they accept, people a page.
func wantsPage(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func writeProblem(w http.ResponseWriter, p Problem) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", ProblemType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, err = w.Write(body)
	return err
}

// RetryAfter sets the header of the same name, in whole seconds and at least one,
// for a RateLimited or Unavailable problem returned next.
func RetryAfter(c echo.Context, seconds float64) {
	whole := max(1, int(seconds+0.999))
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(whole))
}
