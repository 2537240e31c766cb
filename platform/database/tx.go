package database

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// attempts bounds how often a transaction is tried: what still collides then is not
// chance.
const attempts = 5

// InTx runs f in one transaction at READ COMMITTED: all of it is kept, or nothing.
// When the database gives it up for a deadlock or a failed serialization, or loses
// the connection before the commit was asked for, it is run again, a bounded number
// of times; so f does nothing but what it does through tx, and sets what it returns
// anew each time. An error of f is returned as it is.
//
// When the connection is lost during the commit, nobody knows whether it was kept:
// that is an error, and who asked tries again with an idempotency key.
func (d *DB) InTx(ctx context.Context, f func(tx *gorm.DB) error) error {
	for n := 1; ; n++ {
		committing, err := d.try(ctx, f)
		if err == nil || n == attempts || ctx.Err() != nil {
			return err
		}
		if !isConflict(err) && (committing || !IsUnavailable(err)) {
			return err
		}
		if pause(ctx, backoff(n)) != nil {
			return err
		}
	}
}

// try is one attempt. committing is true when an error came out of the commit.
func (d *DB) try(ctx context.Context, f func(tx *gorm.DB) error) (committing bool, err error) {
	tx := d.gorm.WithContext(ctx).Begin()
	if tx.Error != nil {
		return false, fmt.Errorf("begin transaction: %w", tx.Error)
	}
	defer func() {
		if !committing { // f failed or panicked
			tx.Rollback()
		}
	}()
	if err := f(tx); err != nil {
		return false, err
	}
	committing = true
	if err := tx.Commit().Error; err != nil {
		return true, fmt.Errorf("commit transaction: %w", err)
	}
	return true, nil
}

// backoff grows, with a random part so that two that collided don't collide again.
func backoff(n int) time.Duration {
	limit := 5 * time.Millisecond << n
	return limit/2 + rand.N(limit/2)
}
