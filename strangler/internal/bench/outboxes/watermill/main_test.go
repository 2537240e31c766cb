package main

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	watermillsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
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

// What settings.yaml says of the queue: an event that is not acknowledged in time takes
// those that were fetched with it along. Here Kafka is away for longer than the deadline
// (a second; by default 30) at the fifth of a hundred events. Should the test fail, the
// fault is mended, and the queue is to be measured like the others.
func TestTheQueueLosesWhatIsFetchedWithAnEventThatIsNotAcknowledgedInTime(t *testing.T) {
	for schema, want := range map[string]int{queueSchema: 0, defaultSchema: 96} {
		t.Run(schema, func(t *testing.T) {
			require.Equal(t, want, comesAfterAnOutage(t, schema))
		})
	}
}

// comesAfterAnOutage is how many of the 96 events come that were not acknowledged.
func comesAfterAnOutage(t *testing.T, schema string) (n int) {
	t.Helper()
	deadline := time.Second
	c := contender{settings: settings{Schema: schema, Topics: 1, Batch: 100, Poll: time.Millisecond}, place: place(t), ackDeadline: &deadline}
	require.NoError(t, c.prepare(t.Context()))
	var keys []string
	for i := range 100 {
		keys = append(keys, strconv.Itoa(i))
	}
	require.NoError(t, c.write(t.Context(), keys))
	pool, err := c.pool(t.Context())
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	subscriber, err := c.subscriber(watermillsql.BeginnerFromPgx(pool))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, subscriber.Close()) })
	events, err := subscriber.Subscribe(t.Context(), outboxTopic(0))
	require.NoError(t, err)
	for range 4 {
		(<-events).Ack()
	}
	<-(<-events).Context().Done() // the broker does not answer
	// Later events tell that nothing more of the first ones is to come.
	require.NoError(t, c.write(t.Context(), []string{"last"}))
	for {
		m := <-events
		var envelope struct{ Metadata map[string]string }
		require.NoError(t, json.Unmarshal(m.Payload, &envelope))
		m.Ack()
		if envelope.Metadata[broker.HeaderSubject] == "last" {
			return n
		}
		n++
	}
}
