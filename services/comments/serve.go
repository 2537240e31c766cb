package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/run"
	"banyan.dev/platform/telemetry"
	"banyan.dev/services/comments/internal/config"
)

// host is one running comments service.
type host struct {
	cfg      config.Config
	logger   *slog.Logger
	registry *prometheus.Registry
	tracer   *telemetry.Tracer // nil: nothing is exported
	started  time.Time

	parts      parts
	closing    singleflight.Group // posts whose comments are being deleted, by id
	kafka      *broker.Broker
	topics     *topics
	publicPort *httpkit.Port
	adminPort  *httpkit.Port

	stack  run.Stack  // what is to be stopped, in reverse order
	failed chan error // a part that ended by itself
}

// serve runs the service until ctx ends, then stops it in order.
func serve(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
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
	h := &host{cfg: cfg, logger: logger, registry: telemetry.NewRegistry(), started: time.Now().UTC(), failed: make(chan error, 8)}
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(err, h.stop())
	}
	logger.Info("comments answers", "public", h.publicPort.Address(), "admin", h.adminPort.Address(), "version", builtFrom(), "config", cfg)
	return h, nil
}

func (h *host) start(ctx context.Context) error {
	if err := h.startTraces(); err != nil {
		return err
	}
	db, err := openDatabase(ctx, h.cfg, h.logger)
	if err != nil {
		return err
	}
	h.stack.Push("database", func(context.Context) error { return db.Close() })
	if err := h.wire(ctx, db); err != nil {
		return err
	}
	if err := h.startEvents(db); err != nil {
		return err
	}
	return h.open()
}

// open answers on both ports. The admin port is open before the public one and closed
// after it: who moves ownership asks it while requests end.
func (h *host) open() (err error) {
	if h.adminPort, err = httpkit.Listen("ADMIN_ADDR", h.cfg.AdminAddr, h.logger); err != nil {
		return err
	}
	h.stack.Push("admin port", func(ctx context.Context) error { return h.adminPort.Drain(ctx, 0) })
	if h.publicPort, err = httpkit.Listen("LISTEN_ADDR", h.cfg.ListenAddr, h.logger); err != nil {
		return err
	}
	notice := time.Duration(0) // until it answers, nobody has to notice that it goes
	h.stack.Push("public port", func(ctx context.Context) error { return h.publicPort.Drain(ctx, notice) })
	public, err := h.publicServer()
	if err != nil {
		return err
	}
	h.answer(h.adminPort, h.adminServer())
	h.answer(h.publicPort, public)
	notice = h.cfg.DrainNotice
	return nil
}

// startTraces comes before all that has something to export, and ends after it.
func (h *host) startTraces() (err error) {
	h.tracer, err = telemetry.NewTracer(telemetry.TracerConfig{
		Endpoint: h.cfg.Traces, Ratio: h.cfg.TracesRatio, Service: "comments", Replica: h.cfg.Replica, Version: builtFrom(), Logger: h.logger,
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

// stop ends everything in reverse order, within the drain's timeout.
func (h *host) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.cfg.DrainNotice+h.cfg.DrainTimeout)
	defer cancel()
	return h.stack.Stop(ctx)
}
