package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/broker"
)

// Publisher brings messages to the broker: broker.Publisher does. It returns nil
// when all are acknowledged, and else an error which, when it is a
// *broker.PublishError, says which.
type Publisher interface {
	Publish(ctx context.Context, messages []broker.Message) error
}

// Config says what a relay moves, and from where to where.
type Config struct {
	// URL is the database, as in database.Config. The relay holds a session: where a
	// PgBouncer pools by transaction, go past it.
	URL string
	// Topics are those that events are appended for, all of them, with the same number
	// of partitions. Make them before (broker.EnsureTopics).
	Topics []broker.Topic
	// Publisher is where events go.
	Publisher Publisher
	// Name appears in pg_stat_activity; empty means banyan-outbox.
	Name string
	// Batch is how many events of one shard are taken at a time; 0 means 500.
	Batch int
	// Poll is about how often a relay looks that nobody has woken; 0 means 500 ms.
	Poll time.Duration
	// Keep is how long events stay after they were published, for people to look at; 0
	// means 10 minutes.
	Keep time.Duration
	// Registerer takes the metrics while the relay runs; it may be nil.
	Registerer prometheus.Registerer
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

// Relay moves events from the outbox to the broker. Several may run, in as many
// processes: they share the shards.
type Relay struct {
	cfg    Config
	shards []shard
	conn   *pgx.ConnConfig
	pool   *pgxpool.Config
	own    *ownership
	wake   chan struct{}
	// What decides is replaced by the tests with what is known to be wrong: the ledger,
	// made from the table, and how shards are held until a context ends.
	ledger func(*table) ledger
	hold   func(ctx context.Context)
	// finishing bounds how long a relay that stops waits for answers of the broker.
	finishing time.Duration
	// brokerPause bounds the pause after the broker's failures.
	brokerPause time.Duration
}

// NewRelay checks the configuration; it connects to nothing.
func NewRelay(cfg Config) (*Relay, error) {
	cfg.Name = cmp.Or(cfg.Name, "banyan-outbox")
	cfg.Batch = cmp.Or(cfg.Batch, 500)
	cfg.Poll = cmp.Or(cfg.Poll, 500*time.Millisecond)
	cfg.Keep = cmp.Or(cfg.Keep, 10*time.Minute)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Publisher == nil || cfg.Batch < 1 || cfg.Poll < time.Millisecond || cfg.Keep < 0 {
		return nil, fmt.Errorf("outbox relay: batch %d, poll %v and keep %v can't be, or there is no publisher: use at least 1, 1ms and 0", cfg.Batch, cfg.Poll, cfg.Keep)
	}
	shards, err := shardsOf(cfg.Topics)
	if err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, shards: shards, own: newOwnership(len(shards)), wake: make(chan struct{}, 1), finishing: 10 * time.Second, brokerPause: maxBrokerPause}
	if err := r.configure(); err != nil {
		return nil, err
	}
	r.ledger = func(t *table) ledger { return t }
	r.hold = (&lease{config: r.conn, shards: r.shards, own: r.own, wake: r.wake, logger: r.cfg.Logger, silence: sessionSilence}).run
	return r, nil
}

// configure reads the URL. Its error does not show it: it has a password.
func (r *Relay) configure() error {
	u, err := url.Parse(r.cfg.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("outbox relay: the database's URL is none of PostgreSQL: write it as postgres://user:password@host:5432/database")
	}
	if r.pool, err = pgxpool.ParseConfig(r.cfg.URL); err != nil {
		return fmt.Errorf("outbox relay: the database's URL %s has an option that is not understood", u.Redacted())
	}
	params := r.pool.ConnConfig.RuntimeParams
	params["application_name"] = r.cfg.Name
	params["timezone"] = "UTC"
	r.conn = r.pool.ConnConfig.Copy()
	r.pool.MaxConns = 3 // reading, marking, keeping house
	// A mark that a crash of the database loses makes an event go out twice, which
	// happens anyway; so marking does not wait for the disk.
	params["synchronous_commit"] = "off"
	// The queue is read along its index whatever the statistics say: they are of a
	// table that is empty one minute and full the next.
	params["enable_seqscan"] = "off"
	params["enable_bitmapscan"] = "off"
	return nil
}

// Run moves events until ctx ends. Then it waits for the broker's answers that are
// due (up to 10 s), marks what is acknowledged, and lets its shards go to the other
// relays. Nothing else ends it: it waits out a broker and a database that are away,
// for ever, with growing pauses. Its only error is one of configuration. A Relay
// runs once.
func (r *Relay) Run(ctx context.Context) error {
	pool, err := pgxpool.NewWithConfig(ctx, r.pool)
	if err != nil {
		return fmt.Errorf("outbox relay: %w", err)
	}
	defer pool.Close()
	m := newMetrics(r.own)
	if err := m.register(r.cfg.Registerer); err != nil {
		return err
	}
	defer m.unregister(r.cfg.Registerer)

	t := &table{pool: pool, shards: r.shards, limit: r.cfg.Batch, probe: probeEvery}
	p := &pump{
		ledger: r.ledger(t), publisher: r.cfg.Publisher, shards: r.shards, own: r.own, wake: r.wake,
		limit: r.cfg.Batch, poll: r.cfg.Poll, finishing: r.finishing, brokerPause: r.brokerPause, metrics: m, logger: r.cfg.Logger,
	}
	// The shards are kept until the pump is done with them.
	holding, let := context.WithCancel(context.WithoutCancel(ctx))
	defer let()
	var all sync.WaitGroup
	all.Go(func() { r.hold(holding) })
	all.Go(func() { r.keepHouse(ctx, t, m) })
	p.run(ctx)
	t.close()
	let()
	all.Wait()
	return nil
}

// Wake says that events were committed, when whoever commits lives in the same
// process; a Notifier says it to all relays. It never waits.
func (r *Relay) Wake() { wake(r.wake) }

const (
	houseEvery = 5 * time.Second
	// Trimming is paced: never more rows at once, nor more often, than the rest of the
	// database notices.
	trimRows  = 2000
	trimPause = 20 * time.Millisecond
)

// keepHouse measures what waits and trims what is published. The relay that owns the
// first shard trims, so that one does.
func (r *Relay) keepHouse(ctx context.Context, t *table, m *metrics) {
	topics := make([]string, len(r.cfg.Topics))
	for i, topic := range r.cfg.Topics {
		topics[i] = topic.Name
	}
	for ctx.Err() == nil {
		if backlogs, err := t.backlogs(ctx); err == nil {
			m.measured(topics, backlogs)
		} else if ctx.Err() == nil {
			m.failed("database").Inc()
		}
		r.trim(ctx, t, m)
		sleep(ctx, houseEvery/2+rand.N(houseEvery))
	}
}

func (r *Relay) trim(ctx context.Context, t *table, m *metrics) {
	for r.own.has(0) && ctx.Err() == nil {
		n, err := t.trimmed(ctx, r.cfg.Keep, trimRows)
		if err != nil && ctx.Err() == nil {
			m.failed("database").Inc()
			r.cfg.Logger.WarnContext(ctx, "outbox: not trimmed", "error", err)
		}
		m.trimmed.Add(float64(n))
		if n < trimRows {
			return
		}
		sleep(ctx, trimPause)
	}
}

// acknowledged is how many of n messages are acknowledged, counted from the first.
func acknowledged(err error, n int) int {
	if err == nil {
		return n
	}
	var answers *broker.PublishError
	if !errors.As(err, &answers) || len(answers.Errors) != n {
		return 0
	}
	for i, err := range answers.Errors {
		if err != nil {
			return i
		}
	}
	return n
}
