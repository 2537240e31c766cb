package dataplane_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/policy"
)

// twoOwners routes everything to old, with new as canary; policies stand for the
// rest of the route, limits for what both owners say.
func twoOwners(revision int, old, new, limits, policies string) string {
	return fmt.Sprintf(`revision: %d
clients: {session_cookie: banyan_session}
owners:
  old: {health: {interval: 50ms}, %s replicas: [{name: o0, url: %q}]}
  new: {health: {interval: 50ms}, %s replicas: [{name: n0, url: %q}]}
routes:
  - name: everything
    match: {path: "/*"}
    owner: old
    %s
`, revision, limits, old, limits, new, policies)
}

func canaryAt(percent string) string {
	return "canary: {owner: new, percent: " + percent + ", by: user}"
}

// seen shows what an application is sent of what is the gateway's alone.
func seen(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s cookie=%q tester=%q", name, r.Header.Get("Cookie"), r.Header.Get("X-Canary"))
	}
}

func userOf(res *http.Response) *http.Cookie {
	for _, c := range res.Cookies() {
		if c.Name == config.UserCookie {
			return c
		}
	}
	return nil
}

func TestAUserStaysOnOneSideAndOnlyEverMovesForward(t *testing.T) {
	old, new := owner(t, seen("old")), owner(t, seen("new"))
	one, two := newRig(t, twoOwners(1, old.URL, new.URL, "", canaryAt("0"))), newRig(t, twoOwners(1, old.URL, new.URL, "", canaryAt("0")))
	var users []string
	for range 300 {
		res, body := one.get(t, "/")
		require.Equal(t, `old cookie="" tester=""`, body, "nobody is in at 0 %")
		cookie := userOf(res)
		require.NotNil(t, cookie)
		require.True(t, cookie.HttpOnly)
		users = append(users, cookie.Value)
	}
	in := map[string]bool{}
	for i, percent := range []string{"5", "25", "50", "100"} {
		for _, r := range []*rig{one, two} {
			require.NoError(t, r.current.Apply("api", "body", []byte(twoOwners(i+2, old.URL, new.URL, "", canaryAt(percent))), current.Any))
		}
		count := 0
		for _, user := range users {
			cookie := "a=1; " + config.UserCookie + "=" + user
			res, body := one.get(t, "/", "Cookie", cookie)
			require.Nil(t, userOf(res), "who has the cookie keeps it")
			require.Contains(t, body, `cookie="a=1"`, "the application never sees it")
			_, other := two.get(t, "/", "Cookie", cookie)
			require.Equal(t, body, other, "every gateway decides the same")
			isNew := strings.HasPrefix(body, "new")
			require.False(t, in[user] && !isNew, "in before, out at %s %%", percent)
			if in[user] = isNew; isNew {
				count++
			}
		}
		t.Logf("at %s %%: %d of %d users", percent, count, len(users))
	}
	require.Len(t, in, 300)
	for user, isNew := range in {
		require.True(t, isNew, user)
	}
}

func TestTestersChooseTheirOwnerAndOutsidersCannot(t *testing.T) {
	old, new := owner(t, seen("old")), owner(t, seen("new"))
	r := newRig(t, twoOwners(1, old.URL, new.URL, "", canaryAt("0")))
	token := policy.MintOverride(currenttest.OverrideKey, "new", time.Now().Add(time.Hour))
	for _, headers := range [][]string{
		{"X-Canary", token}, {"x-canary", token}, {"Cookie", "a=1; banyan_canary=" + token},
	} {
		_, body := r.get(t, "/", headers...)
		require.True(t, strings.HasPrefix(body, "new"), headers)
		require.Contains(t, body, `tester=""`, "the application never sees a token")
		require.NotContains(t, body, "banyan_canary")
	}
	for _, forged := range []string{"new", "new.9999999999.", "new.9999999999.AAAA", strings.Replace(token, "new", "old", 1), policy.MintOverride([]byte("some other key of 16"), "new", time.Now().Add(time.Hour))} {
		_, body := r.get(t, "/", "X-Canary", forged)
		require.Equal(t, `old cookie="" tester=""`, body, forged)
	}
}

func TestTheSidesAreCountedApart(t *testing.T) {
	old := owner(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "old") })
	new := owner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	r := newRig(t, twoOwners(1, old.URL, new.URL, "", canaryAt("50")))
	statuses := map[int]int{}
	for range 100 {
		res, _ := r.get(t, "/")
		statuses[res.StatusCode]++
	}
	route := r.current.Snapshot().Routes[0]
	baseline, canary := route.Baseline.Read(), route.Canary.Read()
	require.Equal(t, uint64(statuses[200]), baseline.Requests)
	require.Zero(t, baseline.Errors)
	require.Equal(t, uint64(statuses[500]), canary.Requests)
	require.Equal(t, uint64(statuses[500]), canary.Errors)
	require.Equal(t, canary.Requests, canary.Latency[len(canary.Latency)-1])
}

// A canary that is away answers for its users: a silent way back to the old owner
// would bring back what the new one has deleted.
func TestACanaryThatIsAwayIsNotReplacedSilently(t *testing.T) {
	old, new := owner(t, seen("old")), owner(t, seen("new"))
	new.Close()
	r := newRig(t, twoOwners(1, old.URL, new.URL, "", canaryAt("100")))
	res, _ := r.get(t, "/")
	require.Contains(t, []int{502, 503}, res.StatusCode)
	require.Equal(t, "gateway", res.Header.Get("X-Served-By"))
}
