package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"banyan.dev/platform/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes the feature's tables in a database of their own, or brings them up to
// date: what a service calls at its start. In the monolith's database they are there
// by the monolith's migrations.
func Migrate(ctx context.Context, db *database.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read comments migrations: %w", err)
	}
	_, err = db.Migrate(ctx, "comments", files)
	return err
}
