package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/outbox/outboxbench"
)

func place(t testing.TB) outboxbench.Place {
	t.Helper()
	k, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = k.Stop(context.Background()) })
	p, err := outboxbench.Open(t.Context(), embeddedtest.Database(t), []string{k.Addr()}, broker.Topic{Name: "bench.things.v1", Partitions: 12, Replicas: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// Each set-up brings each event to Kafka, once, and early enough to be measured.
func TestWatermillIsMeasured(t *testing.T) {
	all, err := readSettings()
	require.NoError(t, err)
	for name := range all {
		t.Run(name, func(t *testing.T) {
			p := place(t)
			s, err := open(name, p)
			require.NoError(t, err)
			require.NoError(t, s.Prepare(t.Context()))
			drain, err := outboxbench.MeasureDrain(t.Context(), p, s, 2000)
			require.NoError(t, err)
			require.Equal(t, 2000, drain.Events)
			t.Log(drain)

			p = place(t)
			s, err = open(name, p)
			require.NoError(t, err)
			require.NoError(t, s.Prepare(t.Context()))
			latency, err := outboxbench.MeasureLatency(t.Context(), p, s, 200, time.Second)
			require.NoError(t, err)
			t.Log(latency)
		})
	}
}
