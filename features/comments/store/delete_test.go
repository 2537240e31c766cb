package store

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/ownership"
)

// TestAPostWithManyCommentsIsClosedInPortions: a hand-over waits for one of them at
// most. Cut off in the middle, what was done is done, and the rest goes the next time.
func TestAPostWithManyCommentsIsClosedInPortions(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Owner)
	const total = 2*atOnce + 7
	post, other := contracts.NewID(), s.write(newComment(contracts.NewID(), contracts.Approved), contracts.Key{})
	s.exec(`INSERT INTO comments (id, post_id, author_id, body, html, status, version, created_at, updated_at)
		SELECT gen_random_uuid(), ?, gen_random_uuid(), 'text', 'text', 'approved', 1, now() + n * interval '1 second', now() FROM generate_series(1, ?) AS n`, post, total)
	s.exec(`CREATE TABLE refused AS SELECT id FROM comments WHERE post_id = ? ORDER BY created_at OFFSET ? LIMIT 1`, post, atOnce+3)
	s.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF EXISTS (SELECT FROM refused WHERE id = old.id) THEN RAISE EXCEPTION 'planted'; END IF; RETURN old; END $$`)
	s.exec(`CREATE TRIGGER refuse BEFORE DELETE ON comments FOR EACH ROW EXECUTE FUNCTION refuse()`)
	told := func(kind string) int {
		return s.number("SELECT count(*) FROM outbox WHERE type = ? AND aggregate_id <> ?", kind, other.ID)
	}

	require.ErrorContains(t, s.store.CloseUnder(t.Context(), post, "event"), "planted")
	require.Equal(t, total-atOnce, s.number("SELECT count(*) FROM comments WHERE post_id = ?", post))
	require.Equal(t, atOnce, told(contracts.TypeCommentDeleted))
	require.Equal(t, 1, told(contracts.TypeCommentsClosed))
	s.exec("DELETE FROM refused")

	// Who deletes one by himself meanwhile makes a portion no smaller.
	begun, closed := make(chan struct{}), make(chan error, 1)
	require.NoError(t, s.db.InTx(t.Context(), func(tx *gorm.DB) error {
		if _, err := bury(tx, "id = (SELECT id FROM comments WHERE post_id = ? ORDER BY created_at LIMIT 1)", post); err != nil {
			return err
		}
		go func() { close(begun); closed <- s.store.CloseUnder(context.Background(), post, "event") }()
		<-begun
		require.Eventually(t, func() bool {
			return s.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
		}, soon, 10*time.Millisecond)
		return nil
	}))
	require.NoError(t, <-closed)
	require.Zero(t, s.number("SELECT count(*) FROM comments WHERE post_id = ?", post))
	require.Equal(t, total-1, told(contracts.TypeCommentDeleted), "all but the one that was deleted without a word")
	require.Equal(t, 1, told(contracts.TypeCommentsClosed), "told once")
	require.Equal(t, 1, s.number("SELECT count(*) FROM comments"), "the other post's stays")
}
