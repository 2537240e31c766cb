package main

import (
	"context"
	"fmt"
	"log/slog"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/database"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/services/comments/internal/config"
)

// openDatabase opens the service's own database, with today's schema.
func openDatabase(ctx context.Context, cfg config.Config, logger *slog.Logger) (*database.DB, error) {
	return cfg.OpenDatabase(ctx, logger, migrateAll)
}

// migrateAll makes the feature's tables and those of what moves its events. Each set
// has a history of its own.
func migrateAll(ctx context.Context, db *database.DB) error {
	for _, set := range []func(context.Context, *database.DB) error{
		store.Migrate, ownership.Migrate, outbox.Migrate, inbox.Migrate, backfill.Migrate,
	} {
		if err := set(ctx, db); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

// migrate is the command of that name: a Job before a rollout.
func migrate(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	return db.Close()
}
