package inbox_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	soon  = 90 * time.Second // of a busy machine
	often = 10 * time.Millisecond
)

// world is a database with an inbox and the tables of two handlers, and a Kafka with
// a topic.
type world struct {
	t      testing.TB
	url    string
	db     *database.DB
	broker *broker.Broker
	topic  broker.Topic
	// consumer is this world's alone, as the topic is: a Kafka may be shared.
	consumer string
}

// The handlers' tables: rows that a handler of state keeps, and what a handler of
// changes was called for.
const tables = `
	CREATE TABLE things (id text PRIMARY KEY, version bigint NOT NULL, body text NOT NULL);
	CREATE TABLE calls (n bigserial PRIMARY KEY, aggregate text NOT NULL, version bigint NOT NULL, event_id text NOT NULL)`

func prepared(t testing.TB) string {
	return embeddedtest.Prepared(t, "inbox", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		if err := inbox.Migrate(ctx, db); err != nil {
			return err
		}
		return db.Gorm(ctx).Exec(tables).Error
	})
}

func openDB(t testing.TB, url string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func newWorld(t testing.TB, partitions int) *world {
	t.Helper()
	w := &world{
		t: t, url: prepared(t), consumer: kafkatest.Unique("test"),
		topic: broker.Topic{Name: kafkatest.Unique("things.v1"), Partitions: partitions},
	}
	w.db = openDB(t, w.url)
	var err error
	w.broker, err = broker.New(broker.Config{Addrs: []string{kafkatest.Start(t)}})
	require.NoError(t, err)
	t.Cleanup(w.broker.Close)
	require.NoError(t, w.broker.EnsureTopics(t.Context(), w.topic))
	return w
}

// event is a message of the topic, with a new id.
func (w *world) event(aggregate string, version int64) broker.Message {
	id, err := uuid.NewV7()
	require.NoError(w.t, err)
	headers := []broker.Header{
		{Key: broker.HeaderSpecVersion, Value: []byte(broker.SpecVersion)}, {Key: broker.HeaderID, Value: []byte(id.String())},
		{Key: broker.HeaderType, Value: []byte("thing.changed")}, {Key: broker.HeaderSource, Value: []byte("/test")},
		{Key: broker.HeaderSubject, Value: []byte(aggregate)}, {Key: broker.HeaderTime, Value: []byte(time.Now().UTC().Format(time.RFC3339Nano))},
		{Key: broker.HeaderContentType, Value: []byte(broker.ContentJSON)},
	}
	if version > 0 {
		headers = append(headers, broker.Header{Key: broker.HeaderVersion, Value: []byte(strconv.FormatInt(version, 10))})
	}
	return broker.Message{
		Topic: w.topic.Name, Partition: w.topic.Partition(aggregate), Key: []byte(aggregate), Headers: headers,
		Value: fmt.Appendf(nil, `{"id":%q,"version":%d,"body":"body %d"}`, aggregate, version, version),
	}
}

func (w *world) publish(messages ...broker.Message) {
	w.t.Helper()
	require.NoError(w.t, w.broker.Publisher().Publish(w.t.Context(), messages))
}

func (w *world) config(handler inbox.Handler) inbox.Config {
	return inbox.Config{
		Consumer: w.consumer, Resource: "things", Topics: []string{w.topic.Name}, DB: w.db, Broker: w.broker, Handler: handler,
		Every: 20 * time.Millisecond, Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Session: 6 * time.Second,
	}
}

func (w *world) inbox(cfg inbox.Config) *inbox.Inbox {
	w.t.Helper()
	b, err := inbox.New(cfg)
	require.NoError(w.t, err)
	return b
}

// start runs an inbox; the function it returns ends it, as the test's end does.
func (w *world) start(b *inbox.Inbox) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) number(query string, args ...any) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Gorm(w.t.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

// becomes waits until a query has that result.
func (w *world) becomes(want int, query string, args ...any) {
	w.t.Helper()
	var err error
	n := 0
	ok := func() bool {
		err = w.db.Gorm(w.t.Context()).Raw(query, args...).Scan(&n).Error
		return err == nil && n == want
	}
	for deadline := time.Now().Add(soon); !ok(); time.Sleep(often) {
		if time.Now().After(deadline) {
			require.FailNow(w.t, "it never becomes so", "%s is %d and not %d (error: %v)", query, n, want, err)
		}
	}
}

// called is what a handler of changes was called for, as "a1 a2 b1".
func (w *world) called() (all string) {
	w.t.Helper()
	require.NoError(w.t, w.db.Gorm(w.t.Context()).Raw(`SELECT coalesce(string_agg(aggregate || version, ' ' ORDER BY n), '') FROM calls`).Scan(&all).Error)
	return all
}

// calls notes each event; the table does not know of duplicates.
var calls = inbox.Each(func(_ context.Context, tx *gorm.DB, e inbox.Event) error {
	return tx.Exec(`INSERT INTO calls (aggregate, version, event_id) VALUES (?, ?, ?)`, e.Aggregate, e.Version, e.ID).Error
})

// callsAtOnce is calls with one statement for many events.
type callsAtOnce struct{}

func (callsAtOnce) Handle(_ context.Context, tx *gorm.DB, events []inbox.Event) error {
	all := make([]map[string]any, len(events))
	for i, e := range events {
		all[i] = map[string]any{"aggregate": e.Aggregate, "version": e.Version, "event_id": e.ID}
	}
	return tx.Table("calls").Create(all).Error
}

// rows keeps the newest state, for many events in one statement, with the version
// guard of a follower.
type rows struct{}

func (rows) Handle(_ context.Context, tx *gorm.DB, events []inbox.Event) error {
	last := map[string]inbox.Event{}
	for _, e := range events {
		if old, is := last[e.Aggregate]; !is || old.Version < e.Version {
			last[e.Aggregate] = e
		}
	}
	payloads := []byte{'['}
	for _, e := range last {
		if len(payloads) > 1 {
			payloads = append(payloads, ',')
		}
		payloads = append(payloads, e.Payload...)
	}
	return tx.Exec(`INSERT INTO things (id, version, body) SELECT id, version, body FROM jsonb_to_recordset(?::jsonb) AS r(id text, version bigint, body text)
		ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version, body = EXCLUDED.body WHERE things.version < EXCLUDED.version`, string(append(payloads, ']'))).Error
}

// once asserts that no event was handled twice.
func (w *world) once() {
	w.t.Helper()
	require.Zero(w.t, w.number(`SELECT count(*) - count(DISTINCT event_id) FROM calls`), "no event is handled twice")
}

// inOrder asserts that each aggregate's versions were handled in rising order.
func (w *world) inOrder() {
	w.t.Helper()
	require.Zero(w.t, w.number(`SELECT count(*) FROM (SELECT version - lag(version) OVER (PARTITION BY aggregate ORDER BY n) AS step FROM calls) s WHERE step <= 0`), "in order")
}

// place gives messages offsets as a partition would, for tests without Kafka.
func place(from int64, messages ...broker.Message) []broker.Message {
	for i := range messages {
		messages[i].Offset = from + int64(i)
	}
	return messages
}
