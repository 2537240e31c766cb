package dataplane_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

// nobody is a URL where no one listens.
func nobody(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return "http://" + ln.Addr().String()
}

func problemKind(t testing.TB, body string) string {
	t.Helper()
	var p struct {
		Type string `json:"type"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &p), body)
	return strings.TrimPrefix(p.Type, "urn:banyan:problem:")
}

func TestALateOwnerIsATimeout(t *testing.T) {
	left := make(chan struct{})
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		left <- struct{}{}
	})
	r := newRig(t, oneOwner("timeout: 150ms", app.URL))
	for _, method := range []string{"GET", "POST"} {
		began := time.Now()
		req, err := http.NewRequest(method, r.url, strings.NewReader("x"))
		require.NoError(t, err)
		res, body := r.do(t, req)
		require.Equal(t, 504, res.StatusCode)
		require.Equal(t, "timeout", problemKind(t, body))
		require.Less(t, time.Since(began), 5*time.Second)
		<-left
	}
}

func TestRoutesHaveTheirOwnDeadline(t *testing.T) {
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r := newRig(t, fmt.Sprintf("owners: {app: {timeout: 1h, replicas: [{name: a, url: %q}]}}\nroutes: [{match: {path: \"/*\"}, owner: app, timeout: 100ms}]", app.URL))
	res, _ := r.get(t, "/")
	require.Equal(t, 504, res.StatusCode)
}

func TestARefusedReplicaIsSkippedForAnyMethodAndComesBack(t *testing.T) {
	alive := owner(t, echoes("alive"))
	gone := nobody(t)
	r := newRig(t, oneOwner("", gone, alive.URL))
	for range 20 {
		req, err := http.NewRequest("POST", r.url, strings.NewReader("x"))
		require.NoError(t, err)
		res, body := r.do(t, req)
		require.Equal(t, 200, res.StatusCode, body)
		require.Equal(t, "app/r1", res.Header.Get("X-Served-By"))
	}
	replicas := r.current.Snapshot().Table.Owners[0].Group.Replicas()
	require.False(t, replicas[0].Healthy())
	require.Contains(t, replicas[0].Verdict().Reason, "refused")

	ln, err := net.Listen("tcp", strings.TrimPrefix(gone, "http://"))
	require.NoError(t, err)
	back := &httptest.Server{Listener: ln, Config: &http.Server{Handler: echoes("back")}}
	back.Start()
	defer back.Close()
	require.Eventually(t, func() bool {
		res, _ := r.get(t, "/")
		return res.Header.Get("X-Served-By") == "app/r0"
	}, wait, 10*time.Millisecond, "probes bring it back")
}

func TestTheLoadOfAnIllReplicaIsSharedByAllOthers(t *testing.T) {
	var urls []string
	for range 3 {
		urls = append(urls, owner(t, echoes("app")).URL)
	}
	r := newRig(t, oneOwner("", append(urls, nobody(t))...))
	ill := r.current.Snapshot().Table.Owners[0].Group.Replicas()[3]
	require.Eventually(t, func() bool { return !ill.Healthy() }, wait, time.Millisecond)
	served := map[string]int{}
	for range 30 {
		res, _ := r.get(t, "/")
		served[res.Header.Get("X-Served-By")]++
	}
	require.Equal(t, map[string]int{"app/r0": 10, "app/r1": 10, "app/r2": 10}, served)
}

func TestNobodyHealthyIsToldAtOnce(t *testing.T) {
	r := newRig(t, oneOwner("", nobody(t)))
	require.Eventually(t, func() bool { return !r.current.Snapshot().Table.Owners[0].Group.Replicas()[0].Healthy() }, wait, time.Millisecond)
	began := time.Now()
	res, body := r.get(t, "/")
	require.Less(t, time.Since(began), 100*time.Millisecond)
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	require.Equal(t, "unavailable", problemKind(t, body))
}

func TestAReplicaThatDrainsGetsNothingMore(t *testing.T) {
	var draining atomic.Bool
	var urls []string
	for i := range 2 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" && i == 0 && draining.Load() {
				w.WriteHeader(503)
			}
		}))
		defer s.Close()
		urls = append(urls, s.URL)
	}
	r := newRig(t, strings.Replace(oneOwner("", urls...), "health: {", "health: {path: /readyz, ", 1))
	draining.Store(true)
	replicas := r.current.Snapshot().Table.Owners[0].Group.Replicas()
	require.Eventually(t, func() bool { return !replicas[0].Healthy() }, wait, time.Millisecond)
	for range 5 {
		res, _ := r.get(t, "/")
		require.Equal(t, "app/r1", res.Header.Get("X-Served-By"))
	}
	draining.Store(false)
	require.Eventually(t, func() bool { return replicas[0].Healthy() }, wait, time.Millisecond)
}

// mortal answers one request on each connection and hangs up at the second.
func mortal(t testing.TB, seen *atomic.Int64) string {
	return rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for i := range 2 {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			seen.Add(1)
			if i == 0 {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}
	})
}

func TestADeadKeptConnectionIsRepeatedForIdempotentRequestsOnly(t *testing.T) {
	for method, want := range map[string]struct {
		status int
		seen   int64
	}{
		"GET": {200, 3}, "PUT": {200, 3}, "DELETE": {200, 3},
		"POST": {502, 2}, "PATCH": {502, 2},
	} {
		var seen atomic.Int64
		r := newRig(t, oneOwner("", mortal(t, &seen)))
		res, _ := r.get(t, "/first")
		require.Equal(t, 200, res.StatusCode)
		req, err := http.NewRequest(method, r.url+"/second", strings.NewReader("x"))
		require.NoError(t, err)
		res, body := r.do(t, req)
		require.Equal(t, want.status, res.StatusCode, method)
		require.Equal(t, want.seen, seen.Load(), "%s: never sent again once its bytes were sent", method)
		if want.status == 502 {
			require.Equal(t, "bad-gateway", problemKind(t, body))
		}
	}
}

func TestAPostIsNotSentOverAConnectionThatWasClosed(t *testing.T) {
	for range 20 {
		app := httptest.NewServer(echoes("app"))
		r := newRig(t, oneOwner("", app.URL))
		_, _ = r.get(t, "/")
		app.CloseClientConnections()
		req, err := http.NewRequest("POST", r.url, strings.NewReader("x"))
		require.NoError(t, err)
		res, body := r.do(t, req)
		require.Equal(t, 200, res.StatusCode, body)
		app.Close()
	}
}

func TestAReplicaThatRestartsCostsNoIdempotentRequest(t *testing.T) {
	steady := owner(t, echoes("steady"))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := ln.Addr().String()
	start := func(ln net.Listener) *httptest.Server {
		s := &httptest.Server{Listener: ln, Config: &http.Server{Handler: echoes("restarts")}}
		s.Start()
		return s
	}
	s := start(ln)
	r := newRig(t, oneOwner("", "http://"+address, steady.URL))
	stop, failed := make(chan struct{}), make(chan string, 4)
	for range 4 {
		go func() {
			for {
				select {
				case <-stop:
					failed <- ""
					return
				default:
				}
				res, err := r.client.Get(r.url)
				if err != nil {
					failed <- err.Error()
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 {
					failed <- res.Status
					return
				}
			}
		}()
	}
	for range 10 {
		s.CloseClientConnections()
		s.Close()
		require.Eventually(t, func() bool { ln, err = net.Listen("tcp", address); return err == nil }, wait, time.Millisecond)
		s = start(ln)
		replica := r.current.Snapshot().Table.Owners[0].Group.Replicas()[0]
		require.Eventually(t, replica.Healthy, wait, time.Millisecond)
	}
	close(stop)
	for range 4 {
		require.Empty(t, <-failed)
	}
	s.Close()
}

func TestAnUnreadableAnswerIsABadGateway(t *testing.T) {
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "what?\r\n\r\n")
		}
	})
	r := newRig(t, oneOwner("", app))
	res, _ := r.get(t, "/")
	require.Equal(t, 502, res.StatusCode)
}

func TestLimits(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			fmt.Fprint(w, len(body))
		}
	})
	limits := dataplane.DefaultLimits()
	limits.Header, limits.HeadTime, limits.BodyStall = 4096, 150*time.Millisecond, 150*time.Millisecond
	r := newRigWith(t, fmt.Sprintf("owners: {app: {replicas: [{name: a, url: %q}]}}\nroutes: [{match: {path: \"/*\"}, owner: app, max_body: 10KiB}]", app.URL), limits)
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"long header":           {"GET / HTTP/1.1\r\nHost: blog\r\nX-A: " + strings.Repeat("a", 5000) + "\r\n\r\n", 431},
		"many headers":          {"GET / HTTP/1.1\r\nHost: blog\r\n" + strings.Repeat("X-A: b\r\n", 600) + "\r\n", 431},
		"endless header":        {"GET / HTTP/1.1\r\nHost: blog\r\nX-A: " + strings.Repeat("a", 500_000), 431},
		"long target":           {"GET /" + strings.Repeat("a", 5000) + " HTTP/1.1\r\nHost: blog\r\n\r\n", 431},
		"declared body":         {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 10241\r\n\r\n" + strings.Repeat("a", 10241), 413},
		"undeclared body":       {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n2801\r\n" + strings.Repeat("a", 10241) + "\r\n0\r\n\r\n", 413},
		"body within":           {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 10240\r\n\r\n" + strings.Repeat("a", 10240), 200},
		"head that never ends":  {"GET / HTTP/1.1\r\nHost: bl", 408},
		"short body, in part":   {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 10\r\n\r\nabc", 408},
		"long body, in part":    {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("a", 9000), 408},
		"chunked body, in part": {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", 408},
	} {
		t.Run(name, func(t *testing.T) {
			conn := r.raw(t)
			_, _ = io.WriteString(conn, c.request) // it may be cut off before its end
			res, body := conn.answer("POST")
			require.Equal(t, c.status, res.StatusCode)
			if c.status >= 400 {
				require.Contains(t, body, `"request_id":`)
				conn.closed()
			}
		})
	}
}
