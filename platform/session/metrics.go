package session

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the figures of one manager.
type metrics struct {
	mismatches atomic.Int64 // the sum, for the status
	byKind     *prometheus.CounterVec
	failures   *prometheus.CounterVec
	all        []prometheus.Collector
}

func newMetrics(m *Manager) *metrics {
	s := &metrics{
		byKind: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "banyan_session_mismatches_total",
			Help: "Sessions found to differ between memory and Redis while both are written.",
		}, []string{"kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "banyan_session_failures_total",
			Help: "Session operations that failed because a store or a peer did.",
		}, []string{"operation"}),
	}
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "banyan_session_in_memory",
		Help: "Sessions held in this process's memory.",
	}, func() float64 { return float64(m.memory.Len()) })
	settled := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "banyan_session_settled",
		Help: "1 when the session store asked for is in force and its move is done.",
	}, func() float64 {
		if m.Status().Settled {
			return 1
		}
		return 0
	})
	s.all = []prometheus.Collector{s.byKind, s.failures, held, settled}
	return s
}

func (s *metrics) mismatch(kind string) {
	s.mismatches.Add(1)
	s.byKind.WithLabelValues(kind).Inc()
}

func (s *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range s.all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register session metrics: %w", err)
		}
	}
	return nil
}

func (s *metrics) unregister(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, c := range s.all {
		r.Unregister(c)
	}
}
