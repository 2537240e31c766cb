package store

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/reconcile"
)

// openCompared returns a database with the tables of comments. The options are for
// its URL.
func openCompared(t testing.TB, options string) *database.DB {
	t.Helper()
	url := embeddedtest.Prepared(t, "compared", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		return Migrate(ctx, db)
	})
	db, err := database.Open(t.Context(), database.Config{URL: url + options, MaxConns: 4, StatementTimeout: 5 * time.Minute, SlowQuery: time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func run(t testing.TB, db *database.DB, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.Gorm(context.Background()).Exec(statement, args...).Error)
}

// fill makes n comments with a key each, a tombstone for every tenth and a closed post
// for every hundredth. Ids begin with the time, as the real ones do.
func fill(t testing.TB, db *database.DB, n int) {
	t.Helper()
	const id = `(lpad(to_hex(1700000000000 + i * 37), 12, '0') || '7000' || '8' || substr(md5('c' || i), 1, 15))::uuid`
	for _, statement := range []string{
		`INSERT INTO comments SELECT ` + id + `, md5('post' || i % 5000)::uuid, md5('author' || i % 20000)::uuid,
			repeat('what a reader says ', 5) || i, '<p>' || repeat('what a reader says ', 5) || i || '</p>', 'approved', 1 + i % 3,
			'2026-01-01 00:00+00'::timestamptz + i * interval '37 ms', '2026-01-02 00:00+00'::timestamptz + i * interval '37 ms' FROM generate_series(1, ?) AS i`,
		`INSERT INTO comment_keys SELECT md5('author' || i % 20000)::uuid, 'key-' || i, sha256(i::text::bytea), ` + id + `,
			'2026-01-01 00:00+00'::timestamptz + i * interval '37 ms' FROM generate_series(1, ?) AS i`,
		`INSERT INTO comment_tombstones SELECT md5('gone' || i)::uuid, md5('post' || i % 5000)::uuid, md5('author' || i % 20000)::uuid, 2,
			'2026-01-03 00:00+00'::timestamptz + i * interval '37 ms' FROM generate_series(1, ? / 10) AS i`,
		`INSERT INTO comment_closed_posts SELECT md5('closed' || i)::uuid, 'event-' || i, '2026-01-03 00:00+00'::timestamptz + i * interval '37 ms'
			FROM generate_series(1, ? / 100) AS i`,
	} {
		run(t, db, statement, n)
	}
	run(t, db, "VACUUM ANALYZE")
}

// asked is a side behind HTTP, as a host's admin port answers for it.
func asked(t testing.TB, name string, db *database.DB) *reconcile.Client {
	t.Helper()
	server := httptest.NewServer(reconcile.Handler(NewDigests(db), nil))
	client := reconcile.NewClient(reconcile.ClientConfig{Resource: "comments", Name: name, URLs: []string{server.URL}})
	t.Cleanup(func() { client.Close(); server.Close() })
	return client
}

func TestExactlyWhatDiffersIsNamed(t *testing.T) {
	t.Parallel()
	owner, follower := openCompared(t, ""), openCompared(t, "&timezone=Asia/Kathmandu&datestyle=German&bytea_output=escape")
	fill(t, owner, 20_000)
	fill(t, follower, 20_000)
	sides := [2]*reconcile.Client{asked(t, "monolith", owner), asked(t, "comments", follower)}
	report, err := reconcile.Compare(t.Context(), sides[0], sides[1], reconcile.Options{Again: -1})
	require.NoError(t, err)
	require.True(t, report.Clean())
	require.EqualValues(t, 20_000+2_000+20_000+200, report.Rows())
	names := plant(t, owner, follower)
	report, err = reconcile.Compare(t.Context(), sides[0], sides[1], reconcile.Options{Again: -1})
	require.NoError(t, err)
	require.ElementsMatch(t, names, kindsOf(report))
}

// kindsOf names differences as plant does.
func kindsOf(report reconcile.Report) (names []string) {
	for _, d := range report.Differences {
		names = append(names, fmt.Sprintf("%s %s %s", d.Kind, d.Place, d.What))
	}
	return names
}

// BenchmarkReconcile compares a million comments, with as many keys, over HTTP, both
// databases on one server: go test -run '^$' -bench Reconcile -benchtime 1x -timeout 20m
func BenchmarkReconcile(b *testing.B) {
	const n = 1_000_000
	owner, follower := openCompared(b, ""), openCompared(b, "")
	fill(b, owner, n)
	fill(b, follower, n)
	sides := [2]*reconcile.Client{asked(b, "monolith", owner), asked(b, "comments", follower)}
	compare := func(b *testing.B, opts reconcile.Options) (report reconcile.Report) {
		opts.Resource, opts.Owner, opts.Follower, opts.Again = "comments", "monolith", "comments", time.Second
		var err error
		for b.Loop() {
			report, err = reconcile.Compare(context.Background(), sides[0], sides[1], opts)
			require.NoError(b, err)
		}
		require.NoError(b, report.WriteText(os.Stdout))
		return report
	}
	b.Run("a million equal comments", func(b *testing.B) {
		report := compare(b, reconcile.Options{Kinds: []string{KindComment}})
		require.True(b, report.Clean())
		require.Equal(b, int64(n), report.Rows())
	})
	b.Run("all kinds", func(b *testing.B) { require.True(b, compare(b, reconcile.Options{}).Clean()) })
	b.Run("ten differ", func(b *testing.B) {
		names := plant(b, owner, follower)
		require.ElementsMatch(b, names, kindsOf(compare(b, reconcile.Options{})))
	})
}

// plant makes ten rows differ, all over the tables and in all the ways there are.
func plant(t testing.TB, owner, follower *database.DB) (names []string) {
	t.Helper()
	add := func(db *database.DB, kind string, what reconcile.What, statement string) {
		var place string
		got := db.Gorm(t.Context()).Raw(statement).Scan(&place)
		require.NoError(t, got.Error)
		require.EqualValues(t, 1, got.RowsAffected, statement)
		names = append(names, fmt.Sprintf("%s %s %s", kind, place, what))
	}
	at := func(table, place, share string) string {
		return fmt.Sprintf("%s = (SELECT %s FROM %s ORDER BY %s OFFSET (SELECT (count(*) - 1) * %s FROM %s)::int LIMIT 1)", place, place, table, place, share, table)
	}
	add(follower, "comment", reconcile.Missing, "DELETE FROM comments WHERE "+at("comments", "id", "0")+" RETURNING id")
	add(follower, "comment", reconcile.Missing, "DELETE FROM comments WHERE "+at("comments", "id", "1")+" RETURNING id")
	add(owner, "comment", reconcile.Extra, "DELETE FROM comments WHERE "+at("comments", "id", "0.5")+" RETURNING id")
	add(owner, "comment", reconcile.Older, "UPDATE comments SET version = version + 1 WHERE "+at("comments", "id", "0.3")+" RETURNING id")
	add(follower, "comment", reconcile.Newer, "UPDATE comments SET version = version + 1, body = 'x' WHERE "+at("comments", "id", "0.7")+" RETURNING id")
	add(follower, "comment", reconcile.Content, "UPDATE comments SET updated_at = updated_at + interval '1 us' WHERE "+at("comments", "id", "0.9")+" RETURNING id")
	add(follower, "tombstone", reconcile.Missing, "DELETE FROM comment_tombstones WHERE "+at("comment_tombstones", "id", "0.4")+" RETURNING id")
	add(owner, "tombstone", reconcile.Older, "UPDATE comment_tombstones SET version = version + 1 WHERE "+at("comment_tombstones", "id", "0.6")+" RETURNING id")
	add(follower, "key", reconcile.Content, "UPDATE comment_keys SET hash = sha256(hash) WHERE "+at("comment_keys", "comment_id", "0.2")+" RETURNING comment_id")
	add(owner, "closed", reconcile.Extra, "DELETE FROM comment_closed_posts WHERE "+at("comment_closed_posts", "post_id", "0.1")+" RETURNING post_id")
	return names
}
