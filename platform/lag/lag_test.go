package lag_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/lag"
	"banyan.dev/platform/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 30 * time.Second

// world is a host that tells, and is its own listener: a database with an outbox, a
// topic, and a group.
type world struct {
	t      *testing.T
	url    string
	db     *database.DB
	broker *broker.Broker
	topic  broker.Topic
	group  string
	admin  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, topic: broker.Topic{Name: kafkatest.Unique("things.v1"), Partitions: 2, Replicas: 1}, group: kafkatest.Unique("listeners")}
	w.url = embeddedtest.Prepared(t, "lag", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		return outbox.Migrate(ctx, db)
	})
	var err error
	w.db, err = database.Open(t.Context(), database.Config{URL: w.url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })
	w.broker, err = broker.New(broker.Config{Addrs: []string{kafkatest.Start(t)}})
	require.NoError(t, err)
	t.Cleanup(w.broker.Close)
	require.NoError(t, w.broker.EnsureTopics(t.Context(), w.topic))
	mux := http.NewServeMux()
	mux.Handle("GET "+lag.Path, lag.Handler(lag.Source{DB: w.db, Broker: w.broker, Groups: []lag.Group{{Name: w.group, Topics: []string{w.topic.Name}}}}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.admin = server.URL
	return w
}

func (w *world) client() *lag.Client {
	c := lag.NewClient(lag.ClientConfig{Name: "host", URLs: []string{"http://127.0.0.1:1", w.admin}})
	w.t.Cleanup(c.Close)
	return c
}

// tells commits an event for each partition.
func (w *world) tells() {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(tx *gorm.DB) error {
		for p := range w.topic.Partitions {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			err = outbox.Append(tx, outbox.Event{Topic: w.topic, ID: id.String(), Aggregate: "a", Partition: &p, Type: "thing.changed", Source: "/test", Data: []byte(`{}`)})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// runs runs until the test ends, or until stop.
func (w *world) runs(f func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = f(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return stop
}

func (w *world) relays() func() {
	relay, err := outbox.NewRelay(outbox.Config{URL: w.url, Topics: []broker.Topic{w.topic}, Publisher: w.broker.Publisher(), Name: "relay", Poll: 20 * time.Millisecond})
	require.NoError(w.t, err)
	return w.runs(relay.Run)
}

// listens applies what comes once it may.
func (w *world) listens(may <-chan struct{}) {
	w.runs(func(ctx context.Context) error {
		return w.broker.Consume(ctx, broker.ConsumerConfig{Group: w.group, Topics: []string{w.topic.Name}}, func(ctx context.Context, p *broker.Partition) error {
			for {
				batch, err := p.Fetch(ctx, 1000) // a commit each would fall behind who writes without a pause
				if err != nil {
					return nil
				}
				select {
				case <-may:
				case <-ctx.Done():
					return nil
				}
				_ = p.Commit(batch[len(batch)-1])
			}
		})
	})
}

// behind is what catching up lacks, however long it waits.
func (w *world) behind(c *lag.Client, want, why string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		err := lag.CaughtUp(ctx, c)
		return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), want)
	}, soon, 10*time.Millisecond, why)
}

func TestWhatWaitsAnywhereIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	require.NoError(t, lag.CaughtUp(t.Context(), c), "nothing was told")
	w.tells()
	w.behind(c, "host has not caught up: 2 events wait to be sent", "a lag of 0 says nothing of what is not published")
	w.relays()
	require.Eventually(t, func() bool { r, err := c.Report(t.Context()); return err == nil && r.Outbox.Waiting == 0 }, soon, 10*time.Millisecond)
	w.behind(c, "group "+w.group+" has 1 messages to go in partition 1 of "+w.topic.Name, "published is not applied")
	may := make(chan struct{})
	w.listens(may)
	w.behind(c, "messages to go", "fetched is not applied")
	close(may)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	require.NoError(t, lag.CaughtUp(ctx, c))
}

// TestCatchingUpEndsUnderTraffic: a lag of 0 would never be seen.
func TestCatchingUpEndsUnderTraffic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	may := make(chan struct{})
	close(may)
	w.relays()
	w.listens(may)
	first := make(chan struct{})
	stop := w.runs(func(ctx context.Context) error {
		tell := sync.OnceFunc(func() { close(first) })
		for ctx.Err() == nil {
			w.tells()
			tell()
		}
		return nil
	})
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	require.NoError(t, lag.CaughtUp(ctx, w.client(), w.client()))
	stop()
}

func TestAHostThatTellsNothingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for status, text := range map[int]string{404: "does it run with events?", 401: "ADMIN_TOKEN"} {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) }))
		t.Cleanup(server.Close)
		c := lag.NewClient(lag.ClientConfig{Name: "host", URLs: []string{server.URL}})
		t.Cleanup(c.Close)
		err := lag.CaughtUp(t.Context(), c)
		require.ErrorIs(t, err, lag.ErrSilent)
		require.ErrorContains(t, err, text)
	}
}

func TestTheReportWantsTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	e.GET(lag.Path, echo.WrapHandler(lag.Handler(lag.Source{DB: w.db, Broker: w.broker})), httpkit.Bearer("secret-token"))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	for token, known := range map[string]bool{"secret-token": true, "wrong": false} {
		c := lag.NewClient(lag.ClientConfig{Name: "host", URLs: []string{server.URL}, Token: token})
		t.Cleanup(c.Close)
		r, err := c.Report(t.Context())
		if known {
			require.NoError(t, err)
			require.Equal(t, lag.Report{Groups: []lag.Place{}}, r)
			continue
		}
		require.ErrorIs(t, err, lag.ErrSilent)
	}
}
