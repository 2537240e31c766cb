package backfill

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
)

// Config says what is brought over.
type Config struct {
	// Resource is its name, as in "comments".
	Resource string
	// Source reads it.
	Source Source
	// Topic is where the chunks go.
	Topic broker.Topic
	// Wake is called after each page (outbox.Notifier.Wake); it may be nil.
	Wake func()
	// Worker is this replica's name, for people.
	Worker string
	// Page is about how many rows a page has; 0 means 5,000.
	Page int
	// Waiting is how many events of the topic may wait in the outbox before the run
	// pauses, so that live events don't queue behind chunks for long; 0 means 64.
	Waiting int
	// Behind tells how many messages the follower has still to apply; while there are
	// more than MaxBehind (0 means 64), the run pauses, so that live events don't queue
	// there either. Broker.Lag of the follower's group knows it. Nil: nobody asks.
	Behind    func(ctx context.Context) (int64, error)
	MaxBehind int
	// Lease is how long a replica that works may be silent until another goes on; 0
	// means 5 s.
	Lease time.Duration
	// Every is how often a Runner that has nothing to do looks for work; 0 means 1 s.
	Every time.Duration
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

// Runner makes the pages of runs, and answers about them. It is safe for concurrent
// use. Each replica of the owner has one and runs it; any of them answers Start, Pause
// and Status.
type Runner struct {
	db     *database.DB
	cfg    Config
	worker string // unique among all runners
	wake   chan struct{}
}

// New returns the runner over the database with the outbox and the rows. Its errors
// name the field.
func New(db *database.DB, cfg Config) (*Runner, error) {
	cfg.Page = cmp.Or(cfg.Page, 5000)
	cfg.Waiting = cmp.Or(cfg.Waiting, 64)
	cfg.MaxBehind = cmp.Or(cfg.MaxBehind, 64)
	cfg.Lease = cmp.Or(cfg.Lease, 5*time.Second)
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Resource == "" || cfg.Source == nil || db == nil {
		return nil, fmt.Errorf("backfill of %q lacks its database or its source: give both, and name it", cfg.Resource)
	}
	if err := cfg.Topic.Check(); err != nil {
		return nil, fmt.Errorf("backfill of %s: %w", cfg.Resource, err)
	}
	if cfg.Page < 1 || cfg.Waiting < 1 || cfg.MaxBehind < 1 || cfg.Lease < time.Millisecond || cfg.Every < time.Millisecond {
		return nil, fmt.Errorf("backfill of %s: Page %d, Waiting %d, MaxBehind %d, Lease %s or Every %s can't be: use at least 1, 1, 1, 1ms and 1ms",
			cfg.Resource, cfg.Page, cfg.Waiting, cfg.MaxBehind, cfg.Lease, cfg.Every)
	}
	cfg.Logger = cfg.Logger.With("resource", cfg.Resource)
	return &Runner{db: db, cfg: cfg, worker: cfg.Worker + "/" + uuid.NewString(), wake: make(chan struct{}, 1)}, nil
}
