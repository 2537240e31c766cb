package who_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/gateway/internal/who"
	"banyan.dev/platform/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const routes = `clients: {session_cookie: banyan_session}
identity: {owner: monolith, timeout: 5s, life: 20s}
owners:
  monolith:
    replicas: [{name: m0, url: %q}]
    breaker: {errors: 50, of: 20, within: 1m, open_for: 1m}
  comments: {identity: true, replicas: [{name: c0, url: "http://127.0.0.1:1"}]}
routes:
  - {name: told, match: {path: "/c/*"}, owner: comments}
  - {name: rest, match: {path: "/*"}, owner: monolith}
`

// rig is an owner of sessions, and an asker before it.
type rig struct {
	*who.Asker
	t      *testing.T
	keys   identity.Keys
	table  *policy.Table
	asked  atomic.Int64
	answer atomic.Value // of every question: a func(w, r)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t}
	r.says(http.StatusOK, `{"id": "7", "name": "Rita", "role": "reader"}`)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/internal/identity" {
			r.asked.Add(1)
			r.answer.Load().(http.HandlerFunc)(w, q)
		}
	}))
	t.Cleanup(server.Close)
	parsed, err := config.Parse("gateway.yaml", fmt.Appendf(nil, routes, server.URL))
	require.NoError(t, err)
	r.keys, err = identity.NewKeys(currenttest.IdentityKey)
	require.NoError(t, err)
	lasting := currenttest.New(t)
	t.Cleanup(func() { lasting.Close(t) })
	r.table = policy.New(parsed)
	r.table.Open(lasting.Lasting.Owners, lasting.Lasting.Guards, nil)
	t.Cleanup(r.table.Close)
	r.Asker = lasting.Lasting.Who.Asker(*parsed.Identity, r.table)
	return r
}

func (r *rig) says(status int, body string) {
	r.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
}

func question() who.Question {
	return who.Question{Session: []byte("banyan_session=x"), View: &policy.Request{}, Host: []byte("blog.test"), Deadline: time.Now().Add(20 * time.Second)}
}

// asks returns the name of who asks; empty is nobody.
func (r *rig) asks() (string, error) {
	answer, err := r.Ask(question())
	if err != nil || len(answer.Token) == 0 {
		return "", err
	}
	known, err := r.keys.Verify(string(answer.Token), time.Now())
	return known.Name, err
}

// TestNothingIsRememberedFromOneRequestToTheNext: who has signed out, or lost a role, is
// so with the next request. (ADR 8 has what a memory would cost.)
func TestNothingIsRememberedFromOneRequestToTheNext(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 3 {
		name, err := r.asks()
		require.NoError(t, err)
		require.Equal(t, "Rita", name)
		require.EqualValues(t, i+1, r.asked.Load(), "each request is a question")
	}
	r.says(http.StatusNoContent, "")
	name, err := r.asks()
	require.NoError(t, err)
	require.Empty(t, name, "signed out")
	r.says(http.StatusOK, `{"id": "7", "name": "Rita the second", "role": "moderator"}`)
	name, err = r.asks()
	require.NoError(t, err)
	require.Equal(t, "Rita the second", name)
	require.Equal(t, who.Figures{Known: 4, Nobody: 1}, r.Figures())
}

// TestRequestsOfOneSessionAtTheSameMomentAreAskedEachByItself: an answer that was on its
// way when somebody signed out is for the requests before it, and for none that came after.
func TestRequestsOfOneSessionAtTheSameMomentAreAskedEachByItself(t *testing.T) {
	t.Parallel()
	const at = 8
	r := newRig(t)
	var together sync.WaitGroup
	together.Add(at)
	r.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait() // nobody is answered before all have asked
		_, _ = w.Write([]byte(`{"id": "7", "name": "Rita", "role": "reader"}`))
	}))
	var asking sync.WaitGroup
	errs := make([]error, at)
	for i := range at {
		asking.Go(func() { _, errs[i] = r.asks() })
	}
	asking.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, at, r.asked.Load())
}

// TestWhatIsSignedCountsForItsLifeAlone: whoever gets hold of a token has no session by it.
func TestWhatIsSignedCountsForItsLifeAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	answer, err := r.Ask(question())
	require.NoError(t, err)
	known, err := r.keys.Verify(string(answer.Token), time.Now())
	require.NoError(t, err)
	require.Equal(t, identity.Identity{ID: "7", Name: "Rita", Role: "reader"}, known)
	_, err = r.keys.Verify(string(answer.Token), time.Now().Add(21*time.Second))
	require.Error(t, err)
	others, err := identity.NewKeys("another key that is long enough for it as well")
	require.NoError(t, err)
	_, err = others.Verify(string(answer.Token), time.Now())
	require.Error(t, err)
}

// TestWhoCanNotBeFoundOutIsNotNobody: a visitor is let through, and a session of which
// nobody knows is not.
func TestWhoCanNotBeFoundOutIsNotNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		why    string
	}{
		"a mistake":          {500, "", "answered 500, neither 200 nor 204"},
		"nothing understood": {200, "<html>", "no identity"},
		"a service":          {200, `{"id": "comments", "role": "service"}`, "names a service"},
		"no id":              {200, `{"name": "Rita", "role": "reader"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.says(c.status, c.body)
			_, err := r.asks()
			require.ErrorContains(t, err, c.why)
			f := r.Figures()
			require.EqualValues(t, 1, f.Failed)
			require.Equal(t, err.Error(), f.Last.Reason)
		})
	}
}

// TestWhatNoClientWaitsForPaysForNothing: a copy for a shadow neither opens the breaker
// of the owner that has the sessions, nor minds it.
func TestWhatNoClientWaitsForPaysForNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	guard := r.table.Owner("monolith").Guard
	r.says(http.StatusInternalServerError, "")
	copied := []byte("GET /c/1 HTTP/1.1\r\nHost: blog.test\r\nCookie: a=b; banyan_session=x\r\n")
	for range 40 {
		_, err := r.Copy(copied, time.Now().Add(10*time.Second))
		require.Error(t, err)
	}
	require.Zero(t, guard.Figures(time.Now()).Open)
	require.EqualValues(t, 40, r.asked.Load())
	for range 40 {
		_, err := r.asks()
		require.Error(t, err)
	}
	require.NotZero(t, guard.Figures(time.Now()).Open, "those of clients do")
	r.says(http.StatusOK, `{"id": "7", "name": "Rita", "role": "reader"}`)
	asked := r.asked.Load()
	_, err := r.asks()
	require.Error(t, err)
	require.Equal(t, asked, r.asked.Load(), "refused before it was sent")
	token, err := r.Copy(copied, time.Now().Add(10*time.Second))
	require.NoError(t, err)
	require.NotEmpty(t, token)
}

// TestWhoCarriesNoSessionIsNotAskedAbout: visitors cost the owner of sessions nothing.
func TestWhoCarriesNoSessionIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, cookie := range []string{"", "Cookie: a=b\r\n", "Cookie: banyan_session=\r\n"} {
		token, err := r.Copy([]byte("GET /c/1 HTTP/1.1\r\nHost: blog.test\r\n"+cookie), time.Now().Add(time.Second))
		require.NoError(t, err)
		require.Empty(t, token)
	}
	require.Zero(t, r.asked.Load())
	require.Equal(t, who.Figures{}, r.Figures())
}

// TestAClientThatLeavesIsNoFault: neither a figure nor a breaker minds it.
func TestAClientThatLeavesIsNoFault(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	proceed, asked := make(chan struct{}), make(chan struct{}, 1)
	r.answer.Store(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-proceed }))
	var left atomic.Bool
	q := question()
	q.Gone = left.Load
	done := make(chan error, 1)
	go func() { _, err := r.Ask(q); done <- err }()
	<-asked
	left.Store(true)
	require.ErrorIs(t, <-done, upstream.ErrGone)
	close(proceed)
	require.Equal(t, who.Figures{}, r.Figures())
	require.EqualValues(t, 0, r.table.Owner("monolith").Guard.Figures(time.Now()).InFlight)
}
