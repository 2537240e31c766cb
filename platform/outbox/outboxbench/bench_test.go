package outboxbench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/outbox/outboxbench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func own(t testing.TB) outboxbench.Subject {
	t.Helper()
	kafka, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = kafka.Stop(t.Context()) })
	b, err := broker.New(broker.Config{Addrs: []string{kafka.Addr()}})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	topic := broker.Topic{Name: "bench.things.v1", Partitions: 12, Replicas: 1}
	require.NoError(t, b.EnsureTopics(t.Context(), topic))
	url := embeddedtest.Database(t)
	db, err := database.Open(t.Context(), database.Config{URL: url, MaxConns: 40})
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	require.NoError(t, outboxbench.PrepareOwn(t.Context(), db))
	return outboxbench.Own(url, db, b, topic)
}

func TestBothAreMeasured(t *testing.T) {
	latency, err := outboxbench.MeasureLatency(t.Context(), own(t), 200, time.Second)
	require.NoError(t, err)
	require.Equal(t, 200, latency.Events)
	require.Positive(t, latency.P50)
	require.LessOrEqual(t, latency.P50, latency.P99)
	t.Log(latency)
	drain, err := outboxbench.MeasureDrain(t.Context(), own(t), 2000)
	require.NoError(t, err)
	require.Positive(t, drain.PerSecond())
	t.Log(drain)
}

// go test -bench Latency -benchtime 10x ./platform/outbox/outboxbench: seconds at 1,000 events a second.
func BenchmarkLatency(b *testing.B) {
	latency, err := outboxbench.MeasureLatency(b.Context(), own(b), 1000, time.Duration(b.N)*time.Second)
	require.NoError(b, err)
	b.ReportMetric(float64(latency.P50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latency.P99.Microseconds())/1000, "p99-ms")
	b.Log(latency)
}

// go test -bench Drain -benchtime 100000x ./platform/outbox/outboxbench: a backlog of so many events.
func BenchmarkDrain(b *testing.B) {
	drain, err := outboxbench.MeasureDrain(b.Context(), own(b), b.N)
	require.NoError(b, err)
	b.ReportMetric(drain.PerSecond(), "events/s")
	b.Log(drain)
}
