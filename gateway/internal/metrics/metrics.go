// Package metrics names what the gateway counts. Series of a route are looked up
// once, when a configuration is taken over; a request then only adds to them.
//
// Package current makes the meters of a configuration, the data plane feeds them,
// and the control plane reads them for /metrics, the status and the page.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Set is the gateway's metrics in one registry. It is safe for concurrent use.
type Set struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	// InFlight is requests begun and not ended, streams included.
	InFlight prometheus.Gauge
	// Tunnels is upgraded connections that are open.
	Tunnels prometheus.Gauge
	limited *prometheus.CounterVec
	// Overridden is requests of testers, who chose their owner by a token.
	Overridden *prometheus.CounterVec
	// Retries is requests sent again: to another replica, or over another
	// connection.
	Retries     *prometheus.CounterVec
	misdirected *prometheus.CounterVec
	// Gone is requests whose client went away before the answer.
	Gone prometheus.Counter
	// Reloads is configurations taken over (accepted) or not (refused).
	Reloads *prometheus.CounterVec
	// Revision is the running configuration's.
	Revision prometheus.Gauge
}

// New registers the metrics.
func New(registry *prometheus.Registry) *Set {
	s := &Set{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_requests_total", Help: "Answered requests by route, owner and class of status.",
		}, []string{"route", "owner", "class"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gateway_request_seconds", Help: "Time from a request's head to the head of its answer, without what it was held.",
			Buckets: bounds,
		}, []string{"route", "owner"}),
		InFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_in_flight_requests", Help: "Requests begun and not ended."}),
		Tunnels:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_open_tunnels", Help: "Upgraded connections."}),
		Retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_retries_total", Help: "Requests sent again, by owner.",
		}, []string{"owner"}),
		Overridden: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_overridden_total", Help: "Requests whose owner a tester's token chose.",
		}, []string{"route"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_rate_limited_total", Help: "Requests answered 429, by route.",
		}, []string{"route"}),
		misdirected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_misdirected_total", Help: "Requests that an owner sent away because another one owns what they are about: handed on, made to wait for it, or answered 503.",
		}, []string{"route", "result"}),
		Gone: prometheus.NewCounter(prometheus.CounterOpts{Name: "gateway_clients_gone_total", Help: "Clients that left before their answer."}),
		Reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_reloads_total", Help: "Configurations accepted and refused.",
		}, []string{"result"}),
		Revision: prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_config_revision", Help: "Revision of the running configuration."}),
	}
	registry.MustRegister(s.requests, s.latency, s.InFlight, s.Tunnels, s.Retries, s.limited, s.Overridden, s.misdirected, s.Gone, s.Reloads, s.Revision)
	return s
}

// bounds are the upper bounds of the latency buckets, in seconds. Neighbours are
// about 1.5 apart where a web application answers: a ramp compares percentiles of
// two owners by them.
var bounds = []float64{
	.0005, .001, .0015, .0025, .004, .006, .01, .015, .025, .04, .06, .1, .15, .25, .4, .6, 1, 1.5, 2.5, 5, 10, 30,
}

// Bounds are the upper bounds of the latency buckets. A last bucket without bound
// follows them.
func Bounds() []time.Duration {
	all := make([]time.Duration, len(bounds))
	for i, b := range bounds {
		all[i] = time.Duration(b * float64(time.Second))
	}
	return all
}

// classes are the labels by first digit of the status.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// Meter counts the requests of one route that one owner answers.
type Meter struct {
	class   [len(classes)]prometheus.Counter
	latency prometheus.Observer
	retries prometheus.Counter
	limited prometheus.Counter
}

// Meter returns the meter of one owner's part in a route. Routes of two
// configurations with the same name and owner share it, so that counts go on over
// a reload.
func (s *Set) Meter(route, owner string) *Meter {
	m := &Meter{
		latency: s.latency.WithLabelValues(route, owner), retries: s.Retries.WithLabelValues(owner),
		limited: s.limited.WithLabelValues(route),
	}
	for i, class := range classes {
		m.class[i] = s.requests.WithLabelValues(route, owner, class)
	}
	return m
}

// Answered counts an answer and the time it took.
func (m *Meter) Answered(status int, took time.Duration) {
	i := status / 100
	if i < 1 || i >= len(classes) {
		i = 0
	}
	m.class[i].Inc()
	m.latency.Observe(took.Seconds())
}

// Retried counts a request sent again.
func (m *Meter) Retried() { m.retries.Inc() }

// Limited counts a request that came too soon after its client's others.
func (m *Meter) Limited() { m.limited.Inc() }

// Reading is a meter at one moment. P50 and P99 are upper bounds of the buckets
// they fall in, since the start.
type Reading struct {
	Requests, Errors uint64
	P50, P99         time.Duration
	// Latency counts, for each of Bounds, the requests that took so long or less;
	// the last one, beyond the bounds, counts all.
	Latency []uint64
	Limited uint64 // of the route, over all owners
}

// Read reads the meter.
func (m *Meter) Read() Reading {
	var r Reading
	for i, c := range m.class {
		var out dto.Metric
		if c.Write(&out) != nil {
			continue
		}
		n := uint64(out.GetCounter().GetValue())
		r.Requests += n
		if i == len(classes)-1 {
			r.Errors = n
		}
	}
	h, ok := m.latency.(prometheus.Histogram)
	var out dto.Metric
	if ok && h.Write(&out) == nil {
		r.P50, r.P99 = Quantile(out.GetHistogram(), .5), Quantile(out.GetHistogram(), .99)
		r.Latency = cumulative(out.GetHistogram())
	}
	out.Reset()
	if m.limited.Write(&out) == nil {
		r.Limited = uint64(out.GetCounter().GetValue())
	}
	return r
}

func cumulative(h *dto.Histogram) []uint64 {
	counts := make([]uint64, 0, len(h.GetBucket())+1)
	for _, b := range h.GetBucket() {
		counts = append(counts, b.GetCumulativeCount())
	}
	return append(counts, h.GetSampleCount())
}

// Quantile is the upper bound of the bucket that a share of what was observed lies
// in or below; 0 when nothing was, or it lies beyond the last bound.
func Quantile(h *dto.Histogram, q float64) time.Duration {
	rank := q * float64(h.GetSampleCount())
	for _, b := range h.GetBucket() {
		if float64(b.GetCumulativeCount()) >= rank && rank > 0 {
			return time.Duration(b.GetUpperBound() * float64(time.Second))
		}
	}
	return 0
}
