package session_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session"
)

// startReplicas starts three hosts that know one another.
func startReplicas(t *testing.T, settings session.Settings) ([]*host, session.Settings) {
	var hosts []*host
	for _, name := range []string{"monolith-0", "monolith-1", "monolith-2"} {
		hosts = append(hosts, startHost(t, session.Config{Replica: name, Settings: settings}))
	}
	for _, h := range hosts {
		settings.Peers = append(settings.Peers, h.admin.URL)
	}
	for _, h := range hosts {
		require.NoError(t, h.Apply(settings))
	}
	awaitSettled(t, hosts, settings)
	return hosts, settings
}

func awaitSettled(t *testing.T, hosts []*host, s session.Settings) {
	t.Helper()
	for _, h := range hosts {
		require.Eventually(t, func() bool {
			got := h.Status()
			return got.Settled && got.Store == s.Mode && got.Revision == s.Revision
		}, 20*time.Second, time.Millisecond, "%+v", h.Status())
	}
}

func TestInMemoryASignOutAndAListReachEveryReplica(t *testing.T) {
	hosts, _ := startReplicas(t, session.Settings{Mode: session.Memory})
	phone, laptop := newBrowser(t), newBrowser(t)
	phone.get(hosts[0], "/in/ada")
	laptop.get(hosts[1], "/in/ada")
	lines := strings.Split(strings.TrimSpace(phone.get(hosts[0], "/list")), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		if strings.Contains(line, "current=false") {
			phone.get(hosts[0], "/revoke/"+strings.Fields(line)[0])
		}
	}
	require.Empty(t, laptop.get(hosts[1], "/who"))
	require.Equal(t, "ada", phone.get(hosts[0], "/who"))
	status, body := phone.try(hosts[0], "/revoke/unknown")
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, body, session.ErrNotFound.Error())
	phone.get(hosts[2], "/out") // at a replica that never saw the session
	require.Empty(t, phone.get(hosts[0], "/who"))
}

func TestAPeerThatIsGoneDoesNotHoldUpASignOut(t *testing.T) {
	hosts, settings := startReplicas(t, session.Settings{Mode: session.Memory})
	hosts[2].stop()
	b := newBrowser(t)
	b.get(hosts[0], "/in/ada")
	begun := time.Now()
	b.get(hosts[0], "/out")
	require.Less(t, time.Since(begun), 2*time.Second)
	require.Len(t, settings.Peers, 3)
}

func TestASilentPeerMeansTheSignOutCannotBePromised(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	require.NoError(t, err)
	defer silent.Close()
	h := startHost(t, session.Config{Settings: session.Settings{Mode: session.Memory, Peers: []string{"http://" + silent.Addr().String()}}})
	b := newBrowser(t)
	b.get(h, "/in/ada")
	cookie := b.cookie(h)
	status, body := b.try(h, "/out")
	require.Equal(t, http.StatusInternalServerError, status)
	require.Contains(t, body, session.ErrUnreachable.Error())
	require.Equal(t, cookie, b.cookie(h), "the client can ask again")
	require.NoError(t, h.Apply(session.Settings{Revision: 2, Mode: session.Memory})) // it was taken away
	b.get(h, "/out")
	require.Empty(t, b.cookie(h))
}

func TestPeersNeedTheAdminToken(t *testing.T) {
	h := startHost(t, session.Config{})
	for _, path := range []string{"/sessions/revoke", "/sessions/list"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer guessed")
		h.AdminHandler().ServeHTTP(w, r)
		require.Equal(t, http.StatusUnauthorized, w.Code)
	}
}

func TestWhatCannotBeReachedIsRefusedAndSaid(t *testing.T) {
	h := startHost(t, session.Config{Settings: session.Settings{Mode: session.Memory}})
	err := h.Apply(session.Settings{Revision: 2, Mode: session.Redis, RedisURL: "redis://127.0.0.1:1"})
	require.EqualError(t, err, `session.store "redis" cannot follow "memory" without signing people out: next is "dual"`)
	got := h.Status()
	require.False(t, got.Settled)
	require.Equal(t, session.Memory, got.Store)
	require.Contains(t, got.Reason, "revision 2 refused")
}

// Each state that a walk to Redis and back goes through is taken, and none beside
// them has the cache on.
func TestTheUserCacheGoesWithRedisOnly(t *testing.T) {
	settings := session.Settings{Mode: session.Memory, Generation: 1, RedisURL: "redis://" + miniredis.RunT(t).Addr()}
	h := startHost(t, session.Config{Settings: settings})
	for _, step := range []struct {
		mode  session.Mode
		cache bool
		says  string
	}{
		{session.Memory, true, `user_cache "redis" does not go with session.store "memory"`},
		{session.Dual, false, ""}, {session.Redis, false, ""}, {session.Redis, true, ""}, {session.Redis, false, ""},
		{session.Back, false, ""}, {session.Load, false, ""},
		{session.Memory, true, `user_cache "redis" does not go with session.store "memory"`},
		{session.Memory, false, ""},
	} {
		settings.Mode, settings.UserCache, settings.Generation = step.mode, step.cache, 2
		settings.Revision++
		err := h.Apply(settings)
		if step.says != "" {
			require.ErrorContains(t, err, step.says)
			require.Contains(t, h.Status().Reason, step.says)
			continue
		}
		require.NoError(t, err, "%s, cache %t", step.mode, step.cache)
		awaitSettled(t, []*host{h}, settings)
	}
}

// TestTwiceRoundNobodyIsSignedOut takes three hosts to Redis and back twice, while
// people come, go and read at the replica that affinity would choose; in Redis any
// replica answers.
func TestTwiceRoundNobodyIsSignedOut(t *testing.T) {
	hosts, settings := startReplicas(t, session.Settings{Mode: session.Memory, Generation: 1, RedisURL: "redis://" + miniredis.RunT(t).Addr()})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 3)
	var rounds [3]atomic.Int64
	for i := range 3 {
		stays, b := newBrowser(t), newBrowser(t)
		stays.get(hosts[i], "/in/stays")
		go func() { done <- live(ctx, stays, b, hosts[i], &rounds[i]) }()
	}
	for range 2 {
		settings.Generation++
		for _, mode := range []session.Mode{session.Dual, session.Redis, session.Back, session.Load, session.Memory} {
			settings.Mode = mode
			settings.Revision++
			for _, h := range hosts {
				require.NoError(t, h.Apply(settings))
			}
			awaitSettled(t, hosts, settings)
			for i := range rounds { // and people use it, or nothing is shown
				seen := rounds[i].Load()
				require.Eventually(t, func() bool { return rounds[i].Load() > seen+2 || len(done) > 0 }, 20*time.Second, time.Millisecond)
			}
		}
	}
	stop()
	for range 3 {
		require.NoError(t, <-done)
	}
	for _, h := range hosts {
		require.Zero(t, h.Status().Mismatches)
	}
}

// live reads as one who stays and has another come and go, until ctx ends.
func live(ctx context.Context, stays, b *browser, h *host, rounds *atomic.Int64) error {
	for ; ctx.Err() == nil; rounds.Add(1) {
		for _, step := range []struct {
			who  *browser
			path string
			want string
		}{
			{stays, "/who", "stays"}, {b, "/in/goes", ""}, {b, "/who", "goes"}, {b, "/out", ""}, {b, "/who", ""}, {stays, "/who", "stays"},
		} {
			status, body := step.who.try(h, step.path)
			if status != http.StatusOK || body != step.want {
				return errors.New(step.path + ": " + body)
			}
		}
	}
	return nil
}
