package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"golang.org/x/sync/errgroup"

	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/kafkatest"
)

// A broker that went and came back is told by one error, however many connections to
// it lay idle: else each of a relay's next attempts, with ever longer pauses between
// them, would find another dead one.
func TestOneErrorTellsThatTheBrokerWasAway(t *testing.T) {
	kafkatest.OwnOnly(t)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir))
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	c := start()
	b, err := New(Config{Addrs: c.ListenAddrs()})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	topic := Topic{Name: "t", Partitions: 16, Replicas: 1}
	require.NoError(t, b.EnsureTopics(t.Context(), topic))

	publish := func(partition int) error {
		return b.Publisher().Publish(t.Context(), []Message{{Topic: topic.Name, Partition: partition, Value: []byte("x")}})
	}
	var published error
	require.Eventually(t, func() bool { // as many as are in use at the same time
		var all errgroup.Group
		for i := range topic.Partitions {
			all.Go(func() error { return publish(i) })
		}
		published = all.Wait()
		return published != nil || open(b) >= 6
	}, 30*time.Second, time.Millisecond)
	require.NoError(t, published)

	c.Close()
	require.Error(t, publish(0), "what was sent into a dead connection is not acknowledged")
	require.ErrorContains(t, publish(0), "connection refused", "why, and not that the topic is unknown")
	start()
	require.NoError(t, publish(0))
	_, err = b.Lag(t.Context(), "g", topic.Name)
	require.NoError(t, err)
}

func open(b *Broker) int {
	b.conns.mu.Lock()
	defer b.conns.mu.Unlock()
	return len(b.conns.all)
}
