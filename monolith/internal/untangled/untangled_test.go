package untangled_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/monolith/migrations"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns an empty blog's database.
func open(t *testing.T) *database.DB {
	t.Helper()
	url := embeddedtest.Prepared(t, "blog", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Migrate(ctx, "blog", migrations.FS)
		return err
	})
	db, err := database.Open(t.Context(), database.Config{URL: url, MaxConns: 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func empty(t *testing.T, db *database.DB) {
	t.Helper()
	for _, table := range []string{
		"notifications", "moderation_queue", "moderation_keys", "moderation_rules",
		"comment_tombstones", "comment_keys", "comments",
		"post_tombstones", "post_keys", "post_covers", "post_tags", "posts", "account_keys", "accounts",
	} {
		require.NoError(t, db.Gorm(context.WithoutCancel(t.Context())).Exec("DELETE FROM "+table).Error)
	}
}

func TestSuite(t *testing.T) {
	free := make(chan *database.DB, runtime.GOMAXPROCS(0))
	for range cap(free) {
		free <- open(t)
	}
	storetest.Run(t, func(t *testing.T) storetest.Stores {
		db := <-free
		t.Cleanup(func() {
			empty(t, db)
			free <- db
		})
		s := untangled.New(db)
		return storetest.Stores{
			Accounts: s.Accounts(), Posts: s.Posts(), Comments: s.Comments(),
			Moderation: s.Moderation(), Feed: s.Feed(), Notifications: s.Notifications(),
		}
	})
}
