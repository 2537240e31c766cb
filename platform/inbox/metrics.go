package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/telemetry"
)

// metrics are one consumer's figures.
type metrics struct {
	applied    prometheus.Counter
	duplicates prometheus.Counter
	ignored    prometheus.Counter
	older      prometheus.Counter
	parked     prometheus.Counter
	gaps       prometheus.Counter
	retries    prometheus.Counter
	buried     *prometheus.CounterVec
	redriven   prometheus.Counter
	trimmed    prometheus.Counter
	commits    prometheus.Counter
	paused     prometheus.Gauge
	open       prometheus.Gauge
	lag        *prometheus.GaugeVec
	delay      prometheus.Histogram
	all        []prometheus.Collector
}

func newMetrics(consumer string) *metrics {
	m := &metrics{}
	labels := prometheus.Labels{"consumer": consumer}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "banyan_inbox_" + name, Help: help, ConstLabels: labels})
		m.all = append(m.all, c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "banyan_inbox_" + name, Help: help, ConstLabels: labels})
		m.all = append(m.all, g)
		return g
	}
	m.applied = counter("applied_total", "Events handled.")
	m.duplicates = counter("duplicates_total", "Events dropped because they were handled before.")
	m.ignored = counter("ignored_total", "Events passed by, since they are none of the handler's.")
	m.older = counter("older_total", "Events dropped because a later version of their aggregate was handled.")
	m.parked = counter("parked_total", "Events that came before their turn.")
	m.gaps = counter("gaps_total", "Times that a missing version was given up.")
	m.retries = counter("retries_total", "Times that a handler failed.")
	m.redriven = counter("redriven_total", "Dead letters handled after all.")
	m.trimmed = counter("trimmed_total", "Rows deleted because they were old.")
	m.commits = counter("commits_failed_total", "Offsets that Kafka did not take; harmless.")
	m.paused = gauge("paused_partitions", "Partitions that wait for the database or for what a handler needs.")
	m.open = gauge("dead_letters_open", "Dead letters that nobody has settled.")
	m.buried = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "banyan_inbox_dead_letters_total", Help: "Events passed over, by kind.", ConstLabels: labels}, []string{"kind"})
	m.lag = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "banyan_inbox_lag_messages", Help: "Messages between the committed offset and the end of a partition.", ConstLabels: labels}, []string{"topic", "partition"})
	m.delay = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "banyan_inbox_delay_seconds", Help: "Time from the minting of an event to its handling.", ConstLabels: labels,
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600},
	})
	m.all = append(m.all, m.buried, m.lag, m.delay)
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range m.all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register inbox metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, c := range m.all {
		r.Unregister(c)
	}
}

// trace ends the events' traces, where spans are exported: how late they were applied
// shows beside the request that minted them.
func (b *Inbox) trace(ctx context.Context, o *outcome) {
	if !telemetry.Exports(ctx) {
		return
	}
	for _, e := range o.handled {
		telemetry.Did(ctx, e.Headers[broker.HeaderTraceparent], telemetry.Span{
			Kind: telemetry.Consumer, Name: "apply " + e.Type, Begin: o.begun, End: time.Now(),
			Attributes: []telemetry.Attribute{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.consumer.group.name", Value: b.cfg.Consumer}},
		})
	}
}

// note tells what a transaction did, after its commit.
func (b *Inbox) note(ctx context.Context, o *outcome) {
	m := b.metrics
	m.applied.Add(float64(o.applied))
	m.duplicates.Add(float64(o.duplicates))
	m.older.Add(float64(o.older))
	m.parked.Add(float64(o.parked))
	m.gaps.Add(float64(o.gaps))
	for _, d := range o.delays {
		m.delay.Observe(d.Seconds())
	}
	b.trace(ctx, o)
	if o.gaps > 0 {
		b.log.WarnContext(ctx, "went on without versions that did not come", "times", o.gaps)
	}
	for _, d := range o.buried {
		m.buried.WithLabelValues(d.Kind).Inc()
		b.log.ErrorContext(ctx, "event became a dead letter", "event", d.EventID, "topic", d.Topic, "partition", d.Partition,
			"offset", d.RecordOffset, "kind", d.Kind, "reason", d.Reason, "attempts", d.Attempts)
	}
}

// pause notes, the first time, that a partition waits.
func (b *Inbox) pause(ctx context.Context, n int, err error) {
	if n == 1 {
		b.metrics.paused.Inc()
		b.log.WarnContext(ctx, "inbox pauses; nothing is lost", "error", err)
	}
}

func (b *Inbox) resume(paused bool) {
	if paused {
		b.metrics.paused.Dec()
	}
}

// measure asks how far behind the group is, and how many dead letters are open.
func (b *Inbox) measure(ctx context.Context) error {
	var open int64
	err := b.cfg.DB.Gorm(ctx).Table("inbox_dead_letters").Where("consumer = ? AND state IN ('open', 'redrive')", b.cfg.Consumer).Count(&open).Error
	if err != nil {
		err = fmt.Errorf("count dead letters: %w", err)
	} else {
		b.metrics.open.Set(float64(open))
	}
	for _, topic := range b.cfg.Topics {
		lags, lagErr := b.cfg.Broker.Lag(ctx, b.cfg.Consumer, topic)
		for _, l := range lags {
			b.metrics.lag.WithLabelValues(topic, strconv.Itoa(l.Partition)).Set(float64(l.Behind()))
		}
		err = errors.Join(err, lagErr)
	}
	return err
}
