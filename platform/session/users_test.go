package session_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session"
)

func TestUserRecordsAreCachedAndInvalidated(t *testing.T) {
	loads := 0
	h := startHost(t, session.Config{
		Settings: session.Settings{Mode: session.Redis, RedisURL: "redis://" + miniredis.RunT(t).Addr(), UserCache: true},
		LoadUser: func(_ context.Context, id string) ([]byte, error) {
			loads++
			return fmt.Appendf(nil, "%s %d", id, loads), nil
		},
	})
	b := newBrowser(t)
	require.Empty(t, b.get(h, "/user"))
	b.get(h, "/in/ada")
	require.Equal(t, "ada 1", b.get(h, "/user"))
	require.Equal(t, "ada 1", b.get(h, "/user"), "from the cache")
	require.NoError(t, h.InvalidateUser(t.Context(), "ada"))
	require.Equal(t, "ada 2", b.get(h, "/user"))
}

// A replica in the mode memory invalidates nothing, so what the way before has
// cached must not be found on the next way.
func TestAUserRecordDoesNotOutliveTheWayThatCachedIt(t *testing.T) {
	role := "reader"
	settings := session.Settings{Mode: session.Redis, RedisURL: "redis://" + miniredis.RunT(t).Addr(), Generation: 1, UserCache: true}
	h := startHost(t, session.Config{
		Settings: settings,
		LoadUser: func(context.Context, string) ([]byte, error) { return []byte(role), nil },
	})
	walk := func(cache bool, modes ...session.Mode) {
		for _, mode := range modes {
			settings.Mode, settings.UserCache = mode, cache
			settings.Revision++
			require.NoError(t, h.Apply(settings))
			awaitSettled(t, []*host{h}, settings)
		}
	}
	b := newBrowser(t)
	b.get(h, "/in/ada")
	require.Equal(t, "reader", b.get(h, "/user"), "and cached")
	walk(false, session.Redis, session.Back, session.Load, session.Memory)

	role = "moderator"
	require.NoError(t, h.InvalidateUser(t.Context(), "ada"))
	settings.Generation = 2
	walk(false, session.Dual, session.Redis)
	walk(true, session.Redis)
	require.Equal(t, "moderator", b.get(h, "/user"))
}
