package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session/sessiontest"
	"banyan.dev/platform/session/store"
)

func newRedis(t *testing.T) (*store.Redis, *miniredis.Miniredis, *sessiontest.Clock) {
	clock := sessiontest.NewClock()
	server := miniredis.RunT(t)
	clock.With(server.FastForward)
	return store.NewRedis(openClient(t, "redis://"+server.Addr()), 7, limitsOf(clock), true), server, clock
}

func state(t *testing.T, s store.Store, hash string) store.State {
	t.Helper()
	found, err := s.Load(t.Context(), hash)
	require.NoError(t, err)
	return found.State
}

func TestACopyWritesNeitherOverAValueNorOverATombstone(t *testing.T) {
	remote, _, clock := newRedis(t)
	stale := sessiontest.Record("live", "ada", clock.Now())
	gone := sessiontest.Record("gone", "ada", clock.Now())
	require.NoError(t, remote.Create(t.Context(), stale))
	_, err := remote.Update(t.Context(), "live", []byte("newer"))
	require.NoError(t, err)
	require.NoError(t, remote.Revoke(t.Context(), "gone", true))

	require.NoError(t, remote.Copy(t.Context(), []store.Record{stale, gone, sessiontest.Record("new", "ada", clock.Now())}))
	found, err := remote.Load(t.Context(), "live")
	require.NoError(t, err)
	require.Equal(t, "newer", string(found.Record.Data))
	require.Equal(t, store.Revoked, state(t, remote, "gone"))
	require.Equal(t, store.Live, state(t, remote, "new"))
}

func TestACopyLetsTheLongerLivedCount(t *testing.T) {
	remote, _, clock := newRedis(t)
	r := sessiontest.Record("h", "ada", clock.Now())
	require.NoError(t, remote.Create(t.Context(), r))
	clock.Advance(sessiontest.Idle / 2)
	r.LastSeen = clock.Now() // another replica has seen it since
	require.NoError(t, remote.Copy(t.Context(), []store.Record{r}))
	clock.Advance(sessiontest.Idle - time.Minute)
	require.Equal(t, store.Live, state(t, remote, "h"))
}

func TestAllHandsOverTheLiveOnesOfThisGeneration(t *testing.T) {
	remote, server, clock := newRedis(t)
	var records []store.Record
	for i := range 450 { // more than one batch
		records = append(records, sessiontest.Record(fmt.Sprintf("h%03d", i), "ada", clock.Now()))
	}
	require.NoError(t, remote.Copy(t.Context(), records))
	require.NoError(t, remote.Revoke(t.Context(), "h000", true))
	other := store.NewRedis(openClient(t, "redis://"+server.Addr()), 8, limitsOf(clock), false)
	require.NoError(t, other.Create(t.Context(), sessiontest.Record("other generation", "ada", clock.Now())))

	seen := map[string]bool{}
	require.NoError(t, remote.All(t.Context(), func(part []store.Record) {
		for _, r := range part {
			seen[r.Hash] = true
		}
	}))
	require.Len(t, seen, 449)
	require.NotContains(t, seen, "h000")
	revoked, err := remote.Revoked(t.Context(), []string{"h000", "h001", "unknown"})
	require.NoError(t, err)
	require.Equal(t, []string{"h000"}, revoked)
}

func TestASignedInRequestCostsOneRoundTrip(t *testing.T) {
	remote, server, clock := newRedis(t)
	users := store.NewUsers(openClient(t, "redis://"+server.Addr()), 7, clock.Now)
	require.NoError(t, users.Keep(t.Context(), "ada", []byte(`{"name":"Ada"}`), clock.Now()))
	require.NoError(t, remote.Create(t.Context(), sessiontest.Record("h", "ada", clock.Now())))
	require.Equal(t, store.Live, state(t, remote, "h")) // the first sends the script itself
	clock.Advance(10 * time.Minute)

	counted := &roundTrips{}
	client := openClient(t, "redis://"+server.Addr())
	client.AddHook(counted)
	found, err := store.NewRedis(client, 7, limitsOf(clock), true).Load(t.Context(), "h")
	require.NoError(t, err)
	require.Equal(t, clock.Now(), found.Record.LastSeen, "with the use noted")
	require.Equal(t, 1, counted.n)
	require.Nil(t, found.User, "a minute is all a record is cached for")

	require.NoError(t, users.Keep(t.Context(), "ada", []byte(`{"name":"Ada"}`), clock.Now()))
	found, err = store.NewRedis(client, 7, limitsOf(clock), true).Load(t.Context(), "h")
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Ada"}`, string(found.User))
	require.Equal(t, 2, counted.n)
}

func TestEverythingInRedisExpires(t *testing.T) {
	remote, server, clock := newRedis(t)
	require.NoError(t, remote.Create(t.Context(), sessiontest.Record("a", "ada", clock.Now())))
	require.NoError(t, remote.Create(t.Context(), sessiontest.Record("b", "ada", clock.Now())))
	require.NoError(t, remote.Revoke(t.Context(), "b", true))
	clock.Advance(sessiontest.Absolute)
	require.Empty(t, server.Keys())
}

// Who signs in often and never asks for the list must not grow the index.
func TestSigningInTrimsTheIndexOfWhatIsGone(t *testing.T) {
	remote, server, clock := newRedis(t)
	create := func(hash string) {
		require.NoError(t, remote.Create(t.Context(), sessiontest.Record(hash, "ada", clock.Now())))
	}
	for i := range 25 {
		create(fmt.Sprintf("old%02d", i))
	}
	clock.Advance(sessiontest.Idle) // they are gone by disuse, long before their deadline
	create("new0")
	index, err := server.ZMembers("banyan:s:7:u:ada")
	require.NoError(t, err)
	require.Len(t, index, 16, "ten of the old ones at a time")
	create("new1")
	create("new2")
	index, err = server.ZMembers("banyan:s:7:u:ada")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"new0", "new1", "new2"}, index)
}

func TestWhatWasReadBeforeAChangeIsNotCachedAfterIt(t *testing.T) {
	remote, server, clock := newRedis(t)
	require.NoError(t, remote.Create(t.Context(), sessiontest.Record("h", "ada", clock.Now())))
	cached := func() string {
		found, err := remote.Load(t.Context(), "h")
		require.NoError(t, err)
		return string(found.User)
	}
	users := store.NewUsers(openClient(t, "redis://"+server.Addr()), 7, clock.Now)

	since := clock.Now() // a reader takes the old record from the database
	require.NoError(t, users.Invalidate(t.Context(), "ada"))
	require.NoError(t, users.Keep(t.Context(), "ada", []byte("old"), since))
	require.Empty(t, cached())

	clock.Advance(6 * time.Second) // the mark is gone, and the reader is slow
	require.NoError(t, users.Keep(t.Context(), "ada", []byte("old"), since))
	require.Empty(t, cached())

	require.NoError(t, users.Keep(t.Context(), "ada", []byte("new"), clock.Now()))
	require.Equal(t, "new", cached())
}
