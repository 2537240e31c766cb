package untangled_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/migrations"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/paging"
)

// acrossFeatures are the foreign keys from one feature's table to another's.
func acrossFeatures(t *testing.T, db *database.DB) []string {
	t.Helper()
	var keys []string
	require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT conname FROM pg_constraint WHERE contype = 'f'
		AND split_part(obj_description(conrelid, 'pg_class'), ':', 1) <> split_part(obj_description(confrelid, 'pg_class'), ':', 1)`).Find(&keys).Error)
	return keys
}

func TestNoForeignKeyGoesFromFeatureToFeature(t *testing.T) {
	db := storetest.Open(t, nil)
	require.Empty(t, acrossFeatures(t, db))
	var within []string
	require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT conname FROM pg_constraint WHERE contype = 'f' ORDER BY conname`).Find(&within).Error)
	require.Equal(t, []string{"post_covers_post_id_fkey", "post_tags_post_id_fkey"}, within, "those within a feature stay")
}

// Whatever PostgreSQL would do behind a statement's back.
func TestNothingGoesFromTableToTableUnseen(t *testing.T) {
	db := storetest.Open(t, nil)
	for what, query := range map[string]string{
		"trigger":  `SELECT tgname FROM pg_trigger WHERE NOT tgisinternal`,
		"function": `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
		"view":     `SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace`,
		"rule":     `SELECT rulename FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = 'public'::regnamespace`,
	} {
		var found []string
		require.NoError(t, db.Gorm(t.Context()).Raw(query).Find(&found).Error)
		require.Empty(t, found, what)
	}
}

// A store that went round gorm would go round those who watch its statements.
func TestNoStoreGoesRoundGorm(t *testing.T) {
	files, err := filepath.Glob("../../../features/*/store/*.go")
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, way := range []string{".SQL()", "database/sql\"", "jackc/pgx", ".Scan(", "Logger"} {
			require.NotContains(t, string(source), way, "%s", file)
		}
	}
}

// schema is the first n migrations.
func schema(t *testing.T, n int) fs.FS {
	t.Helper()
	files, err := fs.Glob(migrations.FS, "*.sql")
	require.NoError(t, err)
	first := fstest.MapFS{}
	for _, name := range files[:n] {
		content, err := fs.ReadFile(migrations.FS, name)
		require.NoError(t, err)
		first[name] = &fstest.MapFile{Data: content}
	}
	return first
}

// The release that drops the keys migrates while the release before it answers.
func TestTheKeysAreDroppedUnderTraffic(t *testing.T) {
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Database(t), MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context(), "blog", schema(t, 5))
	require.NoError(t, err)
	// Those who write below are of today, and note closed posts, which is younger.
	require.NoError(t, db.Gorm(t.Context()).Exec("CREATE TABLE comment_closed_posts (post_id uuid PRIMARY KEY, key text NOT NULL)").Error)
	require.Len(t, acrossFeatures(t, db), 12)

	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	errs := make(chan error, 4)
	writing := make(chan struct{}, cap(errs))
	for i := range cap(errs) {
		writers.Go(func() { errs <- write(ctx, tangle.New(db), i, func() { writing <- struct{}{} }) })
	}
	for range cap(errs) {
		<-writing
	}
	ran, err := db.Migrate(t.Context(), "blog", schema(t, 6))
	stop()
	writers.Wait()
	require.NoError(t, err)
	require.Equal(t, 1, ran)
	require.Empty(t, acrossFeatures(t, db))
	for range cap(errs) {
		require.NoError(t, <-errs, "nobody who wrote noticed")
	}
}

// write is somebody who publishes, comments and deletes until ctx ends; begun is
// called after the first round.
func write(ctx context.Context, s *tangle.Store, i int, begun func()) error {
	whole := context.WithoutCancel(ctx) // what was begun is ended
	now := time.Now()
	ann, _, err := s.Accounts().Create(whole, accounts.Account{
		ID: contracts.NewID(), Name: "Ann", Email: fmt.Sprintf("ann%d@example.org", i), Role: contracts.Author, Version: 1, CreatedAt: now,
	}, contracts.Key{})
	if err != nil {
		begun()
		return err
	}
	for round := 0; ctx.Err() == nil; round++ {
		err := writeOnce(whole, s, ann.Viewer().Person, now)
		if round == 0 {
			begun()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func writeOnce(ctx context.Context, s *tangle.Store, ann contracts.Person, now time.Time) error {
	p := contracts.Post{PostSummary: contracts.PostSummary{
		ID: contracts.NewID(), Title: "Talk", Status: contracts.Published, Author: ann, Version: 1, CreatedAt: now, UpdatedAt: now, PublishedAt: &now,
	}}
	p, _, err := s.Posts().Create(ctx, p, contracts.Key{Value: contracts.NewID()})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	c := contracts.Comment{ID: contracts.NewID(), PostID: p.ID, Author: ann, Body: "x", Status: contracts.Approved, Version: 1, CreatedAt: now, UpdatedAt: now}
	notice := &contracts.CommentNotice{To: ann.ID, Actor: ann}
	if c, _, err = s.Comments().Create(ctx, c, comments.Effects{Notice: notice}, contracts.Key{Value: contracts.NewID()}); err != nil {
		return fmt.Errorf("comment: %w", err)
	}
	c.Status = contracts.Pending
	if _, _, err := s.Comments().Update(ctx, c, comments.Effects{Reason: "x"}, contracts.Key{}); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if err := read(ctx, s, ann.ID); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := s.Posts().Delete(ctx, p.ID, 0); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

// read joins what the migration locks, in the lists' order.
func read(ctx context.Context, s *tangle.Store, id string) error {
	page := paging.Page{Limit: 5}
	_, feed := s.Feed().Feed(ctx, page)
	_, queue := s.Moderation().Queue(ctx, page)
	_, inbox := s.Notifications().List(ctx, id, page)
	return errors.Join(feed, queue, inbox, s.Notifications().MarkAllRead(ctx, id, time.Now()))
}

// A report that takes long is waited for, and nobody waits behind it.
func TestTheIndexOfDraftsIsBuiltBesideOthers(t *testing.T) {
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Database(t), MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context(), "blog", schema(t, 7))
	require.NoError(t, err)
	migrated := make(chan error, 1)
	waits := func() (n int) {
		require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'`).Row().Scan(&n))
		return n
	}
	require.NoError(t, db.InTx(t.Context(), func(report *gorm.DB) error {
		if err := report.Exec("DECLARE long CURSOR FOR SELECT * FROM posts").Error; err != nil {
			return err
		}
		go func() {
			_, err := db.Migrate(t.Context(), "blog", schema(t, 8))
			migrated <- err
		}()
		require.Eventually(t, func() bool { return waits() == 1 }, time.Minute, 10*time.Millisecond)
		return db.InTx(t.Context(), func(tx *gorm.DB) error {
			return tx.Exec("SET LOCAL lock_timeout = '1s'; UPDATE posts SET title = title; SELECT * FROM posts").Error
		})
	}))
	require.NoError(t, <-migrated)
	var valid bool
	require.NoError(t, db.Gorm(t.Context()).Raw("SELECT indisvalid FROM pg_index WHERE indexrelid = 'posts_drafts'::regclass").Row().Scan(&valid))
	require.True(t, valid)
}
