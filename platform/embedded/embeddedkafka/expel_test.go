package embeddedkafka_test

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/embeddedkafka"
)

// Somebody who dies while it waits for its first answer keeps no partition for longer
// than its session.
func TestWhoDiesBeforeItIsLetInIsExpelled(t *testing.T) {
	t.Parallel()
	k, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Stop(context.Background())) })
	b, err := broker.New(broker.Config{Addrs: []string{k.Addr()}})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	topic := broker.Topic{Name: "t", Partitions: 4, Replicas: 1}
	require.NoError(t, b.EnsureTopics(t.Context(), topic))

	// kfake begins a session for the dead one, or does not, by chance: so six groups.
	var ours [6]atomic.Int64
	each := func(holds func(partitions int64) bool, why string) {
		require.Eventually(t, func() bool {
			for i := range ours {
				if !holds(ours[i].Load()) {
					return false
				}
			}
			return true
		}, time.Minute, 10*time.Millisecond, why)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var members errgroup.Group
	for i := range ours {
		members.Go(func() error {
			return b.Consume(ctx, broker.ConsumerConfig{Group: group(i), Topics: []string{"t"}, Session: 6 * time.Second}, func(ctx context.Context, _ *broker.Partition) error {
				ours[i].Add(1)
				defer ours[i].Add(-1)
				<-ctx.Done()
				return nil
			})
		})
	}
	t.Cleanup(func() { cancel(); require.NoError(t, members.Wait()) })
	each(func(n int64) bool { return n == 4 }, "alone")
	for i := range ours {
		joinAndDie(t, k.Addr(), group(i))
	}
	each(func(n int64) bool { return n == 2 }, "half of them are the dead one's")
	each(func(n int64) bool { return n == 4 }, "and stay so")
}

func group(i int) string { return "g" + strconv.Itoa(i) }

// joinAndDie asks to be let in and does not wait for the answer.
func joinAndDie(t *testing.T, addr, group string) {
	t.Helper()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Version = 1 // as kafka-go does
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, "consumer", 6000, 6000
	what := kmsg.ConsumerMemberMetadata{Topics: []string{"t"}}
	for _, name := range []string{"range", "roundrobin"} {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = name, what.AppendTo(nil)
		join.Protocols = append(join.Protocols, p)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, join, 1))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
