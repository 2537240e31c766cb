package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
)

// commands runs the program's command line.
func (w *world) commands(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := command(w.env(), &out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// rows counts what a database keeps of comments and of how they came.
func rows(t *testing.T, url string) map[string]int {
	t.Helper()
	counted := map[string]int{}
	for _, table := range []string{
		"comments", "comment_keys", "comment_tombstones", "comment_closed_posts", "backfill_chunks", "inbox_events", "inbox_positions", "ownership", "ownership_markers",
	} {
		var n int
		require.NoError(t, execute(t, url, func(ctx context.Context, q querier) error {
			return q.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n)
		}))
		if n > 0 {
			counted[table] = n
		}
	}
	return counted
}

func TestAFollowerIsDiscardedAndFilledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	gone := w.monolith.writes(t, post, ann, "deleted since")
	w.monolith.writes(t, post, ann, "kept")
	require.NoError(t, w.monolith.kept.Delete(t.Context(), gone.ID, 0))
	require.NoError(t, w.monolith.kept.CloseUnder(t.Context(), contracts.NewID(), "event"))
	r := w.serves(t)
	w.isFilled(t, r)
	require.Eventually(t, func() bool { return len(r.as(t, ann).reads(post).bodies()) == 1 }, soon, often)
	r.ends(t)
	full := rows(t, w.database)
	require.Equal(t, 1, full["comments"])
	require.Equal(t, 1, full["comment_tombstones"])
	require.Equal(t, 1, full["comment_closed_posts"])

	out, err := w.commands(t, "discard")
	require.NoError(t, err)
	require.Contains(t, out, "the follower's rows are discarded")
	require.Equal(t, map[string]int{"ownership": 1}, rows(t, w.database))
	_, err = w.commands(t, "discard")
	require.NoError(t, err, "there is nothing to lose")

	r = w.serves(t)
	require.ErrorContains(t, r.ask(t).Ready(t.Context(), 1), "no backfill of comments was applied here")
	w.isFilled(t, r)
	require.Equal(t, []string{"kept"}, r.as(t, ann).reads(post).bodies())
	require.Equal(t, full["comment_tombstones"], rows(t, w.database)["comment_tombstones"])
	require.Equal(t, full["comment_closed_posts"], rows(t, w.database)["comment_closed_posts"])
}

func TestAnOwnerIsNotDiscarded(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	r.as(t, ann).says(post, "The only copy").is(201)
	_, err := w.commands(t, "discard")
	require.EqualError(t, err, "discard: this side is owner at 2 of comments: its rows are the only true ones; hand comments over first")
	require.Equal(t, []string{"The only copy"}, r.as(t, ann).reads(post).bodies())

	require.NoError(t, execute(t, w.database, func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, "UPDATE ownership SET state = 'fenced'")
		return err
	}))
	_, err = w.commands(t, "discard")
	require.ErrorContains(t, err, "this side is fenced at 2")
}

// TestDiscardingWaitsForWhatIsBeingApplied: an inbox that runs has locked its partition
// and writes rows then. Each would wait for what the other holds.
func TestDiscardingWaitsForWhatIsBeingApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.commands(t, "discard") // makes the tables
	require.NoError(t, err)
	discarded := make(chan error, 1)
	require.NoError(t, execute(t, w.database, func(ctx context.Context, q querier) error {
		run := func(statement string, args ...any) {
			t.Helper()
			_, err := q.Exec(ctx, statement, args...)
			require.NoError(t, err, statement)
		}
		run("INSERT INTO inbox_positions (consumer, topic, partition, next_offset) VALUES ($1, 'topic', 0, 7)", group)
		run("BEGIN")
		run("SELECT FROM inbox_positions WHERE consumer = $1 FOR UPDATE", group)
		go func() { _, err := w.commands(t, "discard"); discarded <- err }()
		require.Eventually(t, func() bool {
			var waits bool
			err := execute(t, w.database, func(ctx context.Context, q querier) error {
				return q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
			})
			return err == nil && waits
		}, soon, often)
		run("INSERT INTO comment_closed_posts (post_id, key) VALUES (gen_random_uuid(), 'event')")
		run("COMMIT")
		return nil
	}))
	require.NoError(t, <-discarded)
	require.Empty(t, rows(t, w.database))
}
