package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/database"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

// host is one running monolith.
type host struct {
	*hosting.Host
	cfg config.Config

	settings *settings
	db       *database.DB
	events   *events // nil while EVENTS is off
	sessions *session.Manager
	public   *echo.Echo
}

// version is what a release was linked with (-X main.version=03-redis-sessions).
var version string

// serve runs the monolith until ctx ends, then stops it in order.
func serve(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	if err := cfg.MayServe(); err != nil {
		return err
	}
	h, err := start(ctx, cfg, logger)
	if err != nil {
		return err
	}
	return h.Wait(ctx)
}

// start brings everything up, first what others need. What was started before
// something failed is stopped again.
func start(ctx context.Context, cfg config.Config, logger *slog.Logger) (*host, error) {
	around, err := hosting.New(cfg.Environment, version, logger)
	if err != nil {
		return nil, err
	}
	h := &host{Host: around, cfg: cfg}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	logger.Info("monolith answers", "public", h.PublicPort.Address(), "admin", h.AdminPort.Address(),
		"version", h.Version, "seams", h.seams(), "config", cfg)
	return h, nil
}

func (h *host) start(ctx context.Context) (err error) {
	if h.settings, err = loadSettings(h.cfg); err != nil {
		return err
	}
	if err := h.cfg.CheckSessions(h.settings.inForce().Mode); err != nil {
		return err
	}
	db, err := openDatabase(ctx, h.cfg, h.Logger)
	if err != nil {
		return err
	}
	h.db = db
	h.OnStop("database", func(context.Context) error { return db.Close() })
	mailer, err := mailerOf(h.cfg, h.Logger, h.Registry)
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
	if err := h.Listen(); err != nil {
		return err
	}
	if h.public, err = h.publicServer(b); err != nil {
		return err
	}
	h.Answer(h.public, h.adminServer())
	return nil
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
		Logger:        h.Logger,
		Registerer:    h.Registry,
		LoadUser:      people.Record,
		ClientAddress: httpkit.ClientAddress(h.cfg.TrustedProxies),
		OnError:       h.sessionsFailed,
	})
	if err != nil {
		return fmt.Errorf("start sessions: %w", err)
	}
	h.OnStop("sessions", h.sessions.Close)
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	wait, err := h.settings.follow(following, h.sessions, h.Logger)
	if err != nil {
		cancel()
		return fmt.Errorf("SETTINGS_FILE %q: %w", h.cfg.SettingsFile, err)
	}
	h.OnStop("settings", func(context.Context) error { cancel(); wait(); return nil })
	return nil
}

// sessionsFailed answers when the session store does not: the same request may be
// sent again.
func (h *host) sessionsFailed(w http.ResponseWriter, r *http.Request, _ error) {
	httpkit.Fail(h.public, w, r, problem.New(httpkit.Unavailable, "sessions can't be read at this moment: try again"))
}
