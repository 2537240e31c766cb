package httpkit

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/problem"
	"banyan.dev/platform/telemetry"
)

// AdminConfig is what a host shows on its second port.
type AdminConfig struct {
	Logger   *slog.Logger
	Registry *prometheus.Registry
	// Ready tells whether the public port wants requests, and why not.
	Ready func() error
	// Topology is what runs here and which seams are in force; it is asked each time.
	Topology func() any
}

// NewAdmin returns the server of the port that only the cluster reaches: probes,
// metrics, topology. What changes something or tells about people is mounted by
// the host, with Guard.
func NewAdmin(cfg AdminConfig) *echo.Echo {
	e := New(Config{Logger: cfg.Logger})
	Probes(e, cfg.Ready)
	e.GET("/healthz", alive)
	e.GET("/metrics", echo.WrapHandler(telemetry.MetricsHandler(cfg.Registry)))
	e.GET("/topology", func(c echo.Context) error { return JSON(c, http.StatusOK, cfg.Topology()) })
	return e
}

// Probes answers /livez, while the process runs, and /readyz, while it wants
// requests. Neither asks the database: its outage must not restart or hide every
// replica at once.
func Probes(e *echo.Echo, ready func() error) {
	e.GET("/livez", alive)
	e.GET("/readyz", func(c echo.Context) error {
		if err := ready(); err != nil {
			return c.String(http.StatusServiceUnavailable, err.Error()+"\n")
		}
		return c.String(http.StatusOK, "ready\n")
	})
}

func alive(c echo.Context) error { return c.String(http.StatusOK, "alive\n") }

// Bearer lets only requests with the token through (RFC 6750). An empty token lets
// nobody through.
func Bearer(token string) echo.MiddlewareFunc {
	want := sha256.Sum256([]byte(token)) // equal lengths, so that comparing tells none
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			given, ok := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
			got := sha256.Sum256([]byte(given))
			if !ok || token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				c.Response().Header().Set("WWW-Authenticate", "Bearer")
				return problem.New(problem.Unauthenticated, "send Authorization: Bearer with the ADMIN_TOKEN")
			}
			return next(c)
		}
	}
}

// Guard mounts handlers by their paths, with all that is below them, behind Bearer.
func Guard(e *echo.Echo, token string, handlers map[string]http.Handler) {
	for path, handler := range handlers {
		g := e.Group(path, Bearer(token))
		g.Any("", echo.WrapHandler(handler))
		g.Any("/*", echo.WrapHandler(handler))
	}
}
