package inbox

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes the inbox's tables, or brings them up to date. Hosts call it at start;
// several may at the same time.
func Migrate(ctx context.Context, db *database.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read inbox migrations: %w", err)
	}
	_, err = db.Migrate(ctx, "inbox", files)
	return err
}

// Kind says what a handler needs of order.
type Kind int

// The kinds of handlers; see the package's comment.
const (
	State Kind = iota
	Changes
)

// Config says who listens to what.
type Config struct {
	// Consumer names the consumer group and owns the rows in this database. Members
	// with the same name share the partitions.
	Consumer string
	// Resource is what dead letters are counted under, as in "comments"; empty: the
	// consumer's name.
	Resource string
	// Topics are read from their start.
	Topics []string
	// DB keeps the inbox's tables and the handler's.
	DB *database.DB
	// Broker is Kafka.
	Broker *broker.Broker
	// Handler applies the events; Kind is what it needs.
	Handler Handler
	Kind    Kind
	// Midway is for a handler of changes that begins when aggregates have had changes
	// before: the first version of an aggregate that it sees counts as its turn. The
	// default waits for version 1.
	Midway bool
	// Batch is how many events a transaction takes at most; 0 means 500.
	Batch int
	// Attempts bounds how often an event is tried before it becomes a dead letter; 0
	// means 5. The first pause is Backoff (0 means 100 ms), doubled each time up to
	// MaxBackoff (0 means 5 s); half of each is random.
	Attempts            int
	Backoff, MaxBackoff time.Duration
	// GapWait is how long an event waits for its turn, 0 means 30 s; MaxWaiting how
	// many may wait in one partition, 0 means 1000: then the oldest goes on.
	GapWait    time.Duration
	MaxWaiting int
	// Retention is how long inbox rows are kept: longer than the topics keep events. 0
	// keeps them for ever, as it must be when the topics do.
	Retention time.Duration
	// Every is how often redriven dead letters are looked for, dead letters published
	// and rows trimmed; 0 means 1 s.
	Every time.Duration
	// Session is how long a member may be silent; 0 is broker's default.
	Session time.Duration
	// Registerer takes the metrics; nil: none are told.
	Registerer prometheus.Registerer
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Resource = cmp.Or(c.Resource, c.Consumer)
	c.Batch = cmp.Or(c.Batch, 500)
	c.Attempts = cmp.Or(c.Attempts, 5)
	c.Backoff = cmp.Or(c.Backoff, 100*time.Millisecond)
	c.MaxBackoff = cmp.Or(c.MaxBackoff, 5*time.Second)
	c.GapWait = cmp.Or(c.GapWait, 30*time.Second)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 1000)
	c.Every = cmp.Or(c.Every, time.Second)
	_, alone := c.Handler.(Preparer)
	if _, knows := c.Handler.(Needer); alone && !knows {
		c.Batch = 1
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) check() error {
	if c.Consumer == "" || len(c.Topics) == 0 {
		return fmt.Errorf("inbox %q with topics %v can't be: name the consumer and at least one topic", c.Consumer, c.Topics)
	}
	if c.DB == nil || c.Broker == nil || c.Handler == nil {
		return fmt.Errorf("inbox %s lacks its database, broker or handler: give all three", c.Consumer)
	}
	if _, alone := c.Handler.(Preparer); alone && c.Kind == Changes {
		return fmt.Errorf("inbox %s has a handler that prepares and is of changes: what waits for its turn can't be prepared; make it of state", c.Consumer)
	}
	if _, ignores := c.Handler.(Ignorer); ignores && c.Kind == Changes {
		return fmt.Errorf("inbox %s has a handler that ignores events and is of changes: each version counts there; make it of state", c.Consumer)
	}
	for name, n := range map[string]int64{
		"Batch": int64(c.Batch), "Attempts": int64(c.Attempts), "MaxWaiting": int64(c.MaxWaiting),
		"Backoff": int64(c.Backoff), "MaxBackoff": int64(c.MaxBackoff), "GapWait": int64(c.GapWait), "Every": int64(c.Every),
	} {
		if n < 1 {
			return fmt.Errorf("inbox %s: %s %d can't be: use more than 0, or leave it out", c.Consumer, name, n)
		}
	}
	if c.Retention < 0 {
		return fmt.Errorf("inbox %s: Retention %v can't be: use 0 to keep rows for ever", c.Consumer, c.Retention)
	}
	return nil
}
