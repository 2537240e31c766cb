package dataplane_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/platform/httpkit"
)

func TestTheHeadersAreThoseOfTheHosts(t *testing.T) {
	require.Equal(t, httpkit.HeaderOwner, config.HeaderOwner)
	require.Equal(t, httpkit.HeaderEpoch, config.HeaderEpoch)
}

// ownership is the truth behind the gateway: who owns, and since when. While nobody
// does, the owner is "".
type ownership struct {
	mu     sync.Mutex
	owner  string
	epoch  int
	writes map[string][]string // by owner, as they were done
	asked  map[string]int
}

func (o *ownership) move(to string, epoch int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owner, o.epoch = to, epoch
}

func (o *ownership) is(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.owner == name
}

func (o *ownership) done(by string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.writes[by]...)
}

func (o *ownership) times(by string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked[by]
}

// host is an owner that answers what it owns and says 421 to the rest, before it has
// done anything.
func (o *ownership) host(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if o.is(name) || r.Header.Get("Expect") == "" { // to read is to ask for it
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return
			}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked[name]++
		if o.owner != name {
			w.Header().Set("strangler-owner", o.owner)
			w.Header().Set(config.HeaderEpoch, fmt.Sprint(o.epoch))
			w.WriteHeader(http.StatusMisdirectedRequest)
			fmt.Fprint(w, `{"status": 421}`)
			return
		}
		o.writes[name] = append(o.writes[name], string(body))
		fmt.Fprintf(w, "%s %d %s", name, len(body), r.Header.Get("Transfer-Encoding"))
	}
}

const resourceRoutes = `revision: %d
resources: {thing: {owner: %s, epoch: %d}}
owners:
  old: {health: {interval: 50ms}, breaker: {of: 1, errors: 1}, outliers: {consecutive: 1}, replicas: [{name: o0, url: %q}]}
  new: {health: {interval: 50ms}, breaker: {of: 1, errors: 1}, outliers: {consecutive: 1}, replicas: [{name: n0, url: %q}]}
routes:
  - {name: everything, match: {path: "/*"}, resource: thing%s}
`

type moving struct {
	*ownership
	*rig
	config func(revision int, owner string, epoch int) string
}

func movingRig(t testing.TB, policies string) moving {
	o := &ownership{owner: "old", epoch: 1, writes: map[string][]string{}, asked: map[string]int{}}
	old, new := owner(t, o.host("old")), owner(t, o.host("new"))
	text := func(revision int, owner string, epoch int) string {
		return fmt.Sprintf(resourceRoutes, revision, owner, epoch, old.URL, new.URL, policies)
	}
	return moving{o, newRig(t, text(1, "old", 1)), text}
}

func (m moving) counts() [3]uint64 {
	resent, waited, refused := m.current.Snapshot().Routes[0].Misdirected.Read()
	return [3]uint64{resent, waited, refused}
}

// send sends a body with its length, or in chunks.
func (m moving) sends(t testing.TB, body string, chunked bool) (*http.Response, string) {
	t.Helper()
	var from io.Reader = strings.NewReader(body)
	if chunked {
		from = io.MultiReader(from) // whose length nobody knows
	}
	req, err := http.NewRequest(http.MethodPost, m.url, from)
	require.NoError(t, err)
	return m.do(t, req)
}

func TestARequestFollowsTheOwnerItsFormerOneNames(t *testing.T) {
	m := movingRig(t, ", max_body: 300KiB")
	m.move("new", 2)
	sent := 0
	for _, size := range []int{0, 10, 8 << 10, 40 << 10, 250 << 10} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("x", size)
			res, answer := m.sends(t, body, chunked)
			require.Equal(t, 200, res.StatusCode, answer)
			require.Equal(t, "new/n0", res.Header.Get("X-Served-By"))
			require.Equal(t, fmt.Sprintf("new %d ", size), answer)
			require.Empty(t, res.Header.Get(config.HeaderOwner))
			sent++
			require.Len(t, m.done("new"), sent)
			require.Equal(t, body, m.done("new")[sent-1])
		}
	}
	require.Equal(t, [3]uint64{uint64(sent), 0, 0}, m.counts())
	require.Empty(t, m.done("old"))
	res, body := m.sends(t, strings.Repeat("x", 301<<10), true)
	require.Equal(t, 413, res.StatusCode, body)

	for _, o := range m.current.Snapshot().Table.Owners {
		require.True(t, o.Group.Replicas()[0].Healthy(), "sending away is no failure")
		f := o.Guard.Figures(time.Now())
		require.Zero(t, f.Opened)
		require.Zero(t, f.Retries)
		require.Eventually(t, func() bool { return o.Guard.Figures(time.Now()).InFlight == 0 }, wait, time.Millisecond)
	}
}

func TestWhileNobodyOwnsARequestWaitsForWhoWill(t *testing.T) {
	m := movingRig(t, "")
	m.move("", 1)
	answers := make(chan string, 1)
	go func() {
		answer, err := m.post("write")
		answers <- fmt.Sprint(answer, " ", err)
	}()
	require.Eventually(t, func() bool { return m.times("old") > 1 }, wait, time.Millisecond, "it asks again")
	m.move("new", 2)
	require.Equal(t, "200 new 5  <nil>", <-answers)
	require.Equal(t, [3]uint64{1, 1, 0}, m.counts())
	require.Equal(t, []string{"write"}, m.done("new"))
}

// A hold drains although requests wait for the owner: they are behind no gate.
func TestANewConfigurationEndsTheWait(t *testing.T) {
	m := movingRig(t, ", hold: {max_wait: 1m}")
	m.move("", 1)
	answers := make(chan string, 1)
	go func() {
		answer, err := m.post("write")
		answers <- fmt.Sprint(answer, " ", err)
	}()
	gate := m.current.Lasting.Holds.Gate("everything")
	require.Eventually(t, func() bool { return gate.Figures().Waiting == 1 }, wait, time.Millisecond)
	h, err := m.current.Current.Hold(current.Wanted{Resource: "thing", For: hold.Longest})
	require.NoError(t, err)
	require.Equal(t, []string{"everything"}, h.Routes)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	require.Zero(t, h.Drained(ctx))
	m.move("new", 2)
	require.NoError(t, m.current.Apply("api", "body", []byte(m.config(2, "new", 2)), current.Any))
	require.NoError(t, m.current.Lasting.Holds.Release(h.ID))
	require.Equal(t, "200 new 5  <nil>", <-answers)
	require.Equal(t, [3]uint64{0, 1, 0}, m.counts(), "the configuration names the owner")
}

func TestTheWaitForAnOwnerIsBounded(t *testing.T) {
	m := movingRig(t, ", hold: {max_wait: 150ms, max_requests: 1}")
	m.move("", 1)
	res, body := m.sends(t, "write", false)
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	require.Contains(t, body, "urn:banyan:problem:held")
	require.Equal(t, "gateway", res.Header.Get("X-Served-By"))
	require.Equal(t, [3]uint64{0, 1, 1}, m.counts())
	require.LessOrEqual(t, m.times("old"), 4)
	require.Empty(t, m.done("old"))
}

// Two owners that name each other, or one that names itself, end in an answer.
func TestOwnersThatDoNotAgreeAreNotAskedForEver(t *testing.T) {
	var asked atomic.Int64
	names := func(named, epoch string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set(config.HeaderOwner, named)
			w.Header().Set(config.HeaderEpoch, epoch)
			w.WriteHeader(http.StatusMisdirectedRequest)
		}
	}
	for name, c := range map[string][2]http.HandlerFunc{
		"each other":  {names("new", "2"), names("old", "2")},
		"themselves":  {names("old", "2"), names("new", "2")},
		"a stranger":  {names("nobody-knows", "2"), names("old", "2")},
		"no epoch":    {names("new", ""), names("old", "x")},
		"ever newer":  {ever("new", &asked), ever("old", &asked)},
		"a huge name": {names(strings.Repeat("n", 4000), "99999999999999999999"), names("old", "-1")},
	} {
		asked.Store(0)
		r := newRig(t, fmt.Sprintf(resourceRoutes, 1, "old", 1, owner(t, c[0]).URL, owner(t, c[1]).URL, ", hold: {max_wait: 120ms}"))
		res, _ := r.get(t, "/")
		require.Equal(t, 503, res.StatusCode, name)
		require.LessOrEqual(t, asked.Load(), int64(20), name)
	}
}

// ever names the other owner with an epoch that rises each time.
func ever(named string, asked *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(config.HeaderOwner, named)
		w.Header().Set(config.HeaderEpoch, fmt.Sprint(asked.Add(1)))
		w.WriteHeader(http.StatusMisdirectedRequest)
	}
}

// A follower that is behind says so, on a route that is about no resource here: the
// canary's clients are answered by the owner it names.
func TestAReadFollowsFromACanaryAtOnce(t *testing.T) {
	behind := owner(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/current":
			fmt.Fprint(w, "new")
			return
		case "/stranger":
			w.Header().Set(config.HeaderOwner, "posts")
		case "/fenced":
			w.Header().Set(config.HeaderOwner, "")
		case "/none":
		default:
			w.Header().Set(config.HeaderOwner, "old")
			w.Header().Set(config.HeaderEpoch, "1")
		}
		w.WriteHeader(http.StatusMisdirectedRequest)
		fmt.Fprint(w, "not me")
	})
	r := newRig(t, twoOwners(1, owner(t, echoes("old")).URL, behind.URL, "", canaryAt("100")))
	for range 3 {
		res, body := r.get(t, "/behind")
		require.Equal(t, 200, res.StatusCode)
		require.Contains(t, body, "old")
		require.Equal(t, "old/o0", res.Header.Get("X-Served-By"))
		require.NotNil(t, userOf(res), "the client stays who it is")
	}
	res, body := r.get(t, "/current")
	require.Equal(t, "new/n0 new", res.Header.Get("X-Served-By")+" "+body)
	for _, path := range []string{"/stranger", "/none"} {
		res, body = r.get(t, path)
		require.Equal(t, 421, res.StatusCode, "it may mean something to the client")
		require.Equal(t, "not me", body)
	}
	res, _ = r.get(t, "/fenced")
	require.Equal(t, 503, res.StatusCode)
	resent, waited, refused := r.current.Snapshot().Routes[0].Misdirected.Read()
	require.Equal(t, [3]uint64{3, 0, 1}, [3]uint64{resent, waited, refused})
	live := r.current.Snapshot().Routes[0]
	require.EqualValues(t, 3, live.Baseline.Read().Requests, "each owner's answers are its own")
	require.EqualValues(t, 7, live.Canary.Read().Requests)
}

func TestAClientThatLeavesWhileItWaitsForAnOwner(t *testing.T) {
	m := movingRig(t, ", hold: {max_wait: 1m}")
	m.move("", 1)
	c := m.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	gate := m.current.Lasting.Holds.Gate("everything")
	require.Eventually(t, func() bool { return gate.Figures().Waiting == 1 }, wait, time.Millisecond)
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool {
		return gate.Figures().Waiting == 0 && gate.Figures().InFlight == 0
	}, wait, time.Millisecond)
	require.Empty(t, m.done("old"))
}

// The hand-over without anybody who holds: writers under load, and the owners alone
// know who owns. Every write is answered and done once.
func TestOwnershipMovesUnderLoadWithoutAHold(t *testing.T) {
	m := movingRig(t, ", hold: {max_wait: 30s, max_requests: 1000}")
	stop := make(chan struct{})
	var running sync.WaitGroup
	var acknowledged, failed atomic.Int64
	for i := range 16 {
		running.Go(func() {
			for n := 0; !isClosed(stop); n++ {
				if answer, err := m.post(fmt.Sprintf("%d/%d", i, n)); err != nil || !strings.HasPrefix(answer, "200") {
					failed.Add(1)
				} else {
					acknowledged.Add(1)
				}
			}
		})
	}
	names := [2]string{"old", "new"}
	for i := range 20 {
		before := acknowledged.Load()
		require.Eventually(t, func() bool { return acknowledged.Load() > before+8 }, wait, 50*time.Microsecond)
		m.move("", i+1) // fenced
		asked := m.times("old") + m.times("new")
		require.Eventually(t, func() bool { return m.times("old")+m.times("new") > asked }, wait, 50*time.Microsecond)
		to := names[(i+1)%2]
		m.move(to, i+2)
		if i%2 == 0 {
			require.NoError(t, m.current.Apply("api", "body", []byte(m.config(i+2, to, i+2)), current.Any))
		}
	}
	close(stop)
	running.Wait()
	require.Zero(t, failed.Load())
	seen := map[string]bool{}
	for _, write := range append(m.done("old"), m.done("new")...) {
		require.False(t, seen[write], "%s was done twice", write)
		seen[write] = true
	}
	require.EqualValues(t, acknowledged.Load(), len(seen))
}

// Who holds a route asks its gate how many were sent away meanwhile: they are counted
// there too when it was an owner's word that they waited for, or their body was gone.
func TestWhoIsSentAwayIsCountedAtTheGate(t *testing.T) {
	m := movingRig(t, ", hold: {max_wait: 100ms}")
	m.move("", 2)
	for i, size := range []int{5, 200 << 10} {
		res, answer := m.sends(t, strings.Repeat("y", size), false)
		require.Equal(t, 503, res.StatusCode, answer)
		require.EqualValues(t, i+1, m.current.Lasting.Holds.Gate("everything").Figures().Refused)
	}
}
