package outbox

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/kafkatest"
)

// keys is a key for each partition of the topic.
func keys() []string {
	all := make([]string, topic.Partitions)
	for i, found := 0, 0; found < len(all); i++ {
		key := strconv.Itoa(i)
		if p := topic.Partition(key); all[p] == "" {
			all[p] = key
			found++
		}
	}
	return all
}

func TestAConfigurationThatCanNotBeIsRefused(t *testing.T) {
	good := func() Config {
		return Config{URL: "postgres://u:hunter2@127.0.0.1/db", Topics: []broker.Topic{topic}, Publisher: (*broker.Publisher)(nil)}
	}
	_, err := NewRelay(good())
	require.NoError(t, err)
	for want, spoil := range map[string]func(*Config){
		"no topic":             func(c *Config) { c.Topics = nil },
		"has 0 partitions":     func(c *Config) { c.Topics = []broker.Topic{{Name: "x"}} },
		"same advisory lock":   func(c *Config) { c.Topics = []broker.Topic{topic, topic} },
		"no publisher":         func(c *Config) { c.Publisher = nil },
		"batch -1":             func(c *Config) { c.Batch = -1 },
		"write it as postgres": func(c *Config) { c.URL = "mysql://u:hunter2@h/db" },
		"not understood":       func(c *Config) { c.URL += "?sslmode=perhaps" },
	} {
		t.Run(want, func(t *testing.T) {
			cfg := good()
			spoil(&cfg)
			_, err := NewRelay(cfg)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestRelaysShareTheShards(t *testing.T) {
	r := newRig(t)
	var relays []*Relay
	var stops []func()
	join := func() {
		relay, stop := r.run(r.config())
		relays, stops = append(relays, relay), append(stops, stop)
	}
	shares := func(want ...int) {
		t.Helper()
		r.eventually("shares", func() bool {
			for i, relay := range relays {
				if relay.own.count() != want[i] {
					return false
				}
			}
			return true
		})
	}
	join()
	shares(4)
	join()
	shares(2, 2)
	join()
	join()
	shares(1, 1, 1, 1)
	stops[0]()
	stops[1]()
	shares(0, 0, 2, 2)
	stops[2]()
	shares(0, 0, 0, 4)
}

func TestNotifyingIsWhatWakesARelay(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Poll = time.Hour
	relay, stop := r.run(cfg)
	r.eventually("shards", func() bool { return relay.own.count() == 4 })

	ctx, cancel := context.WithCancel(t.Context())
	notifier := NewNotifier(r.db, nil)
	var running sync.WaitGroup
	running.Go(func() { notifier.Run(ctx) })
	for i := range 5 {
		r.append(event("a", int64(i+1), "{}"))
		notifier.Wake()
		r.eventually("published", func() bool { return r.topicEnd() == int64(i+1) })
	}
	cancel()
	running.Wait()

	r.append(event("a", 6, "{}"))
	relay.Wake()
	r.eventually("published", func() bool { return r.topicEnd() == 6 })
	stop()
}

func TestPollingFindsWhatNobodyNotified(t *testing.T) {
	r := newRig(t)
	relay, stop := r.run(r.config())
	r.eventually("shards", func() bool { return relay.own.count() == 4 })
	r.append(event("a", 1, "{}"))
	r.eventually("published", func() bool { return r.topicEnd() == 1 })
	stop()
	require.Zero(t, r.unpublished(), "stopping waits for the mark")
}

func TestAPartitionThatFailsHoldsOnlyItself(t *testing.T) {
	kafkatest.OwnOnly(t)
	r := newRig(t)
	var refused *kfake.FaultHandle
	r.withBroker(func(c *kfake.Cluster) {
		refused = c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic.Name, Partitions: []int32{0}, Err: kerr.NotEnoughReplicas, Count: -1})
	})
	cfg, registry := r.config(), prometheus.NewRegistry()
	cfg.Batch, cfg.Registerer = 3, registry
	_, stop := r.run(cfg)
	const each = 20 // many more than a batch
	for n := range each {
		for _, key := range keys() {
			r.append(event(key, int64(n+1), "{}"))
		}
	}
	r.eventually("the others", func() bool { return r.unpublished() == each })
	require.NoError(t, refused.Wait(t.Context(), 3), "and it is tried again and again")
	refused.Remove()
	r.eventually("all", func() bool { return r.unpublished() == 0 })
	stop()
	require.EqualValues(t, 4*each, r.topicEnd())
}

// hung is a publisher that one partition's messages never leave.
type hung struct {
	Publisher
	partition int
}

func (h hung) Publish(ctx context.Context, messages []broker.Message) error {
	if messages[0].Partition == h.partition {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Publisher.Publish(ctx, messages)
}

func TestAPartitionThatHangsHoldsOnlyItself(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	cfg.Publisher = hung{cfg.Publisher, 2}
	relay, err := NewRelay(cfg)
	require.NoError(t, err)
	relay.finishing = 10 * time.Millisecond
	stop := r.start(relay)
	for n := range 10 {
		for _, key := range keys() {
			r.append(event(key, int64(n+1), "{}"))
		}
		r.eventually("the others", func() bool { return r.unpublished() == n+1 })
	}
	stop()
	require.Equal(t, 10, r.unpublished())
}

func TestADatabaseThatGoesIsWaitedOut(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	door := newDoor(t, cfg.URL)
	cfg.URL = door.url
	relay, stop := r.run(cfg)
	all := func() bool { return r.unpublished() == 0 }
	for n := range 3 {
		r.append(event("a", int64(2*n+1), "{}"))
		r.eventually("published", all)
		door.shut()
		r.append(event("a", int64(2*n+2), "{}"))
		r.eventually("without a session nothing is owned", func() bool { return relay.own.count() == 0 })
		door.open()
		r.eventually("published", all)
	}
	require.GreaterOrEqual(t, r.topicEnd(), int64(6))
	stop()
}

func TestARelayThatIsAskedToStopWithoutADatabaseStops(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	door := newDoor(t, cfg.URL)
	cfg.URL = door.url
	relay, stop := r.run(cfg)
	r.eventually("shards", func() bool { return relay.own.count() == 4 })
	door.shut()
	stop()
	_, stop = r.run(cfg) // and one that has never had it
	stop()
}

// The lock of a relay that says nothing is free after a while: its session is ended
// by the server.
func TestASessionThatSaysNothingIsEnded(t *testing.T) {
	r := newRig(t)
	relay, err := NewRelay(r.config())
	require.NoError(t, err)
	l := &lease{config: relay.conn, shards: relay.shards, own: relay.own, wake: relay.wake, silence: 100 * time.Millisecond}
	conn, err := l.connect(t.Context())
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, l.balance(t.Context(), conn))
	require.Equal(t, 4, relay.own.count())
	var ended *pgconn.PgError
	_, err = conn.WaitForNotification(t.Context()) // as a process that was stopped
	require.ErrorAs(t, err, &ended)
	require.Equal(t, "57P05", ended.Code)
	_, stop := r.run(r.config())
	r.append(event("a", 1, "{}"))
	r.eventually("published by another", func() bool { return r.unpublished() == 0 })
	stop()
}
