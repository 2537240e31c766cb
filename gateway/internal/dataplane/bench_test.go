package dataplane_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	benchRequest = "GET /api/v1/posts/1 HTTP/1.1\r\nHost: blog.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: banyan_session=abcdefghijklmnop; banyan_replica=0123456789ab\r\n\r\n"
	benchAnswer  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 07:35:17 GMT\r\nContent-Length: 26\r\n\r\n{\"id\":\"1\",\"title\":\"Hello\"}"
)

// benchOwner answers over sockets without allocating, so that what a benchmark
// counts is the proxy's.
func benchOwner(b testing.TB) string {
	answer := []byte(benchAnswer)
	return rawOwner(b, func(c net.Conn, r *bufio.Reader) {
		for {
			for {
				text, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(text) == 2 {
					break
				}
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
}

// roundTrips sends one request after another over a connection for each worker.
func roundTrips(b *testing.B, addr, request string) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		r := bufio.NewReaderSize(conn, 8<<10)
		out := []byte(request)
		for pb.Next() {
			if _, err := conn.Write(out); err != nil {
				b.Error(err)
				return
			}
			if err := skipAnswer(r); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// skipAnswer reads an answer whose body has 26 bytes.
func skipAnswer(r *bufio.Reader) error {
	first := true
	for {
		text, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(text, []byte("HTTP/1.1 200")) {
			return http.ErrNotSupported
		}
		first = false
		if len(text) == 2 {
			_, err := r.Discard(26)
			return err
		}
	}
}

func BenchmarkGateway(b *testing.B) {
	r := newRig(b, oneOwner("", benchOwner(b)))
	b.ResetTimer()
	roundTrips(b, r.addr, benchRequest)
}

// Everything a route can have, and nothing of it in the way: what a careful team's
// file costs.
const benchLimits = `max_in_flight: 512, retries: {budget: 20}, breaker: {errors: 50}, outliers: {consecutive: 5},
    affinity: {session_cookie: banyan_session, cookie: banyan_replica_%s},`

func policies(b testing.TB, route string) string {
	app := benchOwner(b)
	text := twoOwners(1, app, app, "LIMITS", `rate_limit: {requests: 1000000, per: 1s, by: address}
    hold: {max_wait: 5s}
    `+route)
	text = strings.Replace(text, "LIMITS", fmt.Sprintf(benchLimits, "old"), 1)
	return strings.Replace(text, "LIMITS", fmt.Sprintf(benchLimits, "new"), 1)
}

func BenchmarkGatewayWithPolicies(b *testing.B) {
	for _, c := range []struct{ name, route string }{
		{"quiet", "canary: {owner: new, percent: 0, by: user}"},
		{"canary", "canary: {owner: new, percent: 50, by: user}"},
		{"shadow", "shadow: {owner: new, percent: 10}"},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := newRig(b, policies(b, c.route))
			b.ResetTimer()
			roundTrips(b, r.addr, knownUser)
		})
	}
}

// knownUser is the benchmark's request of somebody who has the gateway's cookies.
var knownUser = strings.Replace(benchRequest, "banyan_replica=0123456789ab", "banyan_user=0123456789abcdef0123456789abcdef", 1)

// A proxied request allocates nothing, whatever policies it passes: the garbage
// collector has no part in its latency.
func TestAProxiedRequestAllocatesNothing(t *testing.T) {
	if withRace {
		t.Skip("the race detector makes pools forget things on purpose")
	}
	for name, config := range map[string]string{
		"plain": oneOwner("", benchOwner(t)), "others are told": notTold(t), "policies": policies(t, "canary: {owner: new, percent: 50, by: user}"),
	} {
		r := newRig(t, strings.ReplaceAll(config, "interval: 50ms", "interval: 1h")) // probes allocate
		conn, err := net.Dial("tcp", r.addr)
		require.NoError(t, err)
		in, out := bufio.NewReaderSize(conn, 8<<10), []byte(knownUser)
		trip := func() {
			_, err := conn.Write(out)
			require.NoError(t, err)
			require.NoError(t, skipAnswer(in))
		}
		for range 100 { // buffers grow to their size
			trip()
		}
		require.Zero(t, testing.AllocsPerRun(5000, trip), name)
		_ = conn.Close()
	}
}

// notTold is a file in which somebody is told who asks, and the route's owner isn't;
// and the route is about a resource.
func notTold(t testing.TB) string {
	app := benchOwner(t)
	text := strings.Replace(twoOwners(1, app, app, "", ""), "owner: old", "resource: x", 1)
	return strings.Replace(text, "owners:\n", "identity: {owner: new}\nresources: {x: {owner: old, epoch: 1}}\nowners:\n  third: {identity: true, address: \"http://127.0.0.1:1\", health: {interval: 1h}}\n", 1)
}

// BenchmarkReverseProxy is net/http on both sides, tuned, for comparison.
func BenchmarkReverseProxy(b *testing.B) {
	target, err := url.Parse(benchOwner(b))
	require.NoError(b, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host; p.SetXForwarded() },
		Transport: transport,
	}
	s := httptest.NewServer(proxy)
	defer s.Close()
	b.ResetTimer()
	roundTrips(b, s.Listener.Addr().String(), benchRequest)
}
