package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/ownership"
	"banyan.dev/services/comments/internal/config"
)

// discard empties what a follower has applied, in one transaction. The row that says
// who owns is held meanwhile, so that nobody takes what is just thrown away; and what
// the row's epoch says stays true.
func discard(ctx context.Context, cfg config.Config, logger *slog.Logger) (err error) {
	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.SQL().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("discard: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it is nothing
	if err := mustFollow(ctx, tx); err != nil {
		return err
	}
	if err := empty(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("discard: commit: %w", err)
	}
	logger.InfoContext(ctx, "the follower's rows are discarded", "resource", store.Resource)
	return nil
}

// mustFollow refuses unless this side follows. A database in which nobody ever said
// who owns is empty, and may be emptied.
func mustFollow(ctx context.Context, tx *sql.Tx) error {
	var row ownership.Row
	err := tx.QueryRowContext(ctx, "SELECT state, epoch FROM ownership WHERE resource = $1 FOR UPDATE", store.Resource).Scan(&row.State, &row.Epoch)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("discard: read who owns %s: %w", store.Resource, err)
	case row.State != ownership.Follower:
		return fmt.Errorf("discard: this side is %s of %s: its rows are the only true ones; hand %s over first", row, store.Resource, store.Resource)
	}
	return nil
}

// empty waits until nothing is being applied, and lets nothing be: who applies locks a
// position before anything else. It then removes the rows, and what says that they are here: the newest run of a
// backfill, markers, and what the inbox has done. What waits in the outbox was written
// by an owner, and goes out.
func empty(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []struct {
		text string
		args []any
	}{
		{"LOCK TABLE inbox_positions IN EXCLUSIVE MODE", nil},
		{"TRUNCATE comments, comment_keys, comment_tombstones, comment_closed_posts", nil},
		{"DELETE FROM backfill_chunks WHERE resource = $1", []any{store.Resource}},
		{"DELETE FROM backfill_runs WHERE resource = $1", []any{store.Resource}},
		{"DELETE FROM ownership_markers WHERE resource = $1", []any{store.Resource}},
		{"DELETE FROM inbox_events WHERE consumer = $1", []any{group}},
		{"DELETE FROM inbox_positions WHERE consumer = $1", []any{group}},
		{"DELETE FROM inbox_dead_letters WHERE consumer = $1", []any{group}},
	} {
		if _, err := tx.ExecContext(ctx, statement.text, statement.args...); err != nil {
			return fmt.Errorf("discard: %s: %w", statement.text, err)
		}
	}
	return nil
}
