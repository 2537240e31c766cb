package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// DB is a pool of connections to one database. It is safe for concurrent use. It
// recovers by itself from a database that restarts: a connection that the server
// has closed is noticed before it is used.
type DB struct {
	cfg  Config
	pgx  *pgx.ConnConfig
	pool *sql.DB
	gorm *gorm.DB
}

// Open connects, waiting up to cfg.Wait for a database that is not up yet. Its
// errors name DATABASE_URL without the password, and the mend.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	config, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	door := &knocker{dial: config.DialFunc}
	config.DialFunc = door.open
	pool := stdlib.OpenDB(*config, stdlib.OptionShouldPing(doubtful))
	pool.SetMaxOpenConns(cfg.MaxConns)
	pool.SetMaxIdleConns(cfg.MaxConns) // database/sql's 2 would dial at every burst
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour)
	if err := reach(ctx, pool, cfg); err != nil {
		pool.Close()
		return nil, err
	}
	door.reached.Store(true)
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}), &gorm.Config{
		Logger:                 newLogger(cfg.Logger, cfg.SlowQuery),
		SkipDefaultTransaction: true, // transactions are visible: see InTx
		// SELECT * breaks when a migration adds a column under a live prepared
		// statement: "cached plan must not change result type".
		QueryFields:          true,
		DisableAutomaticPing: true,
		NowFunc:              func() time.Time { return time.Now().UTC() },
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open gorm: %w", err)
	}
	return &DB{cfg: cfg, pgx: config, pool: pool, gorm: g}, nil
}

// firstAsk is how long the first attempt may take, with sign-in; each after it may take
// twice as long, up to connectTimeout. A server that took the connection and says nothing
// is asked again soon. That packets are lost before is the knocker's matter.
const firstAsk = 250 * time.Millisecond

// reach asks until the database answers, or says no in a way that waiting does not
// mend.
func reach(ctx context.Context, pool *sql.DB, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, cfg.Wait+connectTimeout)
	defer cancel()
	deadline := time.Now().Add(cfg.Wait)
	for within := firstAsk; ; within = min(2*within, connectTimeout) {
		if cfg.Wait == 0 {
			within = connectTimeout // there is no second attempt
		}
		silent, err := ask(ctx, pool, within)
		if err == nil {
			return nil
		}
		if !silent && !IsUnavailable(err) || time.Now().After(deadline) || pause(ctx, 100*time.Millisecond) != nil {
			return explain(err, cfg)
		}
	}
}

// ask is one attempt; silent tells that it got no answer in its time.
func ask(ctx context.Context, pool *sql.DB, within time.Duration) (silent bool, err error) {
	attempt, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err = pool.PingContext(attempt)
	return attempt.Err() != nil && ctx.Err() == nil, err
}

// explain says what to do about a database that can't be opened.
func explain(err error, cfg Config) error {
	mend := "start PostgreSQL there, or mend the address"
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "28P01", "28000":
			mend = "mend its user or password"
		case "3D000":
			mend = "create that database, or mend the name"
		case "53300":
			mend = "the server has no connection left: lower DB_MAX_CONNS, or raise the server's max_connections"
		}
	}
	return fmt.Errorf("DATABASE_URL %s can't be opened: %s; %s", cfg.redacted(), lastLine(err), mend)
}

// lastLine is what was tried last: pgx writes a line for each address and each way.
func lastLine(err error) string {
	text := strings.TrimSpace(err.Error())
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// Gorm is for reading, statement by statement, within ctx. Writing belongs into
// InTx.
func (d *DB) Gorm(ctx context.Context) *gorm.DB { return d.gorm.WithContext(ctx) }

// SQL is the pool itself, for what does without gorm. It is closed by Close, not by
// who asked.
func (d *DB) SQL() *sql.DB { return d.pool }

// Ping asks whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.pool.PingContext(ctx); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// Close closes all connections. Statements that run are waited for.
func (d *DB) Close() error { return d.pool.Close() }

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
