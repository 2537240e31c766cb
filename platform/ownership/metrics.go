package ownership

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collectWithin bounds the question for the row when figures are asked for.
const collectWithin = time.Second

// Metrics tells who owns, for alerts: over all hosts together each resource has one
// owner, and none for no longer than a hand-over takes. The row is read whenever the
// figures are asked for; while its database is away they tell nothing of it.
//
//	banyan_ownership_owner{resource, side}  1 while this side owns, else 0
//	banyan_ownership_epoch{resource, side}  the newest epoch that this side knows of
func (s *Side) Metrics() prometheus.Collector {
	labels := prometheus.Labels{"resource": s.cfg.Resource, "side": s.cfg.Name}
	return rowMetrics{
		side:  s,
		owner: prometheus.NewDesc("banyan_ownership_owner", "1 while this side owns the resource, else 0.", nil, labels),
		epoch: prometheus.NewDesc("banyan_ownership_epoch", "The newest epoch of the resource that this side knows of.", nil, labels),
	}
}

type rowMetrics struct {
	side         *Side
	owner, epoch *prometheus.Desc
}

// Describe is prometheus.Collector's.
func (m rowMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.owner; to <- m.epoch }

// Collect is prometheus.Collector's.
func (m rowMetrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectWithin)
	defer cancel()
	row, err := m.side.Row(ctx)
	if err != nil {
		return
	}
	owns := 0.0
	if row.State == Owner {
		owns = 1
	}
	to <- prometheus.MustNewConstMetric(m.owner, prometheus.GaugeValue, owns)
	to <- prometheus.MustNewConstMetric(m.epoch, prometheus.GaugeValue, float64(row.Epoch))
}
