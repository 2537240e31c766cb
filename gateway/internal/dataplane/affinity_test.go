package dataplane_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/upstream"
)

// signsIn sets a session cookie on /sign-in and shows the cookies it is sent.
func signsIn(attributes string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sign-in" {
			w.Header().Add("Set-Cookie", "banyan_session=s; Path=/"+attributes)
		}
		fmt.Fprint(w, r.Header.Get("Cookie"))
	}
}

func affine(t testing.TB, extra string, attributes string) *rig {
	var urls []string
	for range 3 {
		urls = append(urls, owner(t, signsIn(attributes)).URL)
	}
	return newRig(t, oneOwner("affinity: {session_cookie: banyan_session"+extra+"}", urls...))
}

func pinOf(res *http.Response) *http.Cookie {
	for _, c := range res.Cookies() {
		if c.Name == "banyan_replica" {
			return c
		}
	}
	return nil
}

func TestASignInPinsTheUserToTheReplicaThatAnswered(t *testing.T) {
	r := affine(t, "", "; Max-Age=3600; HttpOnly; Secure")
	res, _ := r.get(t, "/")
	require.Nil(t, pinOf(res), "who isn't signed in isn't pinned")
	res, _ = r.get(t, "/sign-in")
	pin, replica := pinOf(res), res.Header.Get("X-Served-By")
	require.NotNil(t, pin)
	require.NotContains(t, pin.Value, "r", "it names the replica opaquely")
	require.True(t, pin.HttpOnly)
	require.True(t, pin.Secure, "as the session's cookie")
	require.Equal(t, http.SameSiteLaxMode, pin.SameSite)
	require.Equal(t, 3600, pin.MaxAge, "it lives as long as the session's cookie")
	require.Equal(t, "/", pin.Path)
	for range 10 {
		res, body := r.get(t, "/", "Cookie", "a=1; banyan_session=s; banyan_replica="+pin.Value+"; b=2")
		require.Equal(t, replica, res.Header.Get("X-Served-By"))
		require.Nil(t, pinOf(res))
		require.Equal(t, "a=1; banyan_session=s; b=2", body, "the application never sees the gateway's cookie")
	}
}

func TestAPlainSessionCookieMakesAPlainPin(t *testing.T) {
	r := affine(t, "", "")
	res, _ := r.get(t, "/sign-in")
	require.False(t, pinOf(res).Secure)
	require.Zero(t, pinOf(res).MaxAge)
}

func TestAPinToAReplicaThatIsGoneMovesAtOnce(t *testing.T) {
	r := affine(t, "", "")
	for _, gone := range []string{"", "nonsense", upstream.Pin("app", "r9")} {
		res, _ := r.get(t, "/", "Cookie", "banyan_replica="+gone)
		pin := pinOf(res)
		require.NotNil(t, pin, gone)
		again, _ := r.get(t, "/", "Cookie", "banyan_replica="+pin.Value)
		require.Equal(t, res.Header.Get("X-Served-By"), again.Header.Get("X-Served-By"))
		require.Nil(t, pinOf(again))
	}
	replica := r.current.Snapshot().Table.Owners[0].Group.Replicas()[1]
	res := r.whileDown(t, replica, "__Host-banyan_session=s; banyan_replica="+replica.Pin)
	require.NotEqual(t, "app/r1", res.Header.Get("X-Served-By"))
	require.NotNil(t, pinOf(res))
	require.True(t, pinOf(res).Secure, "the session's cookie shows that the user comes by HTTPS")
}

func TestASessionWithoutPinBelongsToHome(t *testing.T) {
	r := affine(t, ", home: r2", "")
	for _, cookie := range []string{"banyan_session=s", "__Host-banyan_session=s", "a=1; banyan_session=s"} {
		for range 5 {
			res, _ := r.get(t, "/", "Cookie", cookie)
			require.Equal(t, "app/r2", res.Header.Get("X-Served-By"), cookie)
			require.Nil(t, pinOf(res), "home needs no pin: when it is unwell for a moment its users come back")
		}
	}
	seen := map[string]bool{}
	for range 6 {
		res, _ := r.get(t, "/", "Cookie", "not_banyan_session=s")
		seen[res.Header.Get("X-Served-By")] = true
	}
	require.Len(t, seen, 3, "others are balanced")
	home := r.current.Snapshot().Table.Owners[0].Group.Replicas()[2]
	res := r.whileDown(t, home, "banyan_session=s")
	require.NotEqual(t, "app/r2", res.Header.Get("X-Served-By"))
	require.Eventually(t, home.Healthy, wait, time.Millisecond)
	res, _ = r.get(t, "/", "Cookie", "banyan_session=s")
	require.Equal(t, "app/r2", res.Header.Get("X-Served-By"))
}

func TestWithoutAffinityTheCookieMeansNothing(t *testing.T) {
	a, b := owner(t, signsIn("")), owner(t, signsIn(""))
	r := newRig(t, oneOwner("", a.URL, b.URL))
	seen := map[string]bool{}
	for range 4 {
		res, body := r.get(t, "/sign-in", "Cookie", "banyan_replica="+upstream.Pin("app", "r0"))
		require.Nil(t, pinOf(res))
		require.Empty(t, body, "and isn't forwarded")
		seen[res.Header.Get("X-Served-By")] = true
	}
	require.Len(t, seen, 2)
}

func TestLeastRequestsAvoidsTheBusyReplica(t *testing.T) {
	var urls []string
	busy := make(chan struct{})
	for i := range 2 {
		urls = append(urls, owner(t, func(_ http.ResponseWriter, r *http.Request) {
			if i == 0 && strings.HasPrefix(r.URL.Path, "/hang") {
				<-busy
			}
		}).URL)
	}
	r := newRig(t, oneOwner("balance: least_requests", urls...))
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err := r.client.Get(r.url + "/hang")
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	first := r.current.Snapshot().Table.Owners[0].Group.Replicas()[0]
	require.Eventually(t, func() bool { return first.InFlight() == 1 }, wait, time.Millisecond)
	for range 6 {
		res, _ := r.get(t, "/")
		require.Equal(t, "app/r1", res.Header.Get("X-Served-By"))
	}
	close(busy)
	<-done
}

// whileDown makes a request while the replica is out. A probe may bring it back at
// any moment; then the request is made again.
func (r *rig) whileDown(t *testing.T, replica *upstream.Replica, cookie string) (res *http.Response) {
	t.Helper()
	require.Eventually(t, func() bool {
		replica.MarkDown("as the test wants")
		res, _ = r.get(t, "/", "Cookie", cookie)
		return !replica.Healthy()
	}, wait, time.Millisecond)
	return res
}
