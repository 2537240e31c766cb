package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Waiting for another replica that migrates.
const (
	lockEvery = 1   // seconds, goose's shortest
	lockTries = 300 // so five minutes
)

// migrationLock is how long a migration's statement waits for a table: while it
// waits, all who come after it wait too.
const migrationLock = 10 * time.Second

// Migrate brings the schema up to what the SQL files (goose's format, in the root
// of files) say, and returns how many it ran. Each set has a table of its own,
// <set>_migrations, so that two sets may both begin at 1. Replicas may call it at
// the same time: one runs it, the others wait and find nothing left. Where nothing
// is left it takes no lock. A schema that a newer release has brought further is
// left as it is: migrations only expand, so an older release can go on with it.
func (d *DB) Migrate(ctx context.Context, set string, files fs.FS) (int, error) {
	config := d.pgx.Copy()                          // a deep one
	config.RuntimeParams["statement_timeout"] = "0" // building an index takes what it takes
	config.RuntimeParams["lock_timeout"] = milliseconds(migrationLock)
	pool := stdlib.OpenDB(*config)
	defer pool.Close()

	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEvery, lockTries))
	if err != nil {
		return 0, fmt.Errorf("make migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, files,
		goose.WithSessionLocker(locker), goose.WithTableName(set+"_migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, fmt.Errorf("read %s migrations: %w", set, err)
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for pending %s migrations: %w", set, err)
	}
	if !pending {
		return 0, nil
	}
	results, err := provider.Up(ctx)
	for _, r := range results {
		d.cfg.Logger.InfoContext(ctx, "migration applied", "set", set, "file", r.Source.Path, "took", r.Duration)
	}
	var partial *goose.PartialError
	if errors.As(err, &partial) && partial.Failed != nil {
		return len(results), fmt.Errorf("run %s migration %s: %w", set, partial.Failed.Source.Path, partial.Err)
	}
	if err != nil {
		return len(results), fmt.Errorf("run %s migrations: %w", set, err)
	}
	return len(results), nil
}
