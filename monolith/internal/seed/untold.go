package seed

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

// WhileUntold runs f, which writes a resource past its store, where that harms nobody:
// the resource is this database's to write, and stays so meanwhile, and no backfill has
// told another side of it. It would never hear of what f writes, since there are no
// events of it. A hand-over and a backfill that begin meanwhile wait for f.
func WhileUntold(ctx context.Context, db *database.DB, side *ownership.Side, resource string, f func() error) error {
	return db.InTx(ctx, func(tx *gorm.DB) error {
		_, err := side.Own(tx)
		switch {
		case errors.Is(err, ownership.ErrUnknown): // nobody ever moved it
		case errors.Is(err, ownership.ErrNotOwner):
			return fmt.Errorf("seed: %w: hand %s back first (strangler handover)", err, resource)
		case err != nil:
			return fmt.Errorf("seed: %w", err)
		}
		// f takes as long as it takes, on a connection of its own.
		err = tx.Exec("SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE backfill_runs IN SHARE MODE").Error
		if err != nil {
			return fmt.Errorf("lock out backfills: %w", err)
		}
		var told bool
		err = tx.Raw("SELECT EXISTS (SELECT FROM backfill_runs WHERE resource = ?)", resource).Scan(&told).Error
		if err != nil {
			return fmt.Errorf("look for backfills of %s: %w", resource, err)
		}
		if told {
			return fmt.Errorf("seed: a backfill of %s has begun, and seeding makes no events: the other side would never have what is added now; "+
				"seed a blog before its %s are moved", resource, resource)
		}
		return f()
	})
}
