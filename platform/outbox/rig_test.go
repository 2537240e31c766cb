package outbox

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const forLong = 60 * time.Second

// topic is where events go. Its name is each rig's own, since a Kafka may be shared.
var topic = broker.Topic{Name: "test.things.v1", Partitions: 4, Replicas: 1}

// rig is a database with an outbox and a broker: an embedded one that can be broken,
// or one that was given.
type rig struct {
	t      testing.TB
	url    string
	db     *database.DB
	broker *broker.Broker
	addr   string

	mu      sync.Mutex
	cluster *kfake.Cluster // nil: the broker was given
	options []kfake.Opt
}

func prepare(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := Migrate(ctx, db); err != nil {
		return err
	}
	// The business: aggregates with versions, writers with something of their own, and
	// the truth about what was committed. xid is for one of the mutants.
	_, err = db.SQL().ExecContext(ctx, `
		CREATE TABLE things (id text PRIMARY KEY, version bigint NOT NULL);
		CREATE TABLE writers (id int PRIMARY KEY, n int NOT NULL);
		CREATE TABLE truth (token text PRIMARY KEY, thing text NOT NULL, version bigint NOT NULL);
		ALTER TABLE outbox ADD COLUMN xid xid8 DEFAULT pg_current_xact_id()`)
	return err
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, url: embeddedtest.Prepared(t, "outbox", prepare)}
	db, err := database.Open(t.Context(), database.Config{URL: r.url, MaxConns: 24})
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	r.db = db
	topic.Name = kafkatest.Unique("test.things.v1")
	if r.addr = kafkatest.Given(); r.addr == "" {
		r.embed()
	}
	r.broker, err = broker.New(broker.Config{Addrs: []string{r.addr}, RequestTimeout: 3 * time.Second})
	require.NoError(t, err)
	t.Cleanup(r.broker.Close)
	require.NoError(t, r.broker.EnsureTopics(t.Context(), topic))
	return r
}

// embed gives the rig a broker of its own.
func (r *rig) embed() {
	r.t.Helper()
	port, err := embedded.FreePort()
	require.NoError(r.t, err)
	r.addr = fmt.Sprintf("127.0.0.1:%d", port)
	r.options = []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(r.t.TempDir())}
	r.startBroker()
	r.t.Cleanup(func() { r.stopBroker() })
}

func (r *rig) startBroker() {
	cluster, err := kfake.NewCluster(r.options...)
	require.NoError(r.t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cluster = cluster
}

func (r *rig) stopBroker() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cluster.Close()
}

// given says that the broker is not ours to break.
func (r *rig) given() bool { return kafkatest.Given() != "" }

// withBroker calls f with the broker that runs, unless it was given.
func (r *rig) withBroker(f func(*kfake.Cluster)) {
	if r.given() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.cluster)
}

func (r *rig) execute(statement string, args ...any) {
	r.t.Helper()
	_, err := r.db.SQL().Exec(statement, args...)
	require.NoError(r.t, err)
}

func (r *rig) number(query string, args ...any) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.db.SQL().QueryRow(query, args...).Scan(&n))
	return n
}

// unpublished is how many events wait.
func (r *rig) unpublished() int {
	return r.number("SELECT count(*) FROM outbox WHERE published_at IS NULL")
}

func (r *rig) eventually(what string, f func() bool) {
	r.t.Helper()
	require.Eventually(r.t, f, forLong, 5*time.Millisecond, what)
}

func (r *rig) append(events ...Event) {
	r.t.Helper()
	require.NoError(r.t, r.db.InTx(r.t.Context(), func(tx *gorm.DB) error { return Append(tx, events...) }))
}

func event(aggregate string, version int64, data string) Event {
	return Event{Topic: topic, Aggregate: aggregate, Version: version, Type: "test.thing.changed", Source: "/test", Data: []byte(data)}
}

func (r *rig) config() Config {
	return Config{URL: r.url, Topics: []broker.Topic{topic}, Publisher: r.broker.Publisher(), Poll: 50 * time.Millisecond, Keep: time.Hour}
}

// run starts a relay; the function returned stops it and waits.
func (r *rig) run(cfg Config) (*Relay, func()) {
	r.t.Helper()
	relay, err := NewRelay(cfg)
	require.NoError(r.t, err)
	return relay, r.start(relay)
}

func (r *rig) start(relay *Relay) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- relay.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(r.t, <-done)
	})
	r.t.Cleanup(stop)
	return stop
}

// topicEnd is how many messages the topic has.
func (r *rig) topicEnd() (n int64) {
	if r.given() {
		lags, err := r.broker.Lag(r.t.Context(), "nobody", topic.Name)
		if err != nil {
			return -1 // a Kafka that has just begun looks for its groups
		}
		for _, l := range lags {
			n += l.End
		}
		return n
	}
	r.withBroker(func(c *kfake.Cluster) {
		for _, p := range c.PartitionInfos(topic.Name) {
			n += p.HighWatermark
		}
	})
	return n
}

// read returns all that is on the topic, with another client than the relay's.
func (r *rig) read() []*kgo.Record {
	r.t.Helper()
	want := r.topicEnd()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.ConsumeTopics(topic.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), forLong)
	defer cancel()
	var all []*kgo.Record
	for int64(len(all)) < want {
		fetched := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "read %d of %d", len(all), want)
		all = append(all, fetched.Records()...)
	}
	return all
}
