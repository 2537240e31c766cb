package dataplane_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
