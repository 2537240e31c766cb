package main

import (
	"context"
	"errors"
	"log/slog"

	"golang.org/x/sync/singleflight"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/hosting"
	"banyan.dev/services/comments/internal/config"
)

// host is one running comments service.
type host struct {
	*hosting.Host
	cfg config.Config

	parts   parts
	closing singleflight.Group // posts whose comments are being deleted, by id
	kafka   *broker.Broker
	topics  *hosting.Topics
}

// version is what a release was linked with (-X main.version=05-comments-dark).
var version string

// serve runs the service until ctx ends, then stops it in order.
func serve(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
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
	logger.Info("comments answers", "public", h.PublicPort.Address(), "admin", h.AdminPort.Address(), "version", h.Version, "config", cfg)
	return h, nil
}

func (h *host) start(ctx context.Context) error {
	db, err := openDatabase(ctx, h.cfg, h.Logger)
	if err != nil {
		return err
	}
	h.OnStop("database", func(context.Context) error { return db.Close() })
	if err := h.wire(ctx, db); err != nil {
		return err
	}
	if err := h.startEvents(db); err != nil {
		return err
	}
	if err := h.Listen(); err != nil {
		return err
	}
	public, err := h.publicServer()
	if err != nil {
		return err
	}
	h.Answer(public, h.adminServer())
	return nil
}
