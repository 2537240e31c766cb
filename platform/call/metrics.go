package call

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"banyan.dev/platform/problem"
)

// figures counts calls; nil counts nothing.
type figures struct {
	peer    string
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	open    prometheus.Gauge
}

func newFigures(cfg Config) (*figures, error) {
	if cfg.Registerer == nil {
		return nil, nil
	}
	calls, err := registered(cfg.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "calls_total", Help: "Calls to other hosts, by peer and outcome: ok, problem, unavailable, open (not asked), cancelled, failed.",
	}, []string{"peer", "outcome"}))
	if err != nil {
		return nil, err
	}
	seconds, err := registered(cfg.Registerer, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "call_seconds", Help: "Time of calls to other hosts in seconds, with all their tries, by peer and outcome.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"peer", "outcome"}))
	if err != nil {
		return nil, err
	}
	open, err := registered(cfg.Registerer, prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "call_breaker_open", Help: "1 while calls to a peer are not made, 0.5 while one tries, else 0.",
	}, []string{"peer"}))
	if err != nil {
		return nil, err
	}
	return &figures{cfg.Name, calls, seconds, open.WithLabelValues(cfg.Name)}, nil
}

// registered returns the collector that is in the registry already, if there is one:
// a host has a client for each of its peers.
func registered[C prometheus.Collector](r prometheus.Registerer, c C) (C, error) {
	err := r.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if old, ok := there.ExistingCollector.(C); ok {
			return old, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("register the figures of calls: %w", err)
	}
	return c, nil
}

func (f *figures) note(err error, took time.Duration) {
	if f == nil {
		return
	}
	outcome := outcomeOf(err)
	f.calls.WithLabelValues(f.peer, outcome).Inc()
	f.seconds.WithLabelValues(f.peer, outcome).Observe(took.Seconds())
}

func outcomeOf(err error) string {
	var p *problem.Error
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return "open"
	case IsUnavailable(err):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &p):
		return "problem"
	}
	return "failed"
}

func (f *figures) state(to gobreaker.State) {
	if f == nil {
		return
	}
	f.open.Set(map[gobreaker.State]float64{gobreaker.StateOpen: 1, gobreaker.StateHalfOpen: 0.5}[to])
}
