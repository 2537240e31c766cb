package storetest

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/migrations"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
)

// URL returns the address of a database of t's own with the blog's schema and no
// rows.
func URL(t testing.TB) string {
	t.Helper()
	return embeddedtest.Prepared(t, "blog", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx, "blog", migrations.FS)
		return err
	})
}

// Open opens such a database, until t ends. The logger may be nil.
func Open(t testing.TB, logger *slog.Logger) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: URL(t), MaxConns: 10, Logger: logger})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Databases returns what opens an empty database for a test of a suite. The suite's
// many tests take turns on a few: emptying one is quicker than making one.
func Databases(t *testing.T, logger *slog.Logger) func(t *testing.T) *database.DB {
	t.Helper()
	free := make(chan *database.DB, runtime.GOMAXPROCS(0))
	for range cap(free) {
		free <- Open(t, logger)
	}
	return func(t *testing.T) *database.DB {
		t.Helper()
		db := <-free
		t.Cleanup(func() {
			empty(t, db)
			free <- db
		})
		return db
	}
}

// empty takes all rows away again, those first that refer to others. It goes round
// gorm: who counts statements is not to count these.
func empty(t *testing.T, db *database.DB) {
	t.Helper()
	for _, table := range []string{
		"notifications", "moderation_queue", "moderation_keys", "moderation_rules",
		"comment_closed_posts", "comment_tombstones", "comment_keys", "comments",
		"post_tombstones", "post_keys", "post_covers", "post_tags", "posts", "account_keys", "accounts",
	} {
		_, err := db.SQL().ExecContext(context.WithoutCancel(t.Context()), "DELETE FROM "+table)
		require.NoError(t, err)
	}
}
