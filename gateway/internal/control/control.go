package control

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/platform/telemetry"
)

// Options is what the control plane shows and is guarded by.
type Options struct {
	Name    string
	Version string
	// Token guards changes; "" refuses them all.
	Token string
}

// Server is the control plane. Make one with New.
type Server struct {
	options  Options
	current  *current.Current
	logger   *slog.Logger
	echo     *echo.Echo
	draining atomic.Bool
	closing  chan struct{} // ends event streams
}

// New returns the control plane over what is current.
func New(o Options, c *current.Current, registry *prometheus.Registry, logger *slog.Logger) *Server {
	s := &Server{options: o, current: c, logger: logger, echo: echo.New(), closing: make(chan struct{})}
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.failed
	e.Server.ReadHeaderTimeout = 10 * time.Second
	e.Use(secure)
	e.GET("/livez", ok)
	e.GET("/healthz", ok)
	e.GET("/readyz", s.ready)
	e.GET("/metrics", echo.WrapHandler(telemetry.MetricsHandler(registry)))
	e.GET("/topology", s.topology)
	e.GET("/api/status", s.status)
	e.GET("/api/config", s.read)
	e.PUT("/api/config", s.write, s.guarded)
	e.GET("/api/events", s.events)
	e.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, pagePath) })
	e.GET("/_strangler", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, pagePath) })
	e.GET(pagePath, s.page)
	e.GET(pagePath+"script.js", script)
	e.GET(pagePath+"style.css", style)
	return s
}

// Handler is the control plane without its port, as tests use it.
func (s *Server) Handler() http.Handler { return s.echo }

// Serve serves the listener until Close.
func (s *Server) Serve(ln net.Listener) error {
	s.echo.Listener = ln
	if err := s.echo.Start(""); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// BeginDrain makes /readyz say that this gateway is going.
func (s *Server) BeginDrain() { s.draining.Store(true) }

// Close ends event streams and stops serving, within the context.
func (s *Server) Close(ctx context.Context) error {
	close(s.closing)
	return s.echo.Shutdown(ctx)
}

func ok(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

func (s *Server) ready(c echo.Context) error {
	switch {
	case s.draining.Load():
		return c.String(http.StatusServiceUnavailable, "draining\n")
	case s.current.Snapshot() == nil:
		return c.String(http.StatusServiceUnavailable, "no configuration yet\n")
	}
	return ok(c)
}

func (s *Server) topology(c echo.Context) error {
	seams := map[string]any{}
	if snapshot := s.current.Snapshot(); snapshot != nil {
		seams["revision"], seams["source"] = snapshot.Revision, snapshot.Source
	}
	return c.JSON(http.StatusOK, map[string]any{"host": "gateway", "name": s.options.Name, "version": s.options.Version, "seams": seams})
}

// guarded asks for the token.
func (s *Server) guarded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		given, isBearer := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		if s.options.Token == "" {
			return echo.NewHTTPError(http.StatusForbidden, "changes are off: the gateway was started without ADMIN_TOKEN")
		}
		if !isBearer || subtle.ConstantTimeCompare([]byte(given), []byte(s.options.Token)) != 1 {
			c.Response().Header().Set("WWW-Authenticate", `Bearer realm="gateway"`)
			return echo.NewHTTPError(http.StatusUnauthorized, "send Authorization: Bearer with the gateway's ADMIN_TOKEN")
		}
		return next(c)
	}
}

// secure keeps browsers from doing with the page what it isn't for.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// failed answers errors as problem+json.
func (s *Server) failed(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, detail := http.StatusInternalServerError, "the gateway failed"
	var told *echo.HTTPError
	if errors.As(err, &told) {
		status, detail = told.Code, fmt.Sprint(told.Message)
	} else {
		s.logger.ErrorContext(c.Request().Context(), "control request failed", "path", c.Path(), "error", err)
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	problem := map[string]any{
		"type": "urn:banyan:problem:" + kinds[status], "title": http.StatusText(status),
		"status": status, "detail": detail, "instance": c.Request().URL.Path,
	}
	if err := c.JSON(status, problem); err != nil {
		s.logger.DebugContext(c.Request().Context(), "answer not delivered", "error", err)
	}
}

var kinds = map[int]string{
	http.StatusBadRequest: "malformed", http.StatusUnauthorized: "unauthenticated", http.StatusForbidden: "forbidden",
	http.StatusNotFound: "not-found", http.StatusMethodNotAllowed: "method-not-allowed", http.StatusConflict: "conflict",
	http.StatusPreconditionFailed: "version-mismatch", http.StatusPreconditionRequired: "precondition-required",
	http.StatusRequestEntityTooLarge: "too-large", http.StatusUnprocessableEntity: "validation", http.StatusInternalServerError: "internal",
}
