package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/topology"
	"banyan.dev/platform/telemetry"
)

// Options is what the control plane shows and is guarded by.
type Options struct {
	Name    string
	Version string
	// Token guards changes; "" refuses them all.
	Token string
	// Local tells that the port is bound to loopback: then only this machine's own
	// names are answered to.
	Local bool
	// Holds are the gates that the data plane passes through.
	Holds *hold.Gates
}

// Server is the control plane. Make one with New.
type Server struct {
	options  Options
	current  *current.Current
	logger   *slog.Logger
	echo     *echo.Echo
	draining atomic.Bool

	topology *topology.Watch
	recent   *window
	events   *hub
	holds    holders
	closing  chan struct{} // ends event streams and samples
	close    sync.Once
	running  sync.WaitGroup
}

// New returns the control plane over what is current. Close it to end what it
// started, whether it serves or not.
func New(o Options, c *current.Current, registry *prometheus.Registry, logger *slog.Logger) *Server {
	s := &Server{
		options: o, current: c, logger: logger, echo: echo.New(), closing: make(chan struct{}),
		recent: newWindow(), holds: holders{gates: o.Holds, of: map[string]string{}},
	}
	s.events = newHub(s.frame, s.closing)
	s.topology = topology.Begin(s.targets, logger)
	s.running.Go(s.sample)
	s.routes(registry)
	return s
}

func (s *Server) routes(registry *prometheus.Registry) {
	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.failed
	e.Server.ReadHeaderTimeout = 10 * time.Second
	e.Use(secure)
	if s.options.Local {
		e.Use(local)
	}
	e.GET("/livez", ok)
	e.GET("/healthz", ok)
	e.GET("/readyz", s.ready)
	e.GET("/metrics", echo.WrapHandler(telemetry.MetricsHandler(registry)))
	e.GET("/topology", s.tellTopology)

	e.GET("/api/status", s.status)
	e.GET("/api/events", s.followStatus)
	e.GET("/api/config", s.readConfig)
	e.PUT("/api/config", s.writeConfig, s.guarded)
	e.POST("/api/routes/:route/canary", s.setCanary, s.guarded)
	e.GET("/api/routes/:route/differences", s.differences)
	e.GET("/api/resources", s.listResources)
	e.GET("/api/resources/:resource", s.readResource)
	e.PUT("/api/resources/:resource", s.moveResource, s.guarded)
	e.POST("/api/holds", s.beginHold, s.guarded)
	e.GET("/api/holds", s.listHolds)
	e.GET("/api/holds/:hold", s.readHold)
	e.POST("/api/holds/:hold/renew", s.renewHold, s.guarded)
	e.DELETE("/api/holds/:hold", s.endHold, s.guarded)
	e.GET("/api/token", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, s.guarded)

	toPage := func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, page.Path) }
	e.GET("/", toPage)
	e.GET("/_strangler", toPage)
	e.GET(page.Path, s.page)
	e.GET(page.Path+"events", s.followPage)
	e.GET(page.Path+"differences/:route", s.differencesPage)
	e.StaticFS(page.Path+"assets", page.Assets())
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

// Close ends event streams, and stops serving, within the context.
func (s *Server) Close(ctx context.Context) error {
	s.close.Do(func() { close(s.closing) })
	s.topology.Close()
	err := s.echo.Shutdown(ctx)
	s.running.Wait()
	s.events.running.Wait()
	return err
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

func (s *Server) tellTopology(c echo.Context) error {
	seams := map[string]any{}
	if snapshot := s.current.Snapshot(); snapshot != nil {
		seams["revision"], seams["digest"], seams["source"] = snapshot.Revision, snapshot.Digest, snapshot.Source
		owns := map[string]owning{}
		for _, r := range snapshot.Table.Config.Resources {
			owns[r.Name] = owning{r.Owner, r.Epoch}
		}
		if len(owns) > 0 {
			seams["resources"] = owns
		}
	}
	return c.JSON(http.StatusOK, map[string]any{"host": "gateway", "name": s.options.Name, "version": s.options.Version, "seams": seams})
}
