package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/database"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// waiting is how many transactions wait for their turn.
func (s *side) waiting() int {
	return s.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
}

// chunksOf100 are those of a backfill of 100 comments, one for each partition.
func (s *side) chunksOf100() []outbox.Event {
	s.t.Helper()
	for range 100 {
		s.write(newComment(contracts.NewID(), contracts.Approved), key(contracts.NewID()))
	}
	events := s.page(backfill.Place{Run: contracts.NewID(), Limit: 1000}).Events
	require.Len(s.t, events, topic.Partitions)
	return events
}

func TestChunksAreAppliedOnePartitionAfterAnother(t *testing.T) {
	t.Parallel()
	owner, s := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	chunks := owner.chunksOf100()
	done := make(chan error, 1)
	require.NoError(t, s.db.InTx(t.Context(), func(tx *gorm.DB) error {
		if err := s.follower().Handle(t.Context(), tx, []inbox.Event{deliveredFrom("/banyan/monolith", chunks[0])}); err != nil {
			return err
		}
		go func() { done <- s.try(s.follower(), deliveredFrom("/banyan/monolith", chunks[1])) }()
		require.Eventually(t, func() bool { return s.waiting() == 1 }, soon, time.Millisecond)

		s.apply(s.follower(), delivered(s, changed(newComment(contracts.NewID(), contracts.Approved)))) // which is live
		s.apply(s.follower(), deliveredFrom("/banyan/comments", chunks[2]))                             // which is its own
		require.Equal(t, 1, s.waiting())
		return nil
	}))
	require.NoError(t, <-done)
	for _, chunk := range chunks[2:] {
		s.apply(s.follower(), deliveredFrom("/banyan/monolith", chunk))
	}
	require.Equal(t, 101, s.number("SELECT count(*) FROM comments"))
}

// It is no fault of a chunk that others are slow: its turn comes.
func TestAChunkThatWaitsLongForItsTurnIsNoDeadLetter(t *testing.T) {
	t.Parallel()
	b := kafka(t)
	owner, s := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	patient := s.db
	hasty, err := database.Open(t.Context(), database.Config{URL: s.url, MaxConns: 12, StatementTimeout: 20 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hasty.Close()) })
	chunks := owner.chunksOf100()
	require.NoError(t, owner.db.InTx(t.Context(), func(tx *gorm.DB) error { return outbox.Append(tx, chunks...) }))
	owner.relays(b)

	refused := func() int {
		return s.number("SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()")
	}
	require.NoError(t, patient.InTx(t.Context(), func(tx *gorm.DB) error {
		if err := backfill.InTurn(tx, Resource); err != nil {
			return err
		}
		s.db = hasty
		s.follows(b, s.follower())
		s.db = patient
		before := refused()
		require.Eventually(t, func() bool { return refused() > before+100 }, soon, 10*time.Millisecond, "each of them, more often than an event is tried")
		return nil
	}))
	require.Eventually(t, func() bool { return s.number("SELECT count(*) FROM comments") == 100 }, soon, 10*time.Millisecond)
	require.Zero(t, s.number("SELECT count(*) FROM inbox_dead_letters"))
}
