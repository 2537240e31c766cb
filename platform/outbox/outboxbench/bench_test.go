package outboxbench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/outbox/outboxbench"
)

// go test -run - -bench Latency -benchtime 10x ./platform/outbox/outboxbench: seconds at 1,000 events a second.
func BenchmarkLatency(b *testing.B) {
	p := place(b)
	latency, err := outboxbench.MeasureLatency(b.Context(), p, prepared(b, p, outboxbench.Own(p)), 1000, time.Duration(b.N)*time.Second)
	require.NoError(b, err)
	b.ReportMetric(float64(latency.P50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latency.P99.Microseconds())/1000, "p99-ms")
	b.Log(latency)
}

// go test -run - -bench Drain -benchtime 100000x ./platform/outbox/outboxbench: a backlog of so many events.
func BenchmarkDrain(b *testing.B) {
	p := place(b)
	drain, err := outboxbench.MeasureDrain(b.Context(), p, prepared(b, p, outboxbench.Own(p)), b.N)
	require.NoError(b, err)
	b.ReportMetric(drain.PerSecond(), "events/s")
	b.Log(drain)
}

// go test -run - -bench Applied -benchtime 100000x ./platform/outbox/outboxbench: so many events that an inbox applies.
func BenchmarkApplied(b *testing.B) {
	p := place(b)
	applied, err := outboxbench.MeasureApplied(b.Context(), p, prepared(b, p, outboxbench.Applier(p)), b.N)
	require.NoError(b, err)
	b.ReportMetric(applied.PerSecond(), "events/s")
	b.Log(applied)
}
