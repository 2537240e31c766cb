package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session/sessiontest"
	"banyan.dev/platform/session/store"
)

// pair is a Both with its parts at hand, and what it said of mismatches.
type pair struct {
	*store.Both
	memory *store.Memory
	remote *store.Redis
	record store.Record
	kinds  []string
}

func newPair(t *testing.T) *pair {
	clock := sessiontest.NewClock()
	p := &pair{record: sessiontest.Record("h", "ada", clock.Now())}
	p.Both, p.memory, p.remote = openBoth(t, clock, limitsOf(clock))
	p.Mismatch = func(_ context.Context, kind string, _ store.Record) { p.kinds = append(p.kinds, kind) }
	return p
}

func (p *pair) inRedis(t *testing.T) store.State {
	t.Helper()
	found, err := p.remote.Load(t.Context(), "h")
	require.NoError(t, err)
	return found.State
}

func TestATombstoneHidesWhatMemoryHolds(t *testing.T) {
	p := newPair(t)
	require.NoError(t, p.Create(t.Context(), p.record))
	require.NoError(t, p.remote.Revoke(t.Context(), "h", true)) // by another replica
	list, err := p.List(t.Context(), "ada")
	require.NoError(t, err)
	require.Empty(t, list)
	found, err := p.Load(t.Context(), "h")
	require.NoError(t, err)
	require.Equal(t, store.Revoked, found.State)
	require.Zero(t, p.memory.Len(), "and what was hidden is dropped")
	require.Empty(t, p.kinds)
}

func TestWhatOnlyMemoryHoldsIsAMismatchOnceTheCopyIsDone(t *testing.T) {
	p := newPair(t)
	done := false
	p.Fill = func() bool { return done }
	p.Complete = func() bool { return done }
	require.NoError(t, p.memory.Create(t.Context(), p.record))

	found, err := p.Load(t.Context(), "h")
	require.NoError(t, err)
	require.Equal(t, store.Live, found.State, "before the copy memory answers")
	require.Empty(t, p.kinds)
	require.Equal(t, store.Absent, p.inRedis(t), "and nothing may be written to Redis yet")

	done = true
	found, err = p.Load(t.Context(), "h")
	require.NoError(t, err)
	require.Equal(t, store.Live, found.State)
	require.Equal(t, []string{"missing in redis"}, p.kinds)
	require.Equal(t, store.Live, p.inRedis(t), "found missing, it is filled in")
}

func TestOnTheWayBackNothingIsFilledIn(t *testing.T) {
	p := newPair(t)
	p.Fill = func() bool { return false }
	require.NoError(t, p.memory.Create(t.Context(), p.record))
	_, err := p.Load(t.Context(), "h")
	require.NoError(t, err)
	written, err := p.Update(t.Context(), "h", []byte("x"))
	require.NoError(t, err)
	require.True(t, written)
	require.Equal(t, store.Absent, p.inRedis(t))
}

func TestTwoSessionsUnderOneHashAreAMismatchAndRedisCounts(t *testing.T) {
	p := newPair(t)
	other := p.record
	other.UserID = "eve"
	require.NoError(t, p.remote.Create(t.Context(), p.record))
	require.NoError(t, p.memory.Create(t.Context(), other))
	found, err := p.Load(t.Context(), "h")
	require.NoError(t, err)
	require.Equal(t, "ada", found.Record.UserID)
	require.Equal(t, []string{"another session"}, p.kinds)
}

func TestAWriteThatFindsNoKeyCreatesItFromMemoryOnly(t *testing.T) {
	p := newPair(t)
	require.NoError(t, p.memory.Create(t.Context(), p.record))
	written, err := p.Update(t.Context(), "h", []byte("x"))
	require.NoError(t, err)
	require.True(t, written)
	require.Equal(t, store.Live, p.inRedis(t))

	written, err = p.Update(t.Context(), "of nobody", []byte("x"))
	require.NoError(t, err)
	require.False(t, written)
}

func TestWithoutRedisNobodyIsLetIn(t *testing.T) {
	clock := sessiontest.NewClock()
	memory := store.NewMemory(limitsOf(clock))
	require.NoError(t, memory.Create(t.Context(), sessiontest.Record("h", "ada", clock.Now())))
	down := store.NewRedis(openClient(t, "redis://127.0.0.1:1"), 1, limitsOf(clock), false)
	both := &store.Both{Memory: memory, Redis: down, Fill: func() bool { return true }, Complete: func() bool { return true }}
	_, err := both.Load(t.Context(), "h")
	require.Error(t, err)
	require.Error(t, both.Revoke(t.Context(), "h", true))
	require.Equal(t, 1, memory.Len(), "a sign-out that failed can be asked for again")
}
