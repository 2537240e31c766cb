package backfill

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"banyan.dev/platform/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes the tables, or brings them up to date. Hosts call it at start;
// several may at the same time.
func Migrate(ctx context.Context, db *database.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read backfill migrations: %w", err)
	}
	_, err = db.Migrate(ctx, "backfill", files)
	return err
}
