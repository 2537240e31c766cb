package seed_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/seed"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/migrations"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/paging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *database.DB {
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
	db, err := database.Open(t.Context(), database.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func number(t testing.TB, db *database.DB, query string) (n int) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Raw(query).Scan(&n).Error)
	return n
}

// fingerprint is one number for all that is in the blog, but the password's hash.
func fingerprint(t testing.TB, db *database.DB) (sum string) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (
		SELECT concat(id, name, email, role, version, created_at) FROM accounts
		UNION ALL SELECT concat(id, author_id, slug, title, body, html, excerpt, status, comment_count, version, created_at, updated_at, published_at) FROM posts
		UNION ALL SELECT concat(post_id, tag) FROM post_tags
		UNION ALL SELECT concat(id, post_id, author_id, body, html, status, created_at) FROM comments
		UNION ALL SELECT concat(comment_id, reason, created_at) FROM moderation_queue
		UNION ALL SELECT concat(id, user_id, post_id, comment_id, actor_id, created_at, read_at) FROM notifications
		UNION ALL SELECT concat(id, kind, pattern, max, verdict, created_at) FROM moderation_rules
	) l (line)`).Scan(&sum).Error)
	return sum
}

var small = seed.Config{Posts: 60, Comments: 400, Users: 25, Seed: 7}

func TestTheSameSeedIsTheSameBlogAndAddsNothingTwice(t *testing.T) {
	first, second := open(t), open(t)
	added, err := seed.Run(t.Context(), first, small)
	require.NoError(t, err)
	require.Equal(t, seed.Result{Accounts: 25, Posts: 60, Comments: 400, Rules: 4, Notifications: added.Notifications}, added)
	require.Greater(t, added.Notifications, 250)
	_, err = seed.Run(t.Context(), second, small)
	require.NoError(t, err)
	require.Equal(t, fingerprint(t, first), fingerprint(t, second))

	again, err := seed.Run(t.Context(), first, small)
	require.NoError(t, err)
	require.Equal(t, seed.Result{}, again)
	require.Equal(t, fingerprint(t, second), fingerprint(t, first))
}

func TestAnotherSeedIsAnotherBlogAndTheyShareTheKnownPeople(t *testing.T) {
	db := open(t)
	_, err := seed.Run(t.Context(), db, small)
	require.NoError(t, err)
	other := small
	other.Seed = 8
	added, err := seed.Run(t.Context(), db, other)
	require.NoError(t, err)
	require.Equal(t, 23, added.Accounts)
	require.Equal(t, 60, added.Posts)
	require.Zero(t, added.Rules)
}

func TestTheBlogLooksLivedIn(t *testing.T) {
	db := open(t)
	_, err := seed.Run(t.Context(), db, seed.Config{Posts: 200, Comments: 1500, Users: 40, Seed: 1})
	require.NoError(t, err)
	for what, query := range map[string]string{
		"drafts":               "SELECT count(*) FROM posts WHERE status = 'draft'",
		"edited posts":         "SELECT count(*) FROM posts WHERE version > 1",
		"code":                 "SELECT count(*) FROM posts WHERE html LIKE '%<pre><code%'",
		"lists":                "SELECT count(*) FROM posts WHERE html LIKE '%<li>%'",
		"links":                "SELECT count(*) FROM posts WHERE html LIKE '%<a href=%'",
		"pending comments":     "SELECT count(*) FROM comments WHERE status = 'pending'",
		"rejected comments":    "SELECT count(*) FROM comments WHERE status = 'rejected'",
		"replies":              "SELECT count(*) FROM comments WHERE body LIKE '@%'",
		"unread":               "SELECT count(*) FROM notifications WHERE read_at IS NULL",
		"read":                 "SELECT count(*) FROM notifications WHERE read_at IS NOT NULL",
		"posts of the author":  "SELECT count(*) FROM posts p JOIN accounts a ON a.id = p.author_id WHERE a.email = '" + seed.AuthorEmail + "'",
		"posts with many":      "SELECT count(*) FROM posts WHERE comment_count > 20",
		"different titles":     "SELECT count(DISTINCT title) - 100 FROM posts",
		"a year between posts": "SELECT (max(created_at) - min(created_at) > '350 days')::int FROM posts",
	} {
		require.Positive(t, number(t, db, query), what)
	}
	for what, query := range map[string]string{
		"left blanks":             "SELECT count(*) FROM posts WHERE title || body ~ '[{}]' AND body !~ '```'",
		"left blanks in comments": "SELECT count(*) FROM comments WHERE body ~ '[{}]'",
		"wrong counts": `SELECT count(*) FROM posts p WHERE comment_count <>
			(SELECT count(*) FROM comments c WHERE c.post_id = p.id AND c.status = 'approved')`,
		"comments before the post": "SELECT count(*) FROM comments c JOIN posts p ON p.id = c.post_id WHERE c.created_at < p.published_at",
		"pending out of the queue": "SELECT count(*) FROM comments c WHERE status = 'pending' AND NOT EXISTS (SELECT FROM moderation_queue q WHERE q.comment_id = c.id)",
		"in the future":            "SELECT count(*) FROM comments WHERE created_at > '2026-09-30T12:00Z'",
		"told of themselves":       "SELECT count(*) FROM notifications WHERE user_id = actor_id",
	} {
		require.Zero(t, number(t, db, query), what)
	}
}

func TestTheKnownPeopleCanSignIn(t *testing.T) {
	db := open(t)
	_, err := seed.Run(t.Context(), db, small)
	require.NoError(t, err)
	people := accounts.NewService(tangle.New(db).Accounts(), accounts.NewPasswords(1), time.Now)
	for email, role := range map[string]contracts.Role{seed.ModeratorEmail: contracts.Moderator, seed.AuthorEmail: contracts.Author} {
		a, err := people.Authenticate(t.Context(), email, seed.Password)
		require.NoError(t, err)
		require.Equal(t, role, a.Role)
	}
}

func TestWhatWasDeletedStaysSo(t *testing.T) {
	db := open(t)
	_, err := seed.Run(t.Context(), db, small)
	require.NoError(t, err)
	store := tangle.New(db)
	list, err := store.Posts().List(t.Context(), posts.Filter{}, paging.Page{Limit: 5})
	require.NoError(t, err)
	for _, p := range list.Items {
		require.NoError(t, store.Posts().Delete(t.Context(), p.ID, 0))
	}
	added, err := seed.Run(t.Context(), db, small)
	require.NoError(t, err)
	require.Equal(t, seed.Result{}, added)
	_, err = store.Posts().Get(t.Context(), list.Items[0].ID)
	require.Error(t, err)
}

func TestBadNumbersAreNamed(t *testing.T) {
	_, err := seed.Run(t.Context(), nil, seed.Config{Posts: 0, Comments: -1, Users: 2})
	for _, want := range []string{"--posts 0", "--comments -1", "--users 2"} {
		require.ErrorContains(t, err, want)
	}
}

func BenchmarkABlogOfAThousandPosts(b *testing.B) {
	for b.Loop() {
		db := open(b)
		_, err := seed.Run(b.Context(), db, seed.Config{Posts: 1000, Comments: 10000, Users: 200, Seed: 1})
		require.NoError(b, err)
	}
}
