package notes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// Resource is what is owned.
const Resource = "notes"

// Config says how a Store writes.
type Config struct {
	URL string
	// Name is this side's, Peer the other's.
	Name, Peer string
	// Process appears in pg_stat_activity.
	Process string
	// Feed is the topic that changes are told on, through the outbox; without a name
	// they are told to nobody.
	Feed broker.Topic
	// Guarded lets each write ask first whether this side owns.
	Guarded bool
}

// Store is the notes of one database. It is safe for concurrent use.
type Store struct {
	cfg      Config
	db       *database.DB
	side     *ownership.Side
	notifier *outbox.Notifier
	stop     context.CancelFunc
	ended    chan struct{}
}

// Open connects to a database that Migrate has prepared. Close it in the end.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	db, err := database.Open(ctx, database.Config{URL: cfg.URL, Name: cfg.Process, MaxConns: 12, Wait: 10 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("open the database of %s: %w", cfg.Name, err)
	}
	s := &Store{cfg: cfg, db: db, notifier: outbox.NewNotifier(db, nil), ended: make(chan struct{})}
	s.side, err = ownership.New(db, ownership.Config{
		Resource: Resource, Name: cfg.Name, Peer: cfg.Peer, Markers: s,
		Drained: ownership.Drained(Resource), Requires: []ownership.Requirement{inbox.Settled{Resource: Resource}},
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() {
		defer close(s.ended)
		s.notifier.Run(running)
	}()
	return s, nil
}

// Close ends what Open began.
func (s *Store) Close() error {
	s.stop()
	<-s.ended
	return s.db.Close()
}

// Migrate makes all tables in an empty database.
func Migrate(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url, MaxConns: 2})
	if err != nil {
		return err
	}
	defer db.Close()
	for _, migrate := range []func(context.Context, *database.DB) error{outbox.Migrate, inbox.Migrate, ownership.Migrate} {
		if err := migrate(ctx, db); err != nil {
			return err
		}
	}
	if err := db.Gorm(ctx).Exec(schema).Error; err != nil {
		return fmt.Errorf("make the notes' tables: %w", err)
	}
	return nil
}

// Side is the ownership of this database's notes.
func (s *Store) Side() *ownership.Side { return s.side }

// DB is the database, for an inbox.
func (s *Store) DB() *database.DB { return s.db }

// SQL is the database, for statements that go round all rules.
func (s *Store) SQL() *sql.DB { return s.db.SQL() }

// Write does a write once for each key: a key that is known is answered as before.
// Errors: ErrGone, and ownership.ErrNotOwner where that is asked; nothing was done
// then. After another error nobody knows.
func (s *Store) Write(ctx context.Context, w Write) (now Note, a Answer, repeated bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) (err error) {
		if err := s.guard(tx); err != nil {
			return err
		}
		if a, repeated, err = known(tx, w.Key); err != nil || repeated {
			return err
		}
		if now, err = change(tx, w); err != nil {
			return err
		}
		a = Answer{Note: now.ID, Version: now.Version}
		return s.tell(tx, changed(w.Key, now))
	})
	if err == nil && s.cfg.Feed.Name != "" {
		s.notifier.Wake()
	}
	return now, a, repeated, err
}

func (s *Store) guard(tx *gorm.DB) error {
	if !s.cfg.Guarded {
		return nil
	}
	return s.side.Guard(tx)
}

// All reads everything: the notes, also the deleted ones, and the keys.
func (s *Store) All(ctx context.Context) (all []Note, keys []Key, err error) {
	if err := s.db.Gorm(ctx).Raw("SELECT * FROM notes ORDER BY id").Scan(&all).Error; err != nil {
		return nil, nil, fmt.Errorf("read the notes of %s: %w", s.cfg.Name, err)
	}
	if err := s.db.Gorm(ctx).Raw("SELECT * FROM keys ORDER BY key").Scan(&keys).Error; err != nil {
		return nil, nil, fmt.Errorf("read the keys of %s: %w", s.cfg.Name, err)
	}
	return all, keys, nil
}

// Seed makes notes that are there before anything else, told to nobody.
func (s *Store) Seed(ctx context.Context, all []Note) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error { return tx.Table("notes").Create(all).Error })
}

// Unpublished counts the events that wait in the outbox.
func (s *Store) Unpublished(ctx context.Context) (int, error) {
	return outbox.Waiting(ctx, s.db, s.cfg.Feed.Name, 1000)
}
