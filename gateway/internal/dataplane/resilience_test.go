package dataplane_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/gateway/internal/resilience"
)

func (r *rig) guard() resilience.Figures {
	return r.current.Snapshot().Table.Owners[0].Guard.Figures(time.Now())
}

func TestAnOwnerGetsNoMoreAtOnceThanItMayHave(t *testing.T) {
	proceed := make(chan struct{})
	app := owner(t, func(http.ResponseWriter, *http.Request) { <-proceed })
	r := newRig(t, oneOwner("max_in_flight: 2", app.URL))
	done := make(chan int, 2)
	for range 2 {
		go func() {
			res, _ := r.get(t, "/")
			done <- res.StatusCode
		}()
	}
	require.Eventually(t, func() bool { return r.guard().InFlight == 2 }, wait, time.Millisecond)
	res, body := r.get(t, "/")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	require.Contains(t, body, "urn:banyan:problem:overloaded")
	close(proceed)
	require.Equal(t, 200, <-done)
	require.Equal(t, 200, <-done)
	require.Eventually(t, func() bool { return r.guard().InFlight == 0 }, wait, time.Millisecond)
	require.Equal(t, uint64(1), r.guard().Full)
}

func TestAFailingOwnerIsLeftAloneAndComesBack(t *testing.T) {
	var broken atomic.Bool
	var asked atomic.Int64
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	r := newRig(t, oneOwner("breaker: {errors: 50, of: 10, within: 10s, open_for: 100ms}", app.URL))
	broken.Store(true)
	require.Eventually(t, func() bool {
		res, _ := r.get(t, "/")
		return res.StatusCode == 503
	}, wait, time.Millisecond)
	before := asked.Load()
	require.LessOrEqual(t, before, int64(11), "ten failures are enough")
	res, _ := r.get(t, "/")
	require.Equal(t, 503, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	require.Equal(t, "gateway", res.Header.Get("X-Served-By"))

	broken.Store(false)
	require.Eventually(t, func() bool {
		r.get(t, "/")
		return r.guard().Breaker == resilience.Closed
	}, wait, time.Millisecond)
	res, _ = r.get(t, "/")
	require.Equal(t, 200, res.StatusCode)
}

// A 404 is an answer, and a client's own fault says nothing about an owner.
func TestProperAnswersOpenNoBreaker(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		w.WriteHeader(status)
	})
	r := newRig(t, oneOwner("breaker: {errors: 1, of: 2, within: 10s, open_for: 1h}", app.URL))
	for _, status := range []int{404, 400, 401, 403, 409, 412, 429, 501, 505} {
		res, _ := r.get(t, fmt.Sprint("/?status=", status))
		require.Equal(t, status, res.StatusCode)
	}
	require.Equal(t, resilience.Closed, r.guard().Breaker)
}

// dropping is an owner that closes the connection instead of answering.
func dropping(t testing.TB, asked *atomic.Int64) string {
	return rawOwner(t, func(_ net.Conn, r *bufio.Reader) {
		if _, err := r.ReadString('\n'); err == nil {
			asked.Add(1)
		}
	})
}

func TestRetriesStayWithinTheirBudget(t *testing.T) {
	var asked atomic.Int64
	r := newRig(t, oneOwner("retries: {budget: 20, min_per_second: 1, attempts: 3}", dropping(t, &asked), dropping(t, &asked)))
	const requests = 200
	for range requests {
		res, _ := r.get(t, "/")
		require.Contains(t, []int{502, 503}, res.StatusCode)
	}
	f := r.guard()
	t.Logf("%d requests, sent %d times, %d retries refused", requests, asked.Load(), f.RetriesRefused)
	require.Positive(t, f.Retries)
	require.Positive(t, f.RetriesRefused)
	require.LessOrEqual(t, f.Retries, uint64(requests/5+60), "a fifth, and what the floor gave in this time")
	require.LessOrEqual(t, uint64(asked.Load()), requests+f.Retries, "an outage is not multiplied")
}

func TestNoBudgetNoRetry(t *testing.T) {
	var asked atomic.Int64
	r := newRig(t, oneOwner("retries: {budget: 0}", dropping(t, &asked), dropping(t, &asked)))
	res, _ := r.get(t, "/")
	require.Equal(t, 502, res.StatusCode)
	require.Equal(t, int64(1), asked.Load())
}

func TestAReplicaWhoseAnswersFailIsEjected(t *testing.T) {
	ill := owner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	well := owner(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, oneOwner("outliers: {consecutive: 3, eject_for: 1h, max_ejected: 50}", ill.URL, well.URL))
	failures := 0
	for range 40 {
		if res, _ := r.get(t, "/"); res.StatusCode == 500 {
			failures++
		}
	}
	require.Equal(t, 3, failures, "three in a row, and no more")
	require.False(t, r.replica().Healthy())
	require.True(t, r.replica().Up(), "its probes still succeed")
}

func TestAClientIsHeldToItsRate(t *testing.T) {
	app := owner(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, strings.Replace(oneOwner("", app.URL), "owner: app}", `owner: app, rate_limit: {requests: 1, per: 1h, burst: 3, by: "cookie:plan"}}
clients: {rate_limit: {requests: 1, per: 1h, burst: 8, by: address}}`, 1))
	allowed := func(cookie string) int {
		for n := 0; ; n++ {
			res, body := r.get(t, "/", "Cookie", cookie)
			if res.StatusCode == 429 {
				after, err := strconv.Atoi(res.Header.Get("Retry-After"))
				require.NoError(t, err)
				require.Positive(t, after)
				require.LessOrEqual(t, after, 3600)
				require.Contains(t, body, "urn:banyan:problem:rate-limited")
				return n
			}
			require.Equal(t, 200, res.StatusCode)
		}
	}
	require.Equal(t, 3, allowed("plan=gold"))
	require.Equal(t, 3, allowed("plan=iron"), "each by itself")
	// Each asked four times; the fourth of each counted for the address too: eight.
	require.Equal(t, 0, allowed(""), "over all routes the address counts")
}

// Who sends no body is at fault, and not the owner that waits for it: else a few
// idle connections would open the breaker for everybody.
func TestAClientThatSendsNoBodyOpensNoBreaker(t *testing.T) {
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	limits := dataplane.DefaultLimits()
	limits.BodyStall = 150 * time.Millisecond
	r := newRigWith(t, oneOwner("timeout: 50ms\n    breaker: {errors: 50, of: 5, within: 10s, open_for: 1h}", app.URL), limits)
	for range 6 {
		c := r.raw(t)
		c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		res, _ := c.answer("POST")
		require.Equal(t, 408, res.StatusCode)
	}
	require.Equal(t, resilience.Closed, r.guard().Breaker)
	require.Zero(t, r.replica().Figures().Failures)
}

// An owner that answers while the client still sends may be as silent as its answer's
// nature is.
func TestAnAnswerBesideItsUploadKeepsItsOwnTime(t *testing.T) {
	proceed := make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		_, _ = r.Body.Read(make([]byte, 10))
		<-proceed
		fmt.Fprint(w, "data: two\n\n")
	})
	r := newRig(t, oneOwner("timeout: 50ms", app.URL))
	c := r.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
	res, err := http.ReadResponse(c.r, &http.Request{Method: "POST"})
	require.NoError(t, err)
	defer res.Body.Close()
	c.send("3\r\nabc\r\n")
	time.AfterFunc(300*time.Millisecond, func() { close(proceed) })
	line, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, "data: one\n\ndata: two\n\n", string(line))
}

// A stream of events lasts for hours: it takes nobody's place.
func TestStreamsOfEventsTakeNobodysPlace(t *testing.T) {
	ended := make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-ended
	})
	defer close(ended)
	r := newRig(t, oneOwner("max_in_flight: 2", app.URL))
	for range 3 {
		res, err := r.client.Get(r.url + "/events")
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
		defer res.Body.Close()
	}
	res, _ := r.get(t, "/")
	require.Equal(t, 200, res.StatusCode)
	require.Eventually(t, func() bool { return r.guard().InFlight == 0 }, wait, time.Millisecond)
	require.Zero(t, r.current.Snapshot().Routes[0].Gate.Figures().InFlight)
}

// An owner that only gets upgrades proves itself by them.
func TestUpgradesCloseABreaker(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for {
			text, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if text == "\r\n" {
				break
			}
		}
		if broken.Load() {
			_, _ = io.WriteString(c, "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	})
	r := newRig(t, oneOwner("breaker: {errors: 50, of: 3, within: 10s, open_for: 50ms}", app))
	upgrade := func() int {
		c := r.raw(t)
		c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		res, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
		require.NoError(t, err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	require.Eventually(t, func() bool { return upgrade() == 503 }, wait, time.Millisecond)
	broken.Store(false)
	require.Eventually(t, func() bool { upgrade(); return r.guard().Breaker == resilience.Closed }, wait, time.Millisecond)
}

func TestAKeptConnectionThatWasClosedTakesNoRetrysPlace(t *testing.T) {
	for _, retries := range []string{"{attempts: 1}", "{budget: 0}", "{attempts: 3}"} {
		var seen atomic.Int64
		r := newRig(t, oneOwner("retries: "+retries, mortal(t, &seen)))
		for range 20 {
			res, _ := r.get(t, "/")
			require.Equal(t, 200, res.StatusCode, retries)
		}
		require.Zero(t, r.guard().Retries)
	}
}

func TestACanarysOwnerHasItsOwnTimeout(t *testing.T) {
	proceed := make(chan struct{})
	defer close(proceed)
	old := owner(t, func(http.ResponseWriter, *http.Request) {})
	slow := owner(t, func(http.ResponseWriter, *http.Request) { <-proceed })
	config := twoOwners(1, old.URL, slow.URL, "", canaryAt("100"))
	r := newRig(t, strings.Replace(config, "new: {", "new: {timeout: 50ms, ", 1))
	res, _ := r.get(t, "/")
	require.Equal(t, 504, res.StatusCode)
}

func TestWhatIsRefusedBeforeAnOwnerIsCountedUnderItsRoute(t *testing.T) {
	app := owner(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, strings.Replace(oneOwner("", app.URL), "owner: app}", `owner: app, rate_limit: {requests: 1, per: 1h, burst: 1}}`, 1))
	r.get(t, "/")
	r.get(t, "/")
	route := r.current.Snapshot().Routes[0]
	require.Equal(t, uint64(1), route.Baseline.Read().Requests)
	require.Equal(t, uint64(1), route.Refusals.Read().Requests)
	require.Equal(t, uint64(1), route.Baseline.Read().Limited)
}

// A stream that says nothing has no end of its own: a drain that is out of time cuts it,
// for HTTP/1.0 too, where the answer ends with its connection.
func TestADrainCutsSilentStreams(t *testing.T) {
	ended := make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-ended
	})
	defer close(ended)
	r := newRig(t, oneOwner("", app.URL))
	c := r.raw(t)
	c.send("GET / HTTP/1.0\r\n\r\n")
	_, err := http.ReadResponse(c.r, &http.Request{Method: "GET"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	r.drained = true
	drained := make(chan error, 1)
	go func() { drained <- r.server.Drain(ctx) }()
	select {
	case <-drained:
	case <-time.After(wait):
		t.Fatal("the drain never ends")
	}
	c.closed()
}

// The answer to HTTP/1.0 without a length takes the connection over; a client that
// reads nothing of it is cut all the same.
func TestAReaderOfNothingIsCutInATunnelToo(t *testing.T) {
	var left atomic.Bool
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/endless" {
			return
		}
		defer left.Store(true)
		for piece := make([]byte, 64<<10); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	limits := dataplane.DefaultLimits()
	limits.WriteStall = 200 * time.Millisecond
	r := newRigWith(t, oneOwner("", app.URL), limits)
	c := r.raw(t)
	c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /endless HTTP/1.0\r\n\r\n")
	require.Eventually(t, left.Load, wait, 5*time.Millisecond)
}
