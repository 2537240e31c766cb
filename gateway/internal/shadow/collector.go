package shadow

import "github.com/prometheus/client_golang/prometheus"

// What an Engine tells Prometheus.
var (
	copiesTotal = prometheus.NewDesc("gateway_shadow_copies_total",
		"Requests chosen to be copied, by route and what came of it: matched, mismatched, failed, skipped or dropped.",
		[]string{"route", "result"}, nil)
	sentTotal = prometheus.NewDesc("gateway_shadow_sent_total",
		"Copies that went to the shadow's owner, by route.", []string{"route"}, nil)
	pendingCopies = prometheus.NewDesc("gateway_shadow_pending_copies",
		"Copies that are being filled, wait, or are under way, by route.", []string{"route"}, nil)
)

// Describe implements prometheus.Collector.
func (e *Engine) Describe(to chan<- *prometheus.Desc) {
	to <- copiesTotal
	to <- sentTotal
	to <- pendingCopies
}

// Collect implements prometheus.Collector: register the engine, once.
func (e *Engine) Collect(to chan<- prometheus.Metric) {
	e.mu.Lock()
	figures := make(map[string]Figures, len(e.states))
	for name, s := range e.states {
		figures[name] = s.figures()
	}
	e.mu.Unlock()
	for name, f := range figures {
		for result, n := range map[string]uint64{
			"matched": f.Matched, "mismatched": f.Mismatched, "failed": f.Failed, "skipped": f.Skipped, "dropped": f.Dropped,
		} {
			to <- prometheus.MustNewConstMetric(copiesTotal, prometheus.CounterValue, float64(n), name, result)
		}
		to <- prometheus.MustNewConstMetric(sentTotal, prometheus.CounterValue, float64(f.Sent), name)
		to <- prometheus.MustNewConstMetric(pendingCopies, prometheus.GaugeValue, float64(f.Pending), name)
	}
}
