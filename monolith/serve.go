package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/features/accounts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/database"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/run"
	"banyan.dev/platform/session"
	"banyan.dev/platform/telemetry"
)

// host is one running monolith.
type host struct {
	cfg      config.Config
	logger   *slog.Logger
	registry *prometheus.Registry
	tracer   *telemetry.Tracer // nil: nothing is exported
	started  time.Time

	settings   *settings
	db         *database.DB
	events     *events // nil while EVENTS is off
	sessions   *session.Manager
	public     *echo.Echo
	publicPort *httpkit.Port
	adminPort  *httpkit.Port

	stack  run.Stack  // what is to be stopped, in reverse order
	failed chan error // a part that ended by itself
}

// serve runs the monolith until ctx ends, then stops it in order.
func serve(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	if err := cfg.MayServe(); err != nil {
		return err
	}
	h, err := start(ctx, cfg, logger)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		logger.Info("stopping", "drain_notice", cfg.DrainNotice.String(), "drain_timeout", cfg.DrainTimeout.String())
	case err = <-h.failed:
	}
	return errors.Join(err, h.stop())
}

// start brings everything up, first what others need. What was started before
// something failed is stopped again.
func start(ctx context.Context, cfg config.Config, logger *slog.Logger) (*host, error) {
	h := &host{cfg: cfg, logger: logger, registry: telemetry.NewRegistry(), started: time.Now().UTC(), failed: make(chan error, 16)}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	logger.Info("monolith answers", "public", h.publicPort.Address(), "admin", h.adminPort.Address(),
		"version", builtFrom(), "seams", h.seams(), "config", cfg)
	return h, nil
}

func (h *host) start(ctx context.Context) (err error) {
	if h.settings, err = loadSettings(h.cfg); err != nil {
		return err
	}
	if err := h.cfg.CheckSessions(h.settings.inForce().Mode); err != nil {
		return err
	}
	if err := h.startTraces(); err != nil {
		return err
	}
	db, err := openDatabase(ctx, h.cfg, h.logger)
	if err != nil {
		return err
	}
	h.db = db
	h.stack.Push("database", func(context.Context) error { return db.Close() })
	mailer, err := mailerOf(h.cfg, h.logger, h.registry)
	if err != nil {
		return err
	}
	b, err := h.wireBlog(ctx, db, mailer)
	if err != nil {
		return err
	}
	if err := h.startSessions(ctx, db, b.accounts); err != nil {
		return err
	}
	return h.open(b)
}

// startSessions starts the sessions with the settings in force, and then follows
// the settings file.
func (h *host) startSessions(ctx context.Context, db *database.DB, people *accounts.Service) (err error) {
	h.sessions, err = session.New(ctx, session.Config{
		Replica:       h.cfg.Replica,
		Secure:        h.cfg.CookieSecure,
		PostgresPool:  db.SQL(),
		Settings:      h.settings.inForce().Settings,
		AdminToken:    h.cfg.AdminToken,
		Logger:        h.logger,
		Registerer:    h.registry,
		LoadUser:      people.Record,
		ClientAddress: httpkit.ClientAddress(h.cfg.TrustedProxies),
		OnError:       h.sessionsFailed,
	})
	if err != nil {
		return fmt.Errorf("start sessions: %w", err)
	}
	h.stack.Push("sessions", h.sessions.Close)
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	wait, err := h.settings.follow(following, h.sessions, h.logger)
	if err != nil {
		cancel()
		return fmt.Errorf("SETTINGS_FILE %q: %w", h.cfg.SettingsFile, err)
	}
	h.stack.Push("settings", func(context.Context) error { cancel(); wait(); return nil })
	return nil
}

// open answers on both ports. The admin port is open before the public one and
// closed after it: to other replicas a closed one means that this one's sessions
// are gone.
func (h *host) open(b blog) (err error) {
	if h.adminPort, err = httpkit.Listen("ADMIN_ADDR", h.cfg.AdminAddr, h.logger); err != nil {
		return err
	}
	h.stack.Push("admin port", func(ctx context.Context) error { return h.adminPort.Drain(ctx, 0) })
	if h.publicPort, err = httpkit.Listen("LISTEN_ADDR", h.cfg.ListenAddr, h.logger); err != nil {
		return err
	}
	notice := time.Duration(0) // until it answers, nobody has to notice that it goes
	h.stack.Push("public port", func(ctx context.Context) error { return h.publicPort.Drain(ctx, notice) })
	if h.public, err = h.publicServer(b); err != nil {
		return err
	}
	h.answer(h.adminPort, h.adminServer())
	h.answer(h.publicPort, h.public)
	notice = h.cfg.DrainNotice
	return nil
}

// startTraces comes before all that has something to export, and ends after it.
func (h *host) startTraces() (err error) {
	h.tracer, err = telemetry.NewTracer(telemetry.TracerConfig{
		Endpoint: h.cfg.Traces, Ratio: h.cfg.TracesRatio, Service: "monolith", Replica: h.cfg.Replica, Version: builtFrom(), Logger: h.logger,
	})
	h.stack.Push("traces", h.tracer.Close)
	return err
}

// answer serves a port until it is drained.
func (h *host) answer(port *httpkit.Port, e *echo.Echo) {
	go func() {
		if err := port.Serve(e); err != nil {
			h.failed <- err
		}
	}()
}

// keep runs a part of the host beside its requests, until the host stops. A part that
// ends with an error by itself ends the host.
func (h *host) keep(what string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(telemetry.WithTracer(context.Background(), h.tracer))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			h.failed <- fmt.Errorf("%s: %w", what, err)
		}
	}()
	h.stack.Push(what, func(stop context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-stop.Done():
			return errors.New("it did not end in time")
		}
	})
}

// sessionsFailed answers when the session store does not: the same request may be
// sent again.
func (h *host) sessionsFailed(w http.ResponseWriter, r *http.Request, _ error) {
	httpkit.Fail(h.public, w, r, problem.New(httpkit.Unavailable, "sessions can't be read at this moment: try again"))
}

// stop ends everything in reverse order, within the drain's timeout.
func (h *host) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.DrainNotice+h.cfg.DrainTimeout)
	defer cancel()
	return h.stack.Stop(ctx)
}
