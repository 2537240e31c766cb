package effects_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/inbox"
)

// asItIs is the snapshot of a repair.
func asItIs(e contracts.CommentChanged) contracts.CommentChanged {
	e.Snapshot, e.Effects = true, contracts.CommentEffects{}
	return e
}

func (b *blog) exec(statement string, args ...any) {
	b.t.Helper()
	_, err := b.db.SQL().ExecContext(b.t.Context(), statement, args...)
	require.NoError(b.t, err)
}

// TestARepairSetsRightWhatFollowsFromTheRow: whatever a wrong row has made of count and
// queue, and whatever it has not.
func TestARepairSetsRightWhatFollowsFromTheRow(t *testing.T) {
	b := newBlog(t)
	seen, waits, lost, stray := contracts.NewID(), contracts.NewID(), contracts.NewID(), contracts.NewID()
	approved, pending := b.changed(seen, contracts.Approved, "", 1), b.changed(waits, contracts.Pending, "", 1)
	b.hears(theirs, approved, pending, b.changed(stray, contracts.Approved, "", 1))
	b.has(2, 1, 2)
	b.exec("UPDATE posts SET comment_count = 0")
	b.exec("UPDATE moderation_queue SET comment_id = $1", seen)

	b.hears(theirs, asItIs(approved))
	b.has(2, 0, 2) // the queue forgot the other, too
	b.hears(theirs, asItIs(pending), asItIs(b.changed(lost, contracts.Approved, "", 1)))
	b.has(3, 1, 2)
	b.hears(theirs, asItIs(pending))
	b.has(3, 1, 2)

	buried := b.deleted(stray, contracts.Approved, 2)
	buried.Snapshot, buried.Effects = true, contracts.CommentEffects{}
	b.hears(theirs, buried)
	b.has(2, 1, 1)
	b.hears(theirs, b.deleted(seen, contracts.Approved, 2), b.deleted(lost, contracts.Approved, 2), b.deleted(waits, contracts.Pending, 2))
	b.has(0, 0, 0)
}

// TestARepairAmongChangesCountsEachOnce: of the same post, in the same batch and beside
// it.
func TestARepairAmongChangesCountsEachOnce(t *testing.T) {
	b := newBlog(t)
	first := b.changed(contracts.NewID(), contracts.Approved, "", 1)
	held := b.changed(contracts.NewID(), contracts.Pending, "", 1)
	b.hears(theirs, first, b.changed(contracts.NewID(), contracts.Approved, "", 1), held, asItIs(first), asItIs(held),
		b.changed(contracts.NewID(), contracts.Approved, "", 1))
	b.has(3, 1, 3)
	var reason string
	require.NoError(t, b.db.SQL().QueryRowContext(t.Context(), "SELECT reason FROM moderation_queue").Scan(&reason))
	require.Equal(t, "the rules", reason, "it stays known why")

	// Another partition has written a row and waits for the post to count it.
	applied, beside := make(chan error, 1), b.changed(contracts.NewID(), contracts.Approved, "", 1)
	require.NoError(t, b.db.InTx(t.Context(), func(tx *gorm.DB) error {
		if err := b.handler.Handle(t.Context(), tx, []inbox.Event{event(t, theirs, asItIs(first))}); err != nil {
			return err
		}
		go func() {
			applied <- b.db.InTx(t.Context(), func(tx *gorm.DB) error {
				return b.handler.Handle(t.Context(), tx, []inbox.Event{event(t, theirs, beside)})
			})
		}()
		require.Eventually(t, func() bool {
			var waits bool
			err := b.db.SQL().QueryRowContext(t.Context(),
				"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
			return err == nil && waits
		}, soon, often)
		return nil
	}))
	require.NoError(t, <-applied)
	b.has(4, 1, 4)
}
