package probe_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// blog answers as two replicas in turn; each knows the sessions it made, as long
// as it lives.
func blog(t *testing.T, alive func(replica string) bool) *httptest.Server {
	t.Helper()
	var made atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/accounts", func(w http.ResponseWriter, _ *http.Request) {
		replica := []string{"app-0", "app-1"}[made.Add(1)%2]
		http.SetCookie(w, &http.Cookie{Name: "home", Value: replica, Path: "/"})
		w.Header().Set("X-Served-By", "app/"+replica)
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /api/v1/accounts/me", func(w http.ResponseWriter, r *http.Request) {
		home, err := r.Cookie("home")
		if err != nil || !alive(home.Value) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Served-By", "app/"+home.Value)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestWhoIsOutIsToldByWhereTheyLived(t *testing.T) {
	var killed atomic.Bool
	people := probe.New(blog(t, func(r string) bool { return r != "app-1" || !killed.Load() }).URL)
	defer people.Close()
	require.NoError(t, people.SignIn(t.Context(), 6))
	require.NoError(t, people.Ask(t.Context(), 2))
	require.Equal(t, map[string]int{"app-0": 3, "app-1": 3}, people.Homes())
	require.Zero(t, people.Out())

	killed.Store(true)
	require.NoError(t, people.Ask(t.Context(), 2))
	residents, residentsOut, othersOut := people.Split("app-1")
	require.Equal(t, []int{3, 3, 0}, []int{residents, residentsOut, othersOut})
	require.Equal(t, 3, people.NeverLost())
	lost, asked := people.Lost()
	require.Equal(t, []int{6, 12}, []int{lost, asked})
}

func TestAnAnswerAgainstTheContractIsNoSignOut(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	people := probe.New(server.URL)
	defer people.Close()
	require.ErrorContains(t, people.SignIn(t.Context(), 1), "status 404 where 201 was expected")
}

// TestAPageWithoutItsCommentsIsToldFromOneWith, and an answer that is no page is an
// error: nothing is tried again.
func TestAPageWithoutItsCommentsIsToldFromOneWith(t *testing.T) {
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/posts", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items": [{"id": "quiet", "comment_count": 0}, {"id": "loud", "comment_count": 2}]}`))
	})
	mux.HandleFunc("GET /posts/loud", func(w http.ResponseWriter, _ *http.Request) {
		switch asked.Add(1) {
		case 3:
			_, _ = w.Write([]byte(`<p role="status">The comments can't be shown at this moment.`))
		case 5:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	people := probe.New(server.URL)
	defer people.Close()
	read, err := people.Read(t.Context(), 4)
	require.NoError(t, err)
	require.Equal(t, 4, read.Pages)
	require.Equal(t, 1, read.Without)
	require.Contains(t, read.String(), "4 pages read, 1 of them without the comments: p50 ")
	_, err = people.Read(t.Context(), 1)
	require.ErrorContains(t, err, "/posts/loud: status 503 where 200 was expected")
}

func TestHowLateOthersSeeACommentIsMeasured(t *testing.T) {
	var written, looked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/accounts", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	mux.HandleFunc("GET /api/v1/posts", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items": [{"id": "loud", "comment_count": 2}]}`))
	})
	mux.HandleFunc("POST /api/v1/posts/loud/comments", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") == "" {
			t.Error("a write without a key")
		}
		written.Add(1)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id": "said"}`))
	})
	mux.HandleFunc("GET /api/v1/comments/said", func(w http.ResponseWriter, _ *http.Request) {
		if looked.Add(1)%3 != 0 { // the copy is a moment behind
			w.WriteHeader(http.StatusNotFound)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	people := probe.New(server.URL)
	defer people.Close()
	stale, err := people.Stale(t.Context(), 2)
	require.NoError(t, err)
	require.EqualValues(t, 2, written.Load())
	require.EqualValues(t, 6, looked.Load())
	require.Positive(t, stale.P50)
	require.GreaterOrEqual(t, stale.Longest, stale.P50)
	require.Contains(t, stale.String(), "2 comments written: somebody else saw half of them within ")
}
