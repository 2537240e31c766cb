package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestFollowersAreKilledWhileEventsFlow: kill -9 of every replica of whoever follows,
// while people comment at the other side, and of one more when they are back and catch
// up; each side follows in its turn. Nothing acknowledged is lost or there twice, both
// sides hold the same, and what follows from a comment in the monolith's own tables was
// done once: counting can't be done twice without being seen.
//
// With BANYAN_TEST_KAFKA it runs on that Kafka, which must be a fresh one.
func TestFollowersAreKilledWhileEventsFlow(t *testing.T) {
	t.Parallel()
	c := newCrashes(t, 40) // many wait for an answer when nobody answers reads
	began := time.Now()
	for range 2 {
		c.killFollowers()
		c.tl.run("handover", "--to", otherSide(c.owner))
		c.owned()
	}
	c.conclude()
	c.requireDoneOnce(began)
}

// killFollowers kills them, lets people write meanwhile where they can, and looks.
func (c *crashes) killFollowers() {
	c.t.Helper()
	follower := otherSide(c.owner)
	c.load.Begin(follower + " is killed")
	c.comments(5)
	for _, pid := range c.tl.status().pids(c.t, follower+"-") {
		require.NoError(c.t, syscall.Kill(pid, syscall.SIGKILL))
	}
	if follower == "comments" { // the monolith needs nobody to take a comment
		c.comments(5)
	}
	c.tl.run("up", "--step", "07")
	c.comments(5)
	require.NoError(c.t, syscall.Kill(c.tl.status().pids(c.t, follower+"-")[0], syscall.SIGKILL))
	c.tl.run("up", "--step", "07")
	w := c.load.End()
	require.Zero(c.t, w.SignedOut, "%v", w.Failures)
	if writing := w.ByOperation["write comment"]; follower == "comments" {
		require.Zero(c.t, writing.Failed, "who owns is not in need of who follows: %d comments, %v", writing.Requests, w.Failures)
	}
	c.tl.run("do", "catch_up: [comments, monolith]") // a broker keeps the partitions of the killed for 10 s
	c.sound(follower + " was killed")
	c.t.Logf("%s killed: %d of %d requests failed; %s", follower, w.Failed, w.Requests, c.readBack(follower))
}

// comments waits until so many more were written.
func (c *crashes) comments(n int) {
	c.t.Helper()
	written := func() int {
		o := c.load.Live().ByOperation["write comment"]
		return o.Requests - o.Failed
	}
	until := written() + n
	require.Eventually(c.t, func() bool { return written() >= until }, time.Minute, 5*time.Millisecond, "nobody writes")
}

// requireDoneOnce looks into the monolith's tables: posts are counted by adding, and
// whoever's post is commented on is told.
func (c *crashes) requireDoneOnce(began time.Time) {
	c.t.Helper()
	var ready struct{ URL string }
	text, err := os.ReadFile(filepath.Join(c.tl.dir, "postgres.ready.json"))
	require.NoError(c.t, err)
	require.NoError(c.t, json.Unmarshal(text, &ready))
	db, err := pgx.Connect(c.t.Context(), ready.URL)
	require.NoError(c.t, err)
	defer db.Close(c.t.Context())
	number := func(query string, args ...any) (n int, err error) {
		err = db.QueryRow(c.t.Context(), query, args...).Scan(&n)
		return n, err
	}
	const others = `SELECT count(*) FROM comments c JOIN posts p ON p.id = c.post_id WHERE c.status = 'approved' AND c.author_id <> p.author_id AND c.created_at > $1 `
	n, err := number(others, began)
	require.NoError(c.t, err)
	require.Positive(c.t, n, "nobody commented on somebody else's post")
	for what, query := range map[string]string{
		"posts whose comments were counted twice, or not all": `SELECT count(*) FROM posts p
			WHERE $1::timestamptz IS NOT NULL AND comment_count <> (SELECT count(*) FROM comments c WHERE c.post_id = p.id AND c.status = 'approved')`,
		"comments that the post's author was not told of": others + `AND NOT EXISTS (SELECT FROM notifications n WHERE n.comment_id = c.id AND n.user_id = p.author_id)`,
	} {
		n, err := 0, error(nil)
		settled := func() bool {
			n, err = number(query, began)
			return err != nil || n == 0
		}
		require.Eventually(c.t, settled, 30*time.Second, 100*time.Millisecond, what)
		require.NoError(c.t, err, what)
	}
}
