package inbox_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/inbox"
)

// A server of its own: it is killed.
func startPostgres(t *testing.T, cfg embedded.PostgresConfig) *embedded.Postgres {
	t.Helper()
	pg, err := embedded.StartPostgres(t.Context(), cfg)
	require.NoError(t, err)
	return pg
}

func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "banyan-inbox-*")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755)) // PostgreSQL may run as another user
	return dir
}

func TestTheDatabaseDiesAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	cfg := embedded.PostgresConfig{Dir: filepath.Join(folder(t), "pg"), Port: port}
	pg := startPostgres(t, cfg)
	require.NoError(t, pg.CreateDatabase(t.Context(), "own"))
	w.db = openDB(t, pg.URL("own"))
	require.NoError(t, inbox.Migrate(t.Context(), w.db))
	require.NoError(t, w.db.Gorm(t.Context()).Exec(tables).Error)

	registry := prometheus.NewRegistry()
	conf := w.config(calls)
	conf.Registerer, conf.Kind, conf.Batch, conf.Attempts = registry, inbox.Changes, 20, 1
	w.start(w.inbox(conf))
	sent := int64(0)
	more := func(versions int64) {
		var messages []broker.Message
		for range versions {
			sent++
			for a := range 10 {
				messages = append(messages, w.event(fmt.Sprintf("a%d", a), sent))
			}
		}
		w.publish(messages...)
	}
	for _, end := range []func(){
		func() { require.NoError(t, syscall.Kill(pg.PID(), syscall.SIGKILL)) },
		func() { require.NoError(t, pg.Stop(context.Background())) },
	} {
		more(100)
		require.Eventually(t, func() bool { return metric(t, registry, "banyan_inbox_applied_total") > 10*float64(sent-80) }, soon, time.Millisecond)
		end() // in the middle
		more(20)
		require.Eventually(t, func() bool { return metric(t, registry, "banyan_inbox_paused_partitions") > 0 }, soon, often)
		require.Eventually(t, func() bool { return !pg.Running() }, soon, often)
		pg = startPostgres(t, cfg)
		w.becomes(int(10*sent), `SELECT count(*) FROM calls`)
	}
	w.once()
	w.inOrder()
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`), "the events are at no fault")
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_gaps`))
	require.NoError(t, pg.Stop(context.Background()))
}

func TestKafkaGoesAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	cfg := embeddedkafka.Config{Dir: t.TempDir(), Port: port}
	start := func() *embeddedkafka.Kafka {
		kafka, err := embeddedkafka.Start(t.Context(), cfg)
		require.NoError(t, err)
		return kafka
	}
	kafka := start()
	w.broker, err = broker.New(broker.Config{Addrs: []string{kafka.Addr()}})
	require.NoError(t, err)
	t.Cleanup(w.broker.Close)
	require.NoError(t, w.broker.EnsureTopics(t.Context(), w.topic))
	w.start(w.inbox(w.config(calls)))
	w.publish(w.event("a", 1), w.event("b", 1))
	w.becomes(2, `SELECT count(*) FROM calls`)
	require.NoError(t, kafka.Stop(context.Background()))
	kafka = start()
	t.Cleanup(func() { require.NoError(t, kafka.Stop(context.Background())) })
	require.Eventually(t, func() bool {
		return w.broker.Publisher().Publish(t.Context(), []broker.Message{w.event("c", 1)}) == nil
	}, soon, often)
	w.becomes(1, `SELECT count(*) FROM calls WHERE aggregate = 'c' HAVING count(*) > 0`)
	w.once()
}

// Three members, each with a pool of its own, come and go while events do.
func TestMembersComeAndGoUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var published atomic.Int64
	stopLoad := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for version := int64(1); ; version++ {
			var messages []broker.Message
			for a := range 30 {
				m := w.event(fmt.Sprintf("a%02d-", a), version)
				messages = append(messages, m)
				if a%7 == int(version%7) {
					messages = append(messages, m) // the relay repeats some
				}
			}
			if w.broker.Publisher().Publish(context.Background(), messages) != nil {
				return // seen below: the numbers differ
			}
			published.Add(30)
			select {
			case <-stopLoad:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	})
	member := func() (stop func()) {
		cfg := w.config(calls)
		cfg.DB, cfg.Kind, cfg.Batch = openDB(t, w.url), inbox.Changes, 10+random.IntN(50)
		return w.start(w.inbox(cfg))
	}
	members := []func(){member(), member(), member()}
	applied := func() int { return w.number(`SELECT count(*) FROM calls`) }
	for range 8 {
		i, before := random.IntN(3), applied()
		members[i]()
		require.Eventually(t, func() bool { return applied() > before+300 }, soon, often, "the others go on")
		members[i] = member()
	}
	close(stopLoad)
	load.Wait()
	w.becomes(int(published.Load()), `SELECT count(*) FROM calls`)
	w.once()
	w.inOrder()
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_gaps`), "each version in its turn")
	t.Logf("%d events applied over 8 comings and goings", published.Load())
}

// What a database says while it is restarted, failed over or full, seen by a handler.
func TestADatabaseInTroubleIsNoFaultOfTheEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for offset, trouble := range []error{
		&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "25006"}, &pgconn.PgError{Code: "53100"}, &pgconn.PgError{Code: "58030"},
		&pgconn.PgError{Code: "40P01"}, fmt.Errorf("dial: %w", net.ErrClosed),
	} {
		left := 12 // InTx tries some of them by itself
		cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
			if left--; left > 0 {
				return fmt.Errorf("insert: %w", trouble)
			}
			return calls(ctx, tx, e)
		}))
		cfg.Attempts = 1
		_, err := w.inbox(cfg).Settle(t.Context(), w.topic.Name, 0, place(int64(offset), w.event("a", int64(offset+1))))
		require.NoError(t, err)
		require.Equal(t, offset+1, w.number(`SELECT count(*) FROM calls`), "%v", trouble)
	}
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
}

// A handler that meets a database which gives it up, as for a deadlock, is run again.
func TestADeadlockIsNoFaultOfTheEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	require.NoError(t, w.db.Gorm(t.Context()).Exec(`INSERT INTO things VALUES ('x', 0, ''), ('y', 0, '')`).Error)
	var once sync.Once
	held, go1 := make(chan struct{}), make(chan struct{})
	other := make(chan error, 1)
	go func() {
		other <- w.db.InTx(context.WithoutCancel(t.Context()), func(tx *gorm.DB) error {
			if err := tx.Exec(`UPDATE things SET version = version + 1 WHERE id = 'y'`).Error; err != nil {
				return err
			}
			once.Do(func() { close(held) })
			<-go1
			return tx.Exec(`UPDATE things SET version = version + 1 WHERE id = 'x'`).Error
		})
	}()
	<-held
	var release sync.Once
	cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if err := tx.Exec(`UPDATE things SET version = version + 1 WHERE id = 'x'`).Error; err != nil {
			return err
		}
		release.Do(func() { close(go1) })
		if err := tx.Exec(`UPDATE things SET version = version + 1 WHERE id = 'y'`).Error; err != nil {
			return err
		}
		return calls(ctx, tx, e)
	}))
	cfg.Attempts = 1
	_, err := w.inbox(cfg).Settle(t.Context(), w.topic.Name, 0, place(0, w.event("a", 1)))
	require.NoError(t, err)
	require.NoError(t, <-other)
	require.Equal(t, 4, w.number(`SELECT sum(version) FROM things`))
	require.Equal(t, "a1", w.called())
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
}
