package hosting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/run"
	"banyan.dev/platform/telemetry"
)

// Host is one running host, around its features. It is put together by one goroutine, in
// the order in which things need each other: New, what else there is, Listen, Answer.
// Stop ends all of it in the reverse order; that, too, after a start that failed halfway.
type Host struct {
	Logger     *slog.Logger
	Registry   *prometheus.Registry
	Tracer     *telemetry.Tracer // nil: nothing is exported
	Version    string            // the release it is of
	PublicPort *httpkit.Port     // nil until Listen
	AdminPort  *httpkit.Port

	env     Environment
	started time.Time
	notice  time.Duration // 0 until it answers: nobody has to notice before that it goes
	stack   run.Stack     // what is to be stopped, in reverse order
	failed  chan error    // the first part that ended by itself
}

// New returns a host that does nothing yet but export traces, should it be told where:
// they come before all that has something to export, and end after it. linked is what
// the binary was linked with; see Version.
func New(env Environment, linked string, logger *slog.Logger) (*Host, error) {
	h := &Host{
		Logger: logger, Registry: telemetry.NewRegistry(), Version: Version(linked),
		env: env, started: time.Now().UTC(), failed: make(chan error, 1),
	}
	var err error
	h.Tracer, err = telemetry.NewTracer(telemetry.TracerConfig{
		Endpoint: env.Traces, Ratio: env.TracesRatio, Service: env.Name, Replica: env.Replica, Version: h.Version, Logger: logger,
	})
	h.OnStop("traces", h.Tracer.Close)
	return h, err
}

// OnStop adds what ends something that was just started. What it says appears in an
// error of Stop.
func (h *Host) OnStop(what string, stop func(ctx context.Context) error) { h.stack.Push(what, stop) }

// Keep runs a part of the host beside its requests, until the host stops. A part that
// ends with an error by itself ends the host.
func (h *Host) Keep(what string, run func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(telemetry.WithTracer(context.Background(), h.Tracer))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			h.fail(fmt.Errorf("%s: %w", what, err))
		}
	}()
	h.OnStop(what, func(stop context.Context) error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-stop.Done():
			return errors.New("it did not end in time")
		}
	})
}

// fail ends the host, unless another part did already.
func (h *Host) fail(err error) {
	select {
	case h.failed <- err:
	default:
	}
}

// Broker is the host's way to Kafka until it stops. It connects to nobody yet.
func (h *Host) Broker() (*broker.Broker, error) {
	kafka, err := broker.New(broker.Config{Addrs: h.env.KafkaAddrs, Access: h.env.Access, ClientID: h.env.Replica, Logger: h.Logger})
	if err != nil {
		return nil, fmt.Errorf("KAFKA_ADDRS: %w", err)
	}
	h.OnStop("broker", func(context.Context) error { kafka.Close(); return nil })
	return kafka, nil
}

// Adopt takes a side of an ownership as the database has it; first is what the side is
// on the first day.
func (h *Host) Adopt(ctx context.Context, side *ownership.Side, first ownership.State) error {
	h.Registry.MustRegister(side.Metrics())
	row, err := side.Adopt(ctx, first, h.env.Replica)
	if err != nil {
		return err
	}
	h.Logger.InfoContext(ctx, "ownership", "resource", row.Resource, "state", row.State, "epoch", row.Epoch)
	return nil
}

// Listen opens both ports; requests wait there for Answer. The admin port is open before
// the public one and closed after it: who moves ownership asks it while requests end,
// and to other replicas a closed one means that this one's sessions are gone.
func (h *Host) Listen() (err error) {
	if h.AdminPort, err = httpkit.Listen("ADMIN_ADDR", h.env.AdminAddr, h.Logger); err != nil {
		return err
	}
	h.OnStop("admin port", func(ctx context.Context) error { return h.AdminPort.Drain(ctx, 0) })
	if h.PublicPort, err = httpkit.Listen("LISTEN_ADDR", h.env.ListenAddr, h.Logger); err != nil {
		return err
	}
	h.OnStop("public port", func(ctx context.Context) error { return h.PublicPort.Drain(ctx, h.notice) })
	return nil
}

// Answer answers on both ports until they are drained.
func (h *Host) Answer(public, admin http.Handler) {
	h.answer(h.AdminPort, admin)
	h.answer(h.PublicPort, public)
	h.notice = h.env.DrainNotice
}

func (h *Host) answer(port *httpkit.Port, handler http.Handler) {
	go func() {
		if err := port.Serve(handler); err != nil {
			h.fail(err)
		}
	}()
}

var errDraining = errors.New("draining")

// Ready tells whether the public port wants requests, and why not. Ask it after Listen.
func (h *Host) Ready() error {
	if !h.PublicPort.Ready() {
		return errDraining
	}
	return nil
}

// Wait runs the host until ctx ends or a part of it fails, then stops it in order. It
// returns what failed, and what did not stop.
func (h *Host) Wait(ctx context.Context) (err error) {
	select {
	case <-ctx.Done():
		h.Logger.Info("stopping", "drain_notice", h.env.DrainNotice.String(), "drain_timeout", h.env.DrainTimeout.String())
	case err = <-h.failed:
	}
	return errors.Join(err, h.Stop())
}

// Stop ends everything in reverse order, within the notice and the drain's timeout. A
// second call finds nothing left to stop.
func (h *Host) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.env.DrainNotice+h.env.DrainTimeout)
	defer cancel()
	return h.stack.Stop(ctx)
}
