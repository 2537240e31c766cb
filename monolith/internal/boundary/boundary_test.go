package boundary_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/monolith/internal/boundary"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/platform/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhoseTablesAStatementTouches(t *testing.T) {
	url := storetest.URL(t)
	db, err := database.Open(t.Context(), database.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Gorm(t.Context()).Exec(`CREATE VIEW talk AS SELECT p.title, c.body FROM posts p JOIN comments c ON c.post_id = p.id`).Error)
	for sql, want := range map[string][]string{
		`SELECT id FROM posts WHERE id = $1`:                                                                                           {"posts"},
		`SELECT 'comments', "c"."title" AS comments FROM posts c /* accounts */ -- notifications`:                                      {"posts"},
		`SELECT p.id FROM posts p JOIN post_tags t ON t.post_id = p.id`:                                                                {"posts"},
		`SELECT p.id FROM posts p, accounts a WHERE a.id = p.author_id`:                                                                {"accounts", "posts"},
		`SELECT title FROM talk`:                                                                                                       {"comments", "posts"},
		`SELECT id FROM posts WHERE EXISTS (SELECT FROM comments c WHERE c.post_id = posts.id)`:                                        {"comments", "posts"},
		`WITH x AS (DELETE FROM comments WHERE id = $1 RETURNING id) DELETE FROM moderation_queue q USING x WHERE q.comment_id = x.id`: {"comments", "moderation"},
		`INSERT INTO notifications (id, user_id) SELECT $1::uuid, id FROM accounts`:                                                    {"accounts", "notifications"},
		`UPDATE posts SET comment_count = (SELECT count(*) FROM comments) WHERE id = $1`:                                               {"comments", "posts"},
		`SELECT 1`: nil,
	} {
		touched, err := boundary.Judge(t.Context(), url, []boundary.Statement{{SQL: sql}})
		require.NoError(t, err, sql)
		require.Equal(t, want, touched[0].Features, "%s", touched[0])
		crossing := 0
		if len(want) > 1 {
			crossing = 1
		}
		require.Len(t, boundary.Crossing(touched), crossing, sql)
	}
}

func TestAStatementBelongsIntoItsFeaturesStore(t *testing.T) {
	const sql = `SELECT id FROM posts`
	for from, strays := range map[string]int{
		"banyan.dev/features/posts/store.get":              0,
		"banyan.dev/features/posts/store.(*Store).Get":     0,
		"banyan.dev/features/posts/store.(*Store).X.func1": 0,
		"banyan.dev/features/comments/store.(*Store).lock": 1,
		"banyan.dev/features/posts.(*Service).Get":         1,
		"banyan.dev/monolith/internal/tangle.getPost":      1,
	} {
		touched, err := boundary.Judge(t.Context(), storetest.URL(t), []boundary.Statement{{SQL: sql, From: from}})
		require.NoError(t, err)
		require.Len(t, boundary.Strays(touched), strays, from)
	}
}

func TestWhatPlatformKeepsIsNoFeatures(t *testing.T) {
	own := boundary.Statement{SQL: "SELECT state FROM ownership", From: "banyan.dev/platform/ownership.(*Side).read"}
	stores := boundary.Statement{SQL: "SELECT id FROM posts", From: "banyan.dev/features/posts/store.get"}
	require.Equal(t, []boundary.Statement{stores}, boundary.OfFeatures([]boundary.Statement{own, stores}))
}

func TestWhatCanNotBeJudgedIsAnError(t *testing.T) {
	url := storetest.URL(t)
	db, err := database.Open(t.Context(), database.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Gorm(t.Context()).Exec(`CREATE TABLE nobodys (id uuid)`).Error)
	for sql, want := range map[string]string{
		`SELECT id FROM nowhere`: "does not exist",
		`SELEKT`:                 "syntax error",
		`SELECT id FROM nobodys`: "nobodys does not say whose it is",
	} {
		_, err := boundary.Judge(t.Context(), url, []boundary.Statement{{SQL: sql, From: "here"}})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "here", "who ran it is named")
	}
}

func TestEveryStatementIsSeenWithItsCallerAndWithoutItsValues(t *testing.T) {
	var recorder boundary.Recorder
	db := storetest.Open(t, recorder.Logger(nil))
	for _, name := range []string{"a name nobody is to read", "another"} {
		var found []struct{ ID string }
		require.NoError(t, db.Gorm(t.Context()).Table("accounts").Select("id").Where("name = ?", name).Find(&found).Error)
	}
	require.NoError(t, db.Gorm(t.Context()).Exec("DELETE FROM notifications WHERE kind = ?", "none").Error)
	require.Equal(t, 3, recorder.Runs())
	seen := recorder.Statements()
	require.Len(t, seen, 2, "the same text with other values is the same statement")
	require.Equal(t, `SELECT "id" FROM "accounts" WHERE name = $1`, seen[0].SQL)
	require.Equal(t, "banyan.dev/monolith/internal/boundary_test.TestEveryStatementIsSeenWithItsCallerAndWithoutItsValues", seen[0].From)
	require.Equal(t, "banyan.dev/monolith/internal/boundary_test", seen[0].Package())
}

func TestWhatIsLoggedGoesOn(t *testing.T) {
	var recorder boundary.Recorder
	var log bytes.Buffer
	logger := recorder.Logger(slog.NewTextHandler(&log, nil)).With("replica", "r-0")
	logger.Debug("statement", "sql", "SELECT 1")
	require.Equal(t, 1, recorder.Runs())
	require.Empty(t, log.String(), "what next does not want it is not given")
	logger.Info("monolith answers")
	require.Contains(t, log.String(), "replica=r-0")
}
