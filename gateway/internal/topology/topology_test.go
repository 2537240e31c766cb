package topology_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait = 10 * time.Second

func answering(t *testing.T, h http.HandlerFunc) topology.Target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return topology.Target{Owner: "blog", Replica: "blog-0", URL: s.URL + "/topology"}
}

func watching(t *testing.T, targets ...topology.Target) *topology.Watch {
	t.Helper()
	w := topology.Begin(func() []topology.Target { return targets }, slog.New(slog.DiscardHandler))
	t.Cleanup(w.Close)
	return w
}

// answered waits for the target's answer.
func answered(t *testing.T, w *topology.Watch, target topology.Target) topology.Answer {
	t.Helper()
	require.Eventually(t, func() bool { _, ok := w.Answer(target); return ok }, wait, time.Millisecond)
	a, _ := w.Answer(target)
	return a
}

func TestAReplicaTellsWhatItUses(t *testing.T) {
	target := answering(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"host": "monolith", "replica": "blog-0", "version": "v7", "seams": {"a": 1}, "started_at": "x",
			"uses": [{"kind": "postgres", "name": "blog", "address": "db:5432"}, {"kind": "kafka", "name": "kafka", "topics": ["a", "b"]}]}`)
	})
	require.Equal(t, topology.Answer{Host: "monolith", Name: "blog-0", Version: "v7", Uses: []topology.Use{
		{Kind: "postgres", Name: "blog", Address: "db:5432"}, {Kind: "kafka", Name: "kafka", Topics: []string{"a", "b"}},
	}}, answered(t, watching(t, target), target))
}

func TestNoCredentialsAreKept(t *testing.T) {
	for given, want := range map[string]string{
		"postgres://blog:pass@db:5432/blog?password=pass": "postgres://db:5432/blog",
		"blog:p@ss@db:5432":     "db:5432",
		"redis://:pass@redis/0": "redis://redis/0",
		"db:5432?user=pass":     "db:5432",
		"db:5432":               "db:5432",
		"[::1]:5432":            "[::1]:5432",
	} {
		target := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"uses": [{"kind": "x", "name": "y", "address": %q}]}`, given)
		})
		require.Equal(t, want, answered(t, watching(t, target), target).Uses[0].Address, given)
	}
}

func TestWhatIsToldIsBounded(t *testing.T) {
	target := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"version": "v\u0007\u202e\n1", "name": %q, "uses": [%s{"kind": "kafka", "name": "k"}]}`,
			strings.Repeat("n", 5000), strings.Repeat(`{"kind": "kafka", "name": "k"},`, 200))
	})
	a := answered(t, watching(t, target), target)
	require.Equal(t, "v1", a.Version, "what no screen shows is left out")
	require.Equal(t, 120, len([]rune(a.Name)))
	require.Len(t, a.Uses, 32)
}

// What is no answer is none, whatever it is, and never an empty one.
func TestWhatIsNoAnswerIsNone(t *testing.T) {
	elsewhere := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	good := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"version": "v1"}`) })
	good.Replica = "good"
	targets := []topology.Target{good}
	var asked sync.WaitGroup
	for name, h := range map[string]http.HandlerFunc{
		"missing": http.NotFound,
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"a list":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") },
		"no kind": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"uses": [{"name": "x"}]}`) },
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"version": %q}`, strings.Repeat("v", 70<<10))
		},
		"redirected": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
	} {
		asked.Add(1)
		var once sync.Once
		target := answering(t, func(w http.ResponseWriter, r *http.Request) { h(w, r); once.Do(asked.Done) })
		target.Replica = name
		targets = append(targets, target)
	}
	w := watching(t, targets...)
	answered(t, w, good)
	asked.Wait()
	w.Close() // what was asked is settled now
	for _, target := range targets[1:] {
		_, ok := w.Answer(target)
		require.False(t, ok, target.Replica)
	}
}

func TestTheLastAnswerStaysUntilTheReplicaIsGone(t *testing.T) {
	var calls atomic.Int32
	target := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			fmt.Fprint(w, `{"version": "v1"}`)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	var listed atomic.Bool
	listed.Store(true)
	w := topology.BeginEvery(time.Millisecond, func() []topology.Target {
		if listed.Load() {
			return []topology.Target{target}
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	t.Cleanup(w.Close)
	require.Eventually(t, func() bool { return calls.Load() > 3 }, wait, time.Millisecond)
	require.Equal(t, "v1", answered(t, w, target).Version)
	listed.Store(false)
	require.Eventually(t, func() bool { _, ok := w.Answer(target); return !ok }, wait, time.Millisecond)
}

func TestCloseBreaksOffWhoIsSilent(t *testing.T) {
	begun := make(chan struct{})
	var once sync.Once
	var targets []topology.Target
	for i := range 20 {
		target := answering(t, func(_ http.ResponseWriter, r *http.Request) {
			once.Do(func() { close(begun) })
			<-r.Context().Done()
		})
		target.Replica = fmt.Sprint(i)
		targets = append(targets, target)
	}
	w := topology.Begin(func() []topology.Target { return targets }, slog.New(slog.DiscardHandler))
	<-begun
	w.Close()
	w.Close() // twice is no harm
}

func TestTheURLIsTheReplicasWithAnotherPort(t *testing.T) {
	replica, err := url.Parse("http://[::1]:8080")
	require.NoError(t, err)
	require.Equal(t, "http://[::1]:8081/topology", topology.URL(replica, config.Topology{Path: "/topology", Port: "8081"}))
	require.Equal(t, "http://[::1]:8080/who", topology.URL(replica, config.Topology{Path: "/who"}))
}
