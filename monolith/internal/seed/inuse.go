package seed

import (
	"context"
	"fmt"

	"banyan.dev/platform/database"
)

// InUse tells whether anybody has an account in the blog, seeded or not. Seeded
// accounts have a known password, so what is in use is not filled unasked.
func InUse(ctx context.Context, db *database.DB) (bool, error) {
	var inUse bool
	if err := db.SQL().QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM accounts)`).Scan(&inUse); err != nil {
		return false, fmt.Errorf("look for accounts: %w", err)
	}
	return inUse, nil
}
