package dataplane_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/gateway/internal/upstream"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps the Date header's clock for the life of the process, and
		// looks after its idle workers for ten seconds longer than it serves.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const wait = 10 * time.Second

// rig is a data plane on a real port.
type rig struct {
	addr    string
	url     string
	current *currenttest.Rig
	server  *dataplane.Server
	client  *http.Client
	drained bool
}

func newRig(t testing.TB, config string) *rig {
	return newRigWith(t, config, dataplane.DefaultLimits())
}

func newRigWith(t testing.TB, config string, limits dataplane.Limits) *rig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return newRigOn(t, ln, config, limits)
}

func newRigOn(t testing.TB, ln net.Listener, config string, limits dataplane.Limits) *rig {
	t.Helper()
	now := currenttest.New(t)
	require.NoError(t, now.Apply("file", "gateway.yaml", []byte(config), current.Any))
	r := &rig{addr: ln.Addr().String(), url: "http://" + ln.Addr().String(), current: now, server: dataplane.New(ln, now.Current, now.Lasting.Metrics, now.Logger, limits)}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	r.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve() }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if !r.drained {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			_ = r.server.Drain(ctx)
		}
		require.NoError(t, <-served)
		now.Close(t)
	})
	return r
}

// owner starts an application. Probes don't reach the handler.
func owner(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			h(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// oneOwner is the configuration of everything to these replicas, named r0, r1, ...
func oneOwner(extra string, urls ...string) string {
	var b strings.Builder
	b.WriteString("revision: 1\nowners:\n  app:\n    health: {interval: 50ms, timeout: 1s}\n")
	if extra != "" {
		b.WriteString("    " + extra + "\n")
	}
	b.WriteString("    replicas:\n")
	for i, u := range urls {
		fmt.Fprintf(&b, "      - {name: r%d, url: %q}\n", i, u)
	}
	b.WriteString("routes:\n  - {match: {path: \"/*\"}, owner: app}\n")
	return b.String()
}

// replica is the first one of the first owner.
func (r *rig) replica() *upstream.Replica {
	return r.current.Snapshot().Table.Owners[0].Group.Replicas()[0]
}

func (r *rig) do(t testing.TB, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := r.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func (r *rig) get(t testing.TB, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.url+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	return r.do(t, req)
}

// raw is a connection to the gateway for what a proper client wouldn't send.
type raw struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (r *rig) raw(t testing.TB) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(wait)))
	return &raw{t, conn, bufio.NewReader(conn)}
}

func (c *raw) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(c.t, err)
}

// answer reads one answer.
func (c *raw) answer(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	require.NoError(c.t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	return res, string(body)
}

// closed tells that the gateway has ended the connection.
func (c *raw) closed() {
	c.t.Helper()
	_, err := c.r.ReadByte()
	require.Error(c.t, err, "the connection should be closed")
	require.NotErrorIs(c.t, err, os.ErrDeadlineExceeded, "the connection should be closed")
}

// rawOwner is an owner that speaks for itself over sockets.
func rawOwner(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				first, err := r.Peek(10)
				if err != nil {
					return
				}
				if string(first) == "GET /livez" { // a probe
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					return
				}
				serve(c, r)
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}
