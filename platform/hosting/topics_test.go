package hosting_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/hosting"
)

func TestTopicsAreWaitedForHoweverLongKafkaIsAway(t *testing.T) {
	port, err := embedded.FreePort()
	require.NoError(t, err)
	h, _ := newHost(t, "KAFKA_ADDRS=127.0.0.1:"+strconv.Itoa(port))
	kafka, err := h.Broker()
	require.NoError(t, err)
	topics := hosting.NewTopics(kafka, broker.Topic{Name: "cats", Partitions: 2}, broker.Topic{Name: "dogs", Partitions: 1})
	require.Equal(t, "starting", topics.State())
	var failed atomic.Int64
	ran := make(chan struct{})
	h.Keep("topics", func(ctx context.Context) error {
		return topics.Ensure(ctx, func(error) { failed.Add(1) })
	})
	h.Keep("relay", topics.Before(func(context.Context) error { close(ran); return nil }))
	require.Eventually(t, func() bool { return failed.Load() > 1 }, soon, often)
	require.Contains(t, topics.State(), "cats", "it says what is missing")
	select {
	case <-ran:
		t.Fatal("it ran before there were topics")
	default:
	}

	server, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{Port: port})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	<-ran
	require.Equal(t, hosting.TopicsReady, topics.State())
	behind, err := kafka.Behind(t.Context(), "a group", "cats")
	require.NoError(t, err)
	require.Zero(t, behind, "nothing is there")
	require.NoError(t, h.Stop())
}

func TestAHostThatStopsWaitsForNoTopic(t *testing.T) {
	port, err := embedded.FreePort()
	require.NoError(t, err)
	h, _ := newHost(t, "KAFKA_ADDRS=127.0.0.1:"+strconv.Itoa(port))
	kafka, err := h.Broker()
	require.NoError(t, err)
	topics := hosting.NewTopics(kafka, broker.Topic{Name: "cats", Partitions: 1})
	h.Keep("topics", func(ctx context.Context) error { return topics.Ensure(ctx, func(error) {}) })
	h.Keep("relay", topics.Before(func(context.Context) error { t.Error("it ran"); return nil }))
	require.NoError(t, h.Stop())

	h, _ = newHost(t)
	_, err = h.Broker()
	require.ErrorContains(t, err, "KAFKA_ADDRS")
}
