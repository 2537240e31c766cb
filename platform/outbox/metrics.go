package outbox

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the figures of one relay. What waits is counted in the database, so
// every relay tells the same of it: take the maximum, not the sum.
type metrics struct {
	published prometheus.Counter
	failures  *prometheus.CounterVec
	waiting   *prometheus.GaugeVec
	age       *prometheus.GaugeVec
	trimmed   prometheus.Counter
	owned     prometheus.GaugeFunc
}

func newMetrics(own *ownership) *metrics {
	m := &metrics{
		published: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "banyan_outbox_published_total",
			Help: "Events that Kafka has acknowledged, with those published twice.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "banyan_outbox_failures_total",
			Help: "Attempts that failed and are repeated, by what failed: broker or database.",
		}, []string{"of"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "banyan_outbox_waiting",
			Help: "Events in the outbox that are not published yet, up to 1,000,000. The same at every relay.",
		}, []string{"topic"}),
		age: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "banyan_outbox_oldest_seconds",
			Help: "Age of the oldest event that is not published yet; 0 when there is none. The same at every relay.",
		}, []string{"topic"}),
		trimmed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "banyan_outbox_trimmed_total",
			Help: "Published events that were deleted from the outbox.",
		}),
		owned: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "banyan_outbox_shards_owned",
			Help: "Shards that this relay owns. The sum over all relays is the number of shards.",
		}, func() float64 { return float64(own.count()) }),
	}
	m.failed("broker").Add(0)
	m.failed("database").Add(0)
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.published, m.failures, m.waiting, m.age, m.trimmed, m.owned}
}

// failed is the counter of one kind of failures.
func (m *metrics) failed(of string) prometheus.Counter { return m.failures.WithLabelValues(of) }

// measured sets what waits; a topic of which nothing waits is told as 0.
func (m *metrics) measured(topics []string, backlogs []backlog) {
	for _, topic := range topics {
		m.waiting.WithLabelValues(topic).Set(0)
		m.age.WithLabelValues(topic).Set(0)
	}
	for _, b := range backlogs {
		m.waiting.WithLabelValues(b.topic).Set(float64(b.rows))
		m.age.WithLabelValues(b.topic).Set(b.age.Seconds())
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range m.all() {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register outbox metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, c := range m.all() {
		r.Unregister(c)
	}
}
