package call_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a replica that counts what it is asked.
type peer struct {
	url   string
	asked atomic.Int64
}

func replica(t *testing.T, answer http.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// gone is the address of a replica that refuses connections.
func gone(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "http://" + l.Addr().String()
}

func client(t *testing.T, cfg call.Config, urls ...string) *call.Client {
	t.Helper()
	cfg.Name, cfg.URLs = "monolith", urls
	c, err := call.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func get(path string) call.Request { return call.Request{Method: "GET", Path: path} }

func TestReplicasAreAskedInTurn(t *testing.T) {
	a, b := replica(t, status(204)), replica(t, status(204))
	c := client(t, call.Config{}, a.url+"/", b.url)
	for range 10 {
		_, err := c.Do(t.Context(), get("/x"))
		require.NoError(t, err)
	}
	require.Equal(t, int64(5), a.asked.Load())
	require.Equal(t, int64(5), b.asked.Load())
}

func TestWhatWasNotSentGoesToAnotherReplica(t *testing.T) {
	alive := replica(t, status(201))
	c := client(t, call.Config{}, gone(t), gone(t), alive.url)
	for range 6 {
		answer, err := c.Do(t.Context(), call.Request{Method: "POST", Path: "/x", Body: []byte("{}")})
		require.NoError(t, err)
		require.Equal(t, 201, answer.Status)
	}
	require.Equal(t, int64(6), alive.asked.Load())
}

func TestOnlyWhatMayBeDoneTwiceIsSentTwice(t *testing.T) {
	key, match := http.Header{"Idempotency-Key": {"k"}}, http.Header{"If-Match": {`"1"`}}
	for name, c := range map[string]struct {
		request call.Request
		asked   int64
	}{
		"GET":                 {call.Request{Method: "GET"}, 2},
		"POST":                {call.Request{Method: "POST"}, 1},
		"POST with a key":     {call.Request{Method: "POST", Header: key}, 2},
		"POST that only asks": {call.Request{Method: "POST", Repeatable: true}, 2},
		"PUT":                 {call.Request{Method: "PUT"}, 2},
		"PUT of a version":    {call.Request{Method: "PUT", Header: match}, 1},
		"PATCH":               {call.Request{Method: "PATCH"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for what, answer := range map[string]http.HandlerFunc{
				"502": status(502), "503": status(503), "504": status(504),
				"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			} {
				a, b := replica(t, answer), replica(t, answer)
				c.request.Path = "/x"
				_, err := client(t, call.Config{}, a.url, b.url).Do(t.Context(), c.request)
				require.True(t, call.IsUnavailable(err), "%s: %v", what, err)
				var e *call.UnavailableError
				require.ErrorAs(t, err, &e)
				require.True(t, e.Sent)
				require.Equal(t, c.asked, a.asked.Load()+b.asked.Load(), what)
				require.LessOrEqual(t, a.asked.Load(), int64(1), "the other one is asked")
			}
		})
	}
}

func TestAnotherReplicaAnswersForOneThatHangs(t *testing.T) {
	stop := make(chan struct{})
	hangs := replica(t, func(http.ResponseWriter, *http.Request) { <-stop })
	defer close(stop)
	answers := replica(t, status(204))
	c := client(t, call.Config{Timeout: time.Second}, hangs.url, answers.url)
	for range 2 {
		_, err := c.Do(t.Context(), get("/x"))
		require.NoError(t, err)
	}
	require.Equal(t, int64(2), answers.asked.Load())
}

func TestProblemsComeBackAsTheyWereReturned(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	var fields problem.Fields
	fields.Add("body", "is empty: write something")
	want := map[string]error{
		"/missing": problem.New(problem.NotFound, "there is no post 7"),
		"/fields":  fields.Err(),
		"/moved":   problem.Elsewhere("comments", 4, "another host owns it"),
		"/between": problem.Elsewhere("", 5, "nobody does"),
	}
	for path, err := range want {
		e.GET(path, func(echo.Context) error { return err })
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	c := client(t, call.Config{}, s.URL)
	for path, err := range want {
		answer, got := c.Do(t.Context(), get(path))
		require.Equal(t, err, got)
		require.NotZero(t, answer.Status)
	}
}

func TestOtherAnswersAreErrorsWithoutBlame(t *testing.T) {
	c := client(t, call.Config{}, replica(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		http.Error(w, "broken", 500)
	}).url)
	for path, want := range map[string]string{
		"/x":     "monolith answered GET /x with 500 and no problem",
		"/moved": "monolith answered GET /moved with 302 and no problem",
	} {
		_, err := c.Do(t.Context(), get(path))
		require.EqualError(t, err, want)
		require.False(t, call.IsUnavailable(err))
	}
}

func TestJSONGoesOutAndComesIn(t *testing.T) {
	p := replica(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"method": r.Method, "query": r.URL.RawQuery, "type": r.Header.Get("Content-Type"), "extra": r.Header.Get("X-Extra"), "body": string(body),
		})
	})
	c, out := client(t, call.Config{}, p.url), map[string]string{}
	header := http.Header{"X-Extra": {"e"}}
	require.NoError(t, c.JSON(t.Context(), "POST", "/a?b=c", header, map[string]int{"n": 1}, &out))
	require.Equal(t, map[string]string{"method": "POST", "query": "b=c", "type": "application/json", "extra": "e", "body": `{"n":1}`}, out)
	require.Len(t, header, 1, "the caller's header is left alone")
	require.ErrorContains(t, c.JSON(t.Context(), "GET", "/", nil, nil, new(int)), "read the answer of monolith to GET /")
	require.ErrorContains(t, c.JSON(t.Context(), "GET", "/", nil, make(chan int), nil), "encode what monolith is asked")
}

func TestAnAnswerIsBounded(t *testing.T) {
	p := replica(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) })
	_, err := client(t, call.Config{MaxBody: 100}, p.url).Do(t.Context(), get("/"))
	require.NoError(t, err)
	_, err = client(t, call.Config{MaxBody: 99}, p.url).Do(t.Context(), get("/"))
	require.ErrorContains(t, err, "is larger than 99 bytes")
	require.False(t, call.IsUnavailable(err), "it would be as large again")
	require.Equal(t, int64(2), p.asked.Load())
}

func TestAnAnswerMayBeLargeUnlessItIsSaid(t *testing.T) {
	const n = 20 << 20
	p := replica(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", n)) })
	answer, err := client(t, call.Config{Timeout: time.Minute}, p.url).Do(t.Context(), get("/"))
	require.NoError(t, err)
	require.Len(t, answer.Body, n)
}

func TestTraceAndRequestIDTravel(t *testing.T) {
	var got atomic.Pointer[http.Header]
	c := client(t, call.Config{}, replica(t, func(_ http.ResponseWriter, r *http.Request) { h := r.Header.Clone(); got.Store(&h) }).url)
	trace := telemetry.NewTrace()
	_, err := c.Do(telemetry.WithRequestID(telemetry.WithTrace(t.Context(), trace), "r-1"), get("/"))
	require.NoError(t, err)
	there, ok := telemetry.ParseTraceparent(got.Load().Get("Traceparent"))
	require.True(t, ok)
	require.Equal(t, trace.ID(), there.ID())
	require.NotEqual(t, trace.String(), there.String())
	require.Equal(t, "r-1", got.Load().Get("X-Request-Id"))
	require.NotContains(t, *got.Load(), "Idempotency-Key", "that it is repeatable is for us alone")
}

func TestAPeerThatIsDownIsNotAskedForAWhile(t *testing.T) {
	var up atomic.Bool
	p := replica(t, func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(503)
		}
	})
	registry := prometheus.NewRegistry()
	c := client(t, call.Config{Breaker: call.Breaker{Failures: 3, OpenFor: 200 * time.Millisecond}, Registerer: registry}, p.url)
	ask := func() error { _, err := c.Do(t.Context(), call.Request{Method: "PATCH", Path: "/"}); return err }
	for range 3 {
		require.ErrorContains(t, ask(), "it answered 503")
	}
	for range 5 {
		require.ErrorContains(t, ask(), "it did not answer a moment ago")
	}
	require.True(t, call.IsUnavailable(ask()))
	require.Equal(t, int64(3), p.asked.Load())
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP call_breaker_open 1 while calls to a peer are not made, 0.5 while one tries, else 0.
# TYPE call_breaker_open gauge
call_breaker_open{peer="monolith"} 1
# HELP calls_total Calls to other hosts, by peer and outcome: ok, problem, unavailable, open (not asked), cancelled, failed.
# TYPE calls_total counter
calls_total{outcome="open",peer="monolith"} 6
calls_total{outcome="unavailable",peer="monolith"} 3
`), "calls_total", "call_breaker_open"))
	up.Store(true)
	require.Eventually(t, func() bool { return ask() == nil }, 10*time.Second, 10*time.Millisecond, "one try finds it back")
	require.NoError(t, ask())
}

func TestWhoGoesAwayBreaksNothing(t *testing.T) {
	stop := make(chan struct{})
	p := replica(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-stop
		}
	})
	defer close(stop)
	c := client(t, call.Config{Breaker: call.Breaker{Failures: 1}}, p.url)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		before := p.asked.Load()
		done := make(chan error, 1)
		go func() { _, err := c.Do(ctx, get("/slow")); done <- err }()
		require.Eventually(t, func() bool { return p.asked.Load() > before }, 10*time.Second, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
	_, err := c.Do(t.Context(), get("/"))
	require.NoError(t, err)
}

func TestAProblemIsNoFailureOfThePeer(t *testing.T) {
	c := client(t, call.Config{Breaker: call.Breaker{Failures: 1}}, replica(t, status(500)).url)
	for range 5 {
		_, err := c.Do(t.Context(), get("/"))
		require.ErrorContains(t, err, "with 500")
	}
}

func TestAConfigurationThatCantBeIsNamed(t *testing.T) {
	for list, want := range map[string]string{
		"":                             "MONOLITH_URLS is not set: write base URLs",
		"monolith:8080":                `MONOLITH_URLS has "monolith:8080", which is no base URL`,
		"http://a:1,ftp://b":           `has "ftp://b"`,
		"http://a:1?x=1":               "no base URL",
		"http://a:1,http://a:1/":       "names http://a:1 twice",
		"http://user:secret@host:8080": `has "…@host:8080"`,
	} {
		_, err := call.URLs("MONOLITH_URLS", list)
		require.ErrorContains(t, err, want)
	}
	urls, err := call.URLs("X", " http://a:1/ ,https://b/base/")
	require.NoError(t, err)
	require.Equal(t, []string{"http://a:1", "https://b/base"}, urls)
	_, err = call.New(call.Config{URLs: urls})
	require.EqualError(t, err, "call: Name is empty: name the peer")
	_, err = call.New(call.Config{Name: "x", URLs: urls, Timeout: -1})
	require.ErrorContains(t, err, "a bound is negative")
	_, err = call.New(call.Config{Name: "x"})
	require.ErrorContains(t, err, "call x: URLs is not set")
}

func TestSeveralClientsShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	for _, name := range []string{"a", "b", "a"} {
		_, err := call.New(call.Config{Name: name, URLs: []string{"http://x"}, Registerer: registry})
		require.NoError(t, err)
	}
}
