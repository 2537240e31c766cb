package httpkit

import (
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/telemetry"
)

// DefaultMaxBody is the most that any request's body may have; JSON and forms are
// bounded lower where they are read.
const DefaultMaxBody = 6 << 20

// Config is what a host chooses for its echo server.
type Config struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
	Tracer     *telemetry.Tracer     // nil: no spans are exported
	// TrustedProxies are those whose X-Forwarded-For is believed; with none, the
	// client is whoever holds the connection.
	TrustedProxies []netip.Prefix
	// Secure says that people come by HTTPS: browsers are told to stay there.
	Secure bool
	// MaxBody bounds a request's body in bytes; 0 means DefaultMaxBody.
	MaxBody int64
	// Unavailable tells errors that pass by themselves (a database that restarts)
	// from those that don't: they are answered 503 with Retry-After. nil: none is.
	Unavailable func(error) bool
	// Elsewhere tells errors which mean that another host must answer: who, and at what
	// epoch (see HeaderOwner). They are answered 421. nil: none does. Problems of the
	// kind NotOwner are answered so in any case.
	Elsewhere func(error) (owner string, epoch int64, ok bool)
	// ErrorPage renders a problem for people: outside /api/, for who accepts HTML.
	// nil: everybody gets problem+json.
	ErrorPage func(c echo.Context, p Problem) error
}

// New returns an echo server on which a host registers its routes. Each request
// gets an id and a trace, one log line, and its figures; a panic or an error
// becomes a problem; HEAD is answered wherever GET is. Middleware that a host adds
// by Use runs inside all that.
func New(cfg Config) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = clientAddress(cfg.TrustedProxies)
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Unavailable == nil {
		cfg.Unavailable = func(error) bool { return false }
	}
	if cfg.Elsewhere == nil {
		cfg.Elsewhere = func(error) (string, int64, bool) { return "", 0, false }
	}
	e.HTTPErrorHandler = problems{appearances(), cfg.Logger, cfg.Unavailable, cfg.Elsewhere, cfg.ErrorPage}.handle
	e.Pre(begin(cfg.Tracer))
	e.Use(routed, observe(cfg.Logger, newFigures(cfg.Registerer)), recovered(cfg.Logger), headers(cfg.Secure), limitBody(cfg.MaxBody))
	return e
}

// Wrap makes echo middleware of net/http middleware. Errors of what is inside are
// answered inside too, so that the wrapper sees the finished answer: the session's
// must set its cookie before the first byte.
func Wrap(outer func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			response := c.Response()
			under := response.Writer
			defer func() { response.Writer = under }()
			outer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				response.Writer = w
				c.SetRequest(r)
				if err := next(c); err != nil {
					c.Error(err)
				}
			})).ServeHTTP(under, c.Request())
			return nil
		}
	}
}

// Fail answers from inside net/http middleware, where there is no echo context.
func Fail(e *echo.Echo, w http.ResponseWriter, r *http.Request, err error) {
	e.HTTPErrorHandler(err, e.NewContext(r, w))
}

// Unless applies middleware to all requests but those that skip names: a static
// file needs no session.
func Unless(skip func(*http.Request) bool, m echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		with := m(next)
		return func(c echo.Context) error {
			if skip(c.Request()) {
				return next(c)
			}
			return with(c)
		}
	}
}
