package httpkit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"banyan.dev/platform/telemetry"
)

// HeaderRequestID names a request in logs, answers and problems.
const HeaderRequestID = "X-Request-Id"

type headKey struct{}

// begin gives the request its id and its trace, the gateway's if it sent them, and
// turns HEAD into GET in what handlers see: the server knows from its own request
// that no body may follow, so every handler answers HEAD exactly as it answers GET.
func begin(tracer *telemetry.Tracer) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			id := r.Header.Get(HeaderRequestID)
			if !plainID(id) {
				id = uuid.NewString()
			}
			ctx, span := traced(r, tracer)
			ctx = telemetry.WithRequestID(ctx, id)
			if r.Method == http.MethodHead {
				ctx = context.WithValue(ctx, headKey{}, r)
				r.Method = http.MethodGet // echo routes by the server's request; routed puts it back
			}
			c.SetRequest(r.WithContext(ctx))
			c.Response().Header().Set(HeaderRequestID, id)
			if span == nil {
				return next(c)
			}
			defer func() { endSpan(span, c, id) }()
			return next(c)
		}
	}
}

// traced is the request's context with its trace: the gateway's if it sent one, and
// within it a span of this host's own where spans are exported.
//
// Probes get none: they come all the time and tell nothing.
func traced(r *http.Request, tracer *telemetry.Tracer) (context.Context, *telemetry.Work) {
	if r.URL.Path == "/livez" || r.URL.Path == "/readyz" {
		tracer = nil
	}
	ctx := telemetry.WithTracer(r.Context(), tracer)
	if trace, ok := telemetry.ParseTraceparent(r.Header.Get("Traceparent")); ok {
		return telemetry.Begin(telemetry.WithTrace(ctx, trace), telemetry.Server, r.Method)
	}
	if ctx, span := telemetry.Begin(ctx, telemetry.Server, r.Method); span != nil {
		return ctx, span
	}
	return telemetry.WithTrace(ctx, telemetry.NewTrace()), nil
}

// endSpan names the span by the route's pattern: its path may hold what is private.
func endSpan(span *telemetry.Work, c echo.Context, id string) {
	status, route := c.Response().Status, c.Path()
	span.Called(methodOf(c.Request()) + " " + route)
	span.Say("http.request.method", methodOf(c.Request()))
	span.Say("http.route", route)
	span.Say("http.response.status_code", status)
	span.Say("banyan.request_id", id)
	span.End(status >= http.StatusInternalServerError)
}

// routed gives the server's request its method back, before anything is answered.
func routed(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if servers, ok := c.Request().Context().Value(headKey{}).(*http.Request); ok {
			servers.Method = http.MethodHead
		}
		return next(c)
	}
}

// IsHead tells whether the client sent HEAD, for a handler whose GET never ends.
func IsHead(r *http.Request) bool { return r.Context().Value(headKey{}) != nil }

func methodOf(r *http.Request) string {
	if IsHead(r) {
		return http.MethodHead
	}
	return r.Method
}

// plainID: what others send goes into logs and answers only if it looks like an id.
func plainID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// recorder notes what was really sent, also when middleware answered by itself.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx are not the answer yet
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController flush and set deadlines through it.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe answers errors, then writes the request's log line and counts it. Reads
// that succeed are logged at debug: they are most of the traffic and the figures
// tell enough of them.
func observe(logger *slog.Logger, figures *figures) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := time.Now()
			under := c.Response().Writer
			seen := &recorder{ResponseWriter: under}
			c.Response().Writer = seen
			defer func() { c.Response().Writer = under }()
			if err := next(c); err != nil {
				c.Error(err)
			}
			took := time.Since(start)
			figures.note(c, seen.status, took)
			logRequest(c, logger, seen, took)
			return nil
		}
	}
}

func logRequest(c echo.Context, logger *slog.Logger, seen *recorder, took time.Duration) {
	r := c.Request()
	level := slog.LevelInfo
	if (r.Method == http.MethodGet || r.Method == http.MethodOptions) && seen.status < 400 {
		level = slog.LevelDebug
	}
	if !logger.Enabled(r.Context(), level) {
		return
	}
	logger.LogAttrs(r.Context(), level, "request",
		slog.String("method", methodOf(r)),
		slog.String("path", r.URL.EscapedPath()), // never the query: people search for private things
		slog.String("route", c.Path()),
		slog.Int("status", seen.status),
		slog.Int64("bytes", seen.bytes),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("address", c.RealIP()),
	)
}

// recovered makes an error of a panic. When the answer has begun there is no way
// to take it back: the connection is cut, so that no client takes half for all.
func recovered(logger *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				switch cause := recover(); {
				case cause == nil:
				case isAbort(cause):
					panic(cause)
				default:
					logger.ErrorContext(c.Request().Context(), "handler panicked", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
					if c.Response().Committed {
						panic(http.ErrAbortHandler)
					}
					err = errPanicked
				}
			}()
			return next(c)
		}
	}
}

var errPanicked = errors.New("handler panicked")

func isAbort(cause any) bool {
	err, ok := cause.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// limitBody bounds what any handler can be made to read.
func limitBody(limit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.ContentLength > limit {
				drain(r.Body)
				return &http.MaxBytesError{Limit: limit}
			}
			if r.Body != http.NoBody {
				r.Body = &boundedBody{ReadCloser: r.Body, limit: limit, left: limit}
			}
			return next(c)
		}
	}
}

// boundedBody fails with http.MaxBytesError once more than limit bytes came. It is
// not http.MaxBytesReader because drain must still reach what lies behind it.
type boundedBody struct {
	io.ReadCloser
	limit, left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // the one byte more shows that there is more
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), &http.MaxBytesError{Limit: b.limit}
	}
	b.left -= int64(n)
	return n, err
}
