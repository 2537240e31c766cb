package ownership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
)

func marked(t *testing.T, s *ownership.Side) int64 {
	t.Helper()
	number, err := s.Rehearse(t.Context())
	require.NoError(t, err)
	return number
}

func TestARehearsalSendsMarkersAndChangesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	w := woken{db: db, n: make(chan int, 2)}
	cfg := config()
	cfg.Markers = w
	s := owner(t, db, cfg)
	number := marked(t, s)
	require.Equal(t, 1, <-w.n, "who publishes is woken")
	is(t, s, ownership.Owner, 1)
	require.Less(t, number, int64(1)<<53, "exact in JSON")
	require.Greater(t, marked(t, s), number)

	moves, err := s.Moves(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, moves, 1, "it is no move")
	for _, state := range []ownership.State{ownership.Follower, ownership.Fenced} {
		put(t, db, state, 2)
		_, err := s.Rehearse(t.Context())
		require.ErrorIs(t, err, ownership.ErrNotOwner)
	}
}

func TestARehearsalIsThroughWhenItsMarkersAre(t *testing.T) {
	t.Parallel()
	theirs, ours := open(t, 4), open(t, 4)
	from := owner(t, theirs, config())
	cfg := config()
	cfg.Name, cfg.Peer, cfg.Drained = "comments", "monolith", ownership.Drained("comments")
	to := newSide(t, ours, cfg)
	_, err := to.Adopt(t.Context(), ownership.Follower, "the first day")
	require.NoError(t, err)

	first := marked(t, from)
	require.ErrorIs(t, to.Rehearsed(t.Context(), first), ownership.ErrNotDrained)
	noteMarker(t, ours, "comments", first, 0, 2)
	err = to.Rehearsed(t.Context(), first)
	require.ErrorIs(t, err, ownership.ErrNotDrained, "a partition is silent: whose consumer has died")
	require.ErrorContains(t, err, "1 of 2 markers")
	noteMarker(t, ours, "comments", first, 1, 2)
	require.NoError(t, to.Rehearsed(t.Context(), first))
	second := marked(t, from)
	require.ErrorIs(t, to.Rehearsed(t.Context(), second), ownership.ErrNotDrained, "what was there before says nothing of now")
	require.ErrorContains(t, to.Rehearsed(t.Context(), 1), "can't be")

	take := ownership.Order{Move: ownership.Take, Epoch: 1, By: "test"}
	_, err = to.Do(t.Context(), take)
	require.ErrorIs(t, err, ownership.ErrNotDrained, "a rehearsal drains nothing")
	take.Epoch = first
	_, err = to.Do(t.Context(), take)
	require.ErrorContains(t, err, "it is a rehearsal's")
	is(t, to, ownership.Follower, 0)
}

func TestOldRehearsalsAreForgotten(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	s := owner(t, db, config())
	old := marked(t, s)
	noteMarker(t, db, "comments", 3, 0, 1)
	noteMarker(t, db, "comments", old, 0, 1)
	execute(t, db, "UPDATE ownership_markers SET noted_at = noted_at - interval '2 hours'")
	recent := marked(t, s)
	noteMarker(t, db, "comments", recent, 0, 1)
	var left []int64
	require.NoError(t, db.Gorm(t.Context()).Raw("SELECT epoch FROM ownership_markers ORDER BY epoch").Scan(&left).Error)
	require.Equal(t, []int64{3, recent}, left, "those of hand-overs stay")
}
