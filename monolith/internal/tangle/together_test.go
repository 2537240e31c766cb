package tangle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/platform/database"
)

// What the schema owes to the steps, and the lists to their readers.

func author(t *testing.T, s *tangle.Store, name string) contracts.Viewer {
	t.Helper()
	a, _, err := s.Accounts().Create(t.Context(), accounts.Account{
		ID: contracts.NewID(), Name: name, Email: name + "@example.org", Role: contracts.Author, Version: 1, CreatedAt: time.Now(),
	}, contracts.Key{})
	require.NoError(t, err)
	return a.Viewer()
}

func TestEachTableSaysWhoOwnsIt(t *testing.T) {
	db := storetest.Open(t, nil)
	var tables []struct{ Name, Comment string }
	require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT relname AS name, coalesce(obj_description(oid), '') AS comment FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'blog_migrations'`).Scan(&tables).Error)
	require.Len(t, tables, 15)
	features := []string{"accounts", "posts", "comments", "moderation", "notifications"}
	for _, table := range tables {
		owner, _, found := strings.Cut(table.Comment, ": ")
		require.True(t, found, table.Name)
		require.Contains(t, features, owner, table.Name)
	}
}

func TestNoForeignKeyCascades(t *testing.T) {
	var keys []string
	require.NoError(t, storetest.Open(t, nil).Gorm(t.Context()).Raw(`SELECT conname FROM pg_constraint
		WHERE contype = 'f' AND (confdeltype <> 'a' OR confupdtype <> 'a')`).Scan(&keys).Error)
	require.Empty(t, keys, "a later step drops these keys, and nothing may change by it")
}

func TestListsAndSearchHaveTheirIndexes(t *testing.T) {
	db := storetest.Open(t, nil)
	s := tangle.New(db)
	ann := author(t, s, "ann")
	fill(t, db, ann.ID)
	for name, query := range map[string]string{
		"feed":     `SELECT id FROM posts WHERE status = 'published' AND (listed_at, id) < (now(), '` + ann.ID + `') ORDER BY listed_at DESC, id DESC LIMIT 21`,
		"author":   `SELECT id FROM posts WHERE author_id = '` + contracts.NewID() + `' ORDER BY listed_at DESC, id DESC LIMIT 21`,
		"search":   `SELECT id FROM posts WHERE search @@ websearch_to_tsquery('english', 'banyan 77')`,
		"comments": `SELECT id FROM comments WHERE post_id = '` + ann.ID + `' ORDER BY created_at, id LIMIT 21`,
		"email":    `SELECT id FROM accounts WHERE lower(email) = 'ann@example.org'`,
	} {
		var plan []string
		require.NoError(t, db.Gorm(t.Context()).Raw("EXPLAIN "+query).Scan(&plan).Error)
		require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan", name)
	}
}

// fill makes tables large enough that the planner cares.
func fill(t *testing.T, db *database.DB, authorID string) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO accounts SELECT gen_random_uuid(), 'n', n || '@x.org', '', 'reader', 1, now() FROM generate_series(1, 3000) n`,
		`INSERT INTO posts (id, author_id, slug, title, body, html, excerpt, status, version, created_at, updated_at, published_at)
			SELECT gen_random_uuid(), '` + authorID + `', 's', 'Post ' || n, 'body ' || n, 'h', 'e', 'published', 1, now(), now(), now() - n * interval '1 hour'
			FROM generate_series(1, 3000) n`,
		`INSERT INTO comments SELECT gen_random_uuid(), id, author_id, 'b', 'h', 'approved', 1, now(), now() FROM posts`,
		`VACUUM ANALYZE`, // also moves what waits at the search index into it
	} {
		require.NoError(t, db.Gorm(t.Context()).Exec(statement).Error)
	}
}
