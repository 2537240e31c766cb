package main

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/migrations"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/database"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/session"
)

// openDatabase opens the one database, with today's schema.
func openDatabase(ctx context.Context, cfg config.Config, logger *slog.Logger) (*database.DB, error) {
	return cfg.OpenDatabase(ctx, logger, migrateAll)
}

// migrateAll runs the blog's migrations, the sessions', and those of what moves events,
// which are all there whatever seams are in force, so that changing one needs no
// migration.
func migrateAll(ctx context.Context, db *database.DB) error {
	if _, err := db.Migrate(ctx, "blog", migrations.FS); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sessions, err := fs.Sub(session.Migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read session migrations: %w", err)
	}
	if _, err := db.Migrate(ctx, "session", sessions); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, of := range []func(context.Context, *database.DB) error{ownership.Migrate, outbox.Migrate, inbox.Migrate, backfill.Migrate} {
		if err := of(ctx, db); err != nil {
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

// grant gives a role from the command line, and makes running replicas forget what
// they cached of the account.
func grant(ctx context.Context, cfg config.Config, logger *slog.Logger, email string, role contracts.Role) (err error) {
	settings, err := loadSettings(cfg)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer db.Close()
	people := accounts.NewService(storesOf(cfg.Stores, db).Accounts(), accounts.NewPasswords(1), time.Now)
	account, err := people.Grant(ctx, email, role)
	if err != nil {
		return fmt.Errorf("give %s the role %s: %w", email, role, err)
	}
	if err := forget(ctx, settings.inForce().Settings, account.ID, logger); err != nil {
		return err
	}
	logger.InfoContext(ctx, "role given", "account", account.ID, "role", account.Role)
	return nil
}

// forget drops the cached record through sessions of its own, which hold nobody.
func forget(ctx context.Context, s session.Settings, userID string, logger *slog.Logger) error {
	if !s.UserCache {
		return nil
	}
	s.Mode, s.Peers = session.Memory, nil
	sessions, err := session.New(ctx, session.Config{Replica: "role", Settings: s, Logger: logger})
	if err != nil {
		return fmt.Errorf("reach the cache of user records: %w", err)
	}
	defer sessions.Close(ctx)
	if err := sessions.InvalidateUser(ctx, userID); err != nil {
		return fmt.Errorf("drop the cached user record: %w", err)
	}
	return nil
}
