package outbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"banyan.dev/platform/broker"
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

func TestWhatIsPublishedIsTrimmed(t *testing.T) {
	r := newRig(t)
	cfg, registry := r.config(), prometheus.NewRegistry()
	cfg.Registerer, cfg.Keep = registry, time.Minute
	r.execute(`INSERT INTO outbox (event_id, topic, partition, aggregate_id, version, type, source, payload, headers, published_at)
		SELECT gen_random_uuid(), $1, 0, 'a', n, 't', 's', '{}', '{}', now() - make_interval(secs => n) FROM generate_series(1, 5000) n`, topic.Name)
	unknown := event("a", 1, "{}")
	unknown.Topic.Name = "nobody.knows"
	r.append(unknown)
	_, stop := r.run(cfg)
	r.eventually("trimmed", func() bool {
		return r.number("SELECT count(*) FROM outbox WHERE published_at < now() - interval '1 minute'") == 0
	})
	require.Greater(t, r.number("SELECT count(*) FROM outbox"), 30, "what is younger stays")
	r.eventually("measured", func() bool {
		n, err := testutil.GatherAndCount(registry, "banyan_outbox_waiting")
		return err == nil && n == 2
	})
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP banyan_outbox_waiting Events in the outbox that are not published yet, up to 1,000,000. The same at every relay.
# TYPE banyan_outbox_waiting gauge
banyan_outbox_waiting{topic="nobody.knows"} 1
banyan_outbox_waiting{topic="test.things.v1"} 0
# HELP banyan_outbox_shards_owned Shards that this relay owns. The sum over all relays is the number of shards.
# TYPE banyan_outbox_shards_owned gauge
banyan_outbox_shards_owned 4
`), "banyan_outbox_waiting", "banyan_outbox_shards_owned"))
	stop()
	n, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Zero(t, n, "a relay that has stopped tells nothing")
}

// counted notes how much is held at a time.
type counted struct {
	Publisher
	most atomic.Int64
}

func (c *counted) Publish(ctx context.Context, messages []broker.Message) error {
	size := 0
	for _, m := range messages {
		size += len(m.Value)
	}
	for {
		most := c.most.Load()
		if int64(size) <= most || c.most.CompareAndSwap(most, int64(size)) {
			return c.Publisher.Publish(ctx, messages)
		}
	}
}

func TestLargeEventsAreTakenAFewAtATime(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	publisher := &counted{Publisher: cfg.Publisher}
	cfg.Publisher, cfg.Poll = publisher, time.Hour
	for i := range 20 {
		r.append(event("a", int64(i+1), `"`+incompressible(500<<10)+`"`))
	}
	_, stop := r.run(cfg)
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	stop()
	require.Len(t, r.read(), 20)
	require.LessOrEqual(t, publisher.most.Load(), int64(maxStored+512<<10+2))
}

// incompressible is text of n digits that looks random.
func incompressible(n int) string {
	var b strings.Builder
	x := uint64(88172645463325252)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b.WriteString(strconv.FormatUint(x, 36))
	}
	return b.String()[:n]
}

// TestKilled runs a relay in a process of its own and kills it, again and again,
// while events are written.
func TestKilled(t *testing.T) {
	if os.Getenv("OUTBOX_RELAY") != "" {
		relayProcess(t)
		return
	}
	r := newRig(t)
	const events = 400
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range events {
			r.append(event(keys()[n%4], int64(n/4+1), strconv.Itoa(n/4+1)))
		}
	})
	for n := int64(1); n <= 3; n++ {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "OUTBOX_RELAY=1", "OUTBOX_URL="+r.url, "OUTBOX_KAFKA="+r.addr)
		require.NoError(t, child.Start())
		r.eventually("published some", func() bool { return r.topicEnd() >= n*events/4 })
		require.NoError(t, child.Process.Signal(syscall.SIGKILL))
		var exit *exec.ExitError
		require.True(t, errors.As(child.Wait(), &exit))
	}
	writing.Wait()
	_, stop := r.run(r.config())
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	stop()
	last := map[string]int{}
	for _, record := range r.read() {
		version, err := strconv.Atoi(string(record.Value))
		require.NoError(t, err)
		require.LessOrEqual(t, version, last[string(record.Key)]+1, "none is skipped")
		last[string(record.Key)] = max(last[string(record.Key)], version)
	}
	for _, key := range keys() {
		require.Equal(t, events/4, last[key])
	}
}

func relayProcess(t *testing.T) {
	b, err := broker.New(broker.Config{Addrs: []string{os.Getenv("OUTBOX_KAFKA")}})
	require.NoError(t, err)
	relay, err := NewRelay(Config{URL: os.Getenv("OUTBOX_URL"), Topics: []broker.Topic{topic}, Publisher: b.Publisher(), Batch: 5, Poll: 10 * time.Millisecond})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), forLong) // should nobody kill it
	defer cancel()
	require.NoError(t, relay.Run(ctx))
}
