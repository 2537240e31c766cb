package inbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/inbox"
)

// TestMembersAreKilledWhileEventsFlow: three members, each a process of its own, and
// kill -9 of one of them, or of all, again and again while events come, some of them
// repeated. What they do can't be done twice without being seen: every event is counted,
// and every one is there once, in its order.
func TestMembersAreKilledWhileEventsFlow(t *testing.T) {
	if os.Getenv("INBOX_URL") != "" {
		memberProcess(t)
		return
	}
	t.Parallel()
	w := &world{t: t, url: prepared(t), consumer: kafkatest.Unique("test"), topic: broker.Topic{Name: kafkatest.Unique("things.v1"), Partitions: 6}}
	w.db = openDB(t, w.url)
	addr := kafkatest.Start(t)
	var err error
	w.broker, err = broker.New(broker.Config{Addrs: []string{addr}})
	require.NoError(t, err)
	t.Cleanup(w.broker.Close)
	require.NoError(t, w.broker.EnsureTopics(t.Context(), w.topic))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	flow := w.flows()
	var members []*exec.Cmd
	for range 3 {
		members = append(members, w.member(addr))
	}
	applied := func() int { return w.number(`SELECT count(*) FROM calls`) }
	for round := range 4 {
		before := applied()
		some := before + 1 + random.IntN(400)
		require.Eventually(t, func() bool { return applied() >= some }, soon, time.Millisecond, "round %d", round)
		which := []int{random.IntN(3)}
		if round%2 == 1 {
			which = []int{0, 1, 2}
		}
		for _, i := range which { // all at once
			require.NoError(t, members[i].Process.Kill())
		}
		for _, i := range which {
			require.Error(t, members[i].Wait())
			members[i] = w.member(addr)
		}
	}
	published := flow()
	w.becomes(published, `SELECT count(*) FROM calls`)
	w.once()
	w.inOrder()
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_gaps`), "each version in its turn")
	t.Logf("%d events applied, with 8 members killed", published)
}

// flows publishes events until the function it returns is called, which tells how many
// there are.
func (w *world) flows() (stop func() int) {
	w.t.Helper()
	var published atomic.Int64
	ctx, end := context.WithCancel(w.t.Context())
	var flowing sync.WaitGroup
	flowing.Go(func() {
		for version := int64(1); ctx.Err() == nil; version++ {
			var messages []broker.Message
			for a := range 30 {
				m := w.event(fmt.Sprintf("a%02d-", a), version)
				messages = append(messages, m)
				if a%7 == int(version%7) {
					messages = append(messages, m) // the relay repeats some
				}
			}
			if w.broker.Publisher().Publish(context.WithoutCancel(ctx), messages) != nil {
				return // seen later: events stop
			}
			published.Add(30)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	w.t.Cleanup(func() { end(); flowing.Wait() })
	return func() int {
		end()
		flowing.Wait()
		return int(published.Load())
	}
}

// member starts one that handles until it is killed.
func (w *world) member(addr string) *exec.Cmd {
	w.t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestMembersAreKilledWhileEventsFlow$")
	child.Env = append(slices.Clone(os.Environ()), "INBOX_URL="+w.url, "INBOX_KAFKA="+addr, "INBOX_TOPIC="+w.topic.Name,
		"INBOX_PARTITIONS="+strconv.Itoa(w.topic.Partitions), "INBOX_CONSUMER="+w.consumer)
	child.Stdout, child.Stderr = os.Stderr, os.Stderr
	require.NoError(w.t, child.Start())
	w.t.Cleanup(func() {
		_ = child.Process.Kill() // or it is dead
		_ = child.Wait()
	})
	return child
}

func memberProcess(t *testing.T) {
	partitions, err := strconv.Atoi(os.Getenv("INBOX_PARTITIONS"))
	require.NoError(t, err)
	w := &world{
		t: t, consumer: os.Getenv("INBOX_CONSUMER"), db: openDB(t, os.Getenv("INBOX_URL")),
		topic: broker.Topic{Name: os.Getenv("INBOX_TOPIC"), Partitions: partitions},
	}
	w.broker, err = broker.New(broker.Config{Addrs: []string{os.Getenv("INBOX_KAFKA")}})
	require.NoError(t, err)
	defer w.broker.Close()
	cfg := w.config(calls)
	cfg.Kind, cfg.Batch = inbox.Changes, 50
	ctx, cancel := context.WithTimeout(t.Context(), 2*soon) // should nobody kill it
	defer cancel()
	require.NoError(t, w.inbox(cfg).Run(ctx))
}
