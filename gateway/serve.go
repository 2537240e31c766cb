package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/gateway/internal/edge"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/gateway/internal/who"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/run"
	"banyan.dev/platform/telemetry"
	"banyan.dev/platform/watch"
)

// serve runs the gateway until the context ends, and then lets requests finish.
func serve(ctx context.Context, logs io.Writer) error {
	settings, err := readSettings()
	if err != nil {
		return err
	}
	logger, err := telemetry.NewLogger(logs, settings.Name, settings.Level)
	if err != nil {
		return err
	}
	// What stops the gateway must outlive the signal that asks for it.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var started run.Stack
	g, err := start(work, settings, logger, &started)
	if err != nil {
		return errors.Join(err, started.Stop(work))
	}
	logger.Info("gateway serves", "listen", g.public.Addr().String(), "admin", g.admin.Addr().String(),
		"config", settings.Config, "revision", g.current.Snapshot().Revision, "drain", settings.Drain.String(), "limits", settings.limits())
	select {
	case <-ctx.Done():
		logger.Info("gateway goes", "notice", settings.Notice.String())
		err = g.giveNotice(settings.Notice)
	case err = <-g.failed:
	}
	logger.Info("gateway drains", "within", settings.Drain.String())
	bounded, done := context.WithTimeout(work, settings.Drain)
	defer done()
	return errors.Join(err, started.Stop(bounded))
}

// gateway is what start has started.
type gateway struct {
	public, admin net.Listener
	secure        net.Listener // nil without TLS, as edge and link are
	edge          *edge.Server
	link          *edge.Link
	current       *current.Current
	beginDrain    func() // says so on /readyz, and ends connections with their next answer
	failed        chan error
}

// giveNotice says that the gateway goes and still serves for so long: who asks
// /readyz needs time to hear it. It returns early when a port fails.
func (g *gateway) giveNotice(notice time.Duration) error {
	g.beginDrain()
	timer := time.NewTimer(notice)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-g.failed:
		return err
	}
}

// start wires the gateway: owners, configuration, data plane, control plane. What
// it has started is on the stack, also when it fails.
func start(ctx context.Context, s settings, logger *slog.Logger, started *run.Stack) (*gateway, error) {
	tracer, err := telemetry.NewTracer(telemetry.TracerConfig{
		Endpoint: s.Traces, Ratio: s.Ratio, Service: "gateway", Replica: s.Name, Version: s.Version, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	started.Push("traces", afterPorts(tracer.Close))
	registry := telemetry.NewRegistry()
	lasting := current.Lasting{
		Owners: upstream.NewRegistry(net.DefaultResolver, logger), Metrics: metrics.New(registry), Holds: hold.New(registry),
		Guards: resilience.NewGuards(), Limits: resilience.NewLimiters(), Shadows: shadow.New(),
		Override: []byte(s.CanaryKey), Proxies: s.Proxies,
	}
	if lasting.Who, err = finder(s, registry); err != nil {
		return nil, err
	}
	started.Push("owners", func(context.Context) error { lasting.Owners.Close(); return nil })
	started.Push("shadows", afterPorts(lasting.Shadows.Close))

	now := current.New(lasting, logger)
	registry.MustRegister(lasting.Shadows, now)
	started.Push("configuration", func(context.Context) error { now.Close(); return nil })
	if err := follow(ctx, s.Config, now, logger, started); err != nil {
		return nil, err
	}

	g := &gateway{current: now, failed: make(chan error, 4)}
	if g.admin, err = listen("ADMIN_ADDR", s.Admin); err != nil {
		return nil, err
	}
	operators := control.New(control.Options{Name: s.Name, Version: s.Version, Token: s.Token, Local: isLoopback(s.Admin), Holds: lasting.Holds}, now, registry, logger)
	started.Push("control plane", afterPorts(operators.Close))
	go func() { g.failed <- operators.Serve(g.admin) }()

	if g.public, err = listen("LISTEN_ADDR", s.Listen); err != nil {
		return nil, err
	}
	public := dataplane.New(g.public, now, lasting.Metrics, logger, s.limits())
	public.Trace(tracer)
	g.beginDrain = func() { operators.BeginDrain(); public.BeginDrain() }
	started.Push("ports", func(ctx context.Context) error {
		g.beginDrain()
		lasting.Holds.Close() // nobody is left to release them
		return g.drain(ctx, public)
	})
	go func() { g.failed <- public.Serve() }()
	if s.TLSListen != "" {
		return g, g.serveTLS(ctx, s, public, logger, started)
	}
	return g, nil
}

// finder finds out who asks; nil without a key to sign with.
func finder(s settings, registry *prometheus.Registry) (*who.Finder, error) {
	if s.IdentityKey == "" {
		return nil, nil
	}
	keys, err := identity.NewKeys(s.IdentityKey)
	if err != nil {
		return nil, fmt.Errorf("IDENTITY_KEY: %w", err)
	}
	return who.New(keys, registry), nil
}

// drain closes both doors at the same time: a long request over one of them must not
// use up the time that requests over the other one have.
func (g *gateway) drain(ctx context.Context, public *dataplane.Server) error {
	if g.edge == nil {
		return public.Drain(ctx)
	}
	edged := make(chan error, 1)
	go func() { edged <- g.edge.Drain(ctx) }()
	err := public.Drain(ctx)
	return errors.Join(err, <-edged, g.link.Close())
}

// spare is what each of those has who stop after the ports: draining may use up all
// the time there was.
const spare = 2 * time.Second

// afterPorts gives a stop its spare time.
func afterPorts(stop func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), spare)
		defer done()
		return stop(ctx)
	}
}

// serveTLS puts the edge before the data plane, beside the plain port.
func (g *gateway) serveTLS(ctx context.Context, s settings, public *dataplane.Server, logger *slog.Logger, started *run.Stack) error {
	certificate, err := edge.Follow(ctx, s.TLSCert, s.TLSKey, logger)
	if err != nil {
		return err
	}
	started.Push("certificate", func(context.Context) error { certificate.Close(); return nil })
	if g.secure, err = listen("TLS_LISTEN_ADDR", s.TLSListen); err != nil {
		return err
	}
	g.link = edge.NewLink()
	g.edge = edge.New(certificate, g.link, edge.Limits{Header: s.HeaderBytes, HeadTime: s.HeadTime, Idle: s.Idle, WriteStall: s.WriteStall, Connections: s.Connections})
	go func() { g.failed <- public.ServeLink(g.link) }()
	go func() { g.failed <- g.edge.Serve(g.secure) }()
	logger.Info("gateway serves TLS", "listen", g.secure.Addr().String(), "protocols", "h2, http/1.1")
	return nil
}

// follow puts the file in force, and each later content that can be.
func follow(ctx context.Context, file string, now *current.Current, logger *slog.Logger, started *run.Stack) error {
	watching, stop := context.WithCancel(ctx)
	wait, err := watch.File(watching, file, logger, func(content []byte) {
		// Apply logs and notes a refusal; here only the first one matters.
		_ = now.Apply("file", filepath.Base(file), content, current.Any)
	})
	if err != nil {
		stop()
		return fmt.Errorf("CONFIG_FILE: %w; name a readable configuration (see gateway/example.yaml)", err)
	}
	started.Push("configuration file", func(context.Context) error { stop(); wait(); return nil })
	if now.Snapshot() == nil {
		return fmt.Errorf("CONFIG_FILE %s is refused: %s", file, now.Refused().Reason)
	}
	return nil
}

func listen(variable, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w; free the port or name another one", variable, address, err)
	}
	return ln, nil
}

// healthcheck is for images without a shell: it asks /readyz on ADMIN_ADDR.
func healthcheck(ctx context.Context) error {
	settings, err := readSettings()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(settings.Admin)
	if err != nil {
		return fmt.Errorf("ADMIN_ADDR %q: %w", settings.Admin, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: %s answered %d", req.URL, res.StatusCode)
	}
	return nil
}
