package browsertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/dataplane"
)

const token = "the-admin-token-of-this-test"

// configuration has a canary, a shadow that answers otherwise, and three owners.
const configuration = `revision: %d
owners:
  monolith:
    health: {interval: 100ms}
    affinity: {session_cookie: session}
    breaker: {errors: 50}
    max_in_flight: 64
    topology: {path: /topology}
    replicas:
      - {name: monolith-0, url: %q}
      - {name: monolith-1, url: %q}
  comments: # the new one
    topology: {path: /topology}
    replicas: [{name: comments-0, url: %q}]
routes:
  - name: comments-read
    match: {path: "/api/v1/posts/{id}/comments", methods: [GET, HEAD]}
    owner: monolith
    canary: {owner: comments, percent: 25, by: user} # by and by
  - name: search
    match: {path: /search}
    owner: monolith
    shadow: {owner: comments, percent: 100, compare: {again: 10ms}}
  - {match: {path: "/*"}, owner: monolith}
`

// stage is a gateway, what stands behind it, and people who use it.
type stage struct {
	t        *testing.T
	current  *currenttest.Rig
	control  *control.Server
	admin    string // where the page is
	public   string
	replicas [3]*httptest.Server
}

// text is the configuration under a revision.
func (s *stage) text(revision int) string {
	return fmt.Sprintf(configuration, revision, s.replicas[0].URL, s.replicas[1].URL, s.replicas[2].URL)
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, current: currenttest.New(t)}
	s.replicas = [3]*httptest.Server{application("monolith", "postgres"), application("monolith", "postgres"), application("comments", "redis")}
	require.NoError(t, s.current.Apply("file", "gateway.yaml", []byte(s.text(7)), current.Any))
	s.serve()
	ctx, stop := context.WithCancel(context.Background())
	var people sync.WaitGroup
	for range 6 {
		people.Go(func() { s.visit(ctx) })
	}
	t.Cleanup(func() { stop(); people.Wait() })
	return s
}

// serve opens both ports.
func (s *stage) serve() {
	public, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	s.public, s.admin = "http://"+public.Addr().String(), "http://"+admin.Addr().String()
	s.control = control.New(control.Options{Name: "gateway-0", Version: "test", Token: token, Holds: s.current.Lasting.Holds}, s.current.Current, s.current.Registry, s.current.Logger)
	data := dataplane.New(public, s.current.Current, s.current.Lasting.Metrics, s.current.Logger, dataplane.DefaultLimits())
	served := make(chan error, 2)
	go func() { served <- s.control.Serve(admin) }()
	go func() { served <- data.Serve() }()
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.current.Lasting.Holds.Close()
		_ = data.Drain(ctx)
		require.NoError(s.t, s.control.Close(ctx))
		require.NoError(s.t, <-served)
		require.NoError(s.t, <-served)
		for _, replica := range s.replicas {
			replica.Close()
		}
		s.current.Close(s.t)
	})
}

// application answers as its name says, and tells what it uses.
func application(name, kind string) *httptest.Server {
	var served atomic.Uint64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/livez":
			return
		case r.URL.Path == "/topology":
			fmt.Fprintf(w, `{"host":%q,"version":"v2","uses":[{"kind":%q,"name":%q,"address":"user:secret@10.0.0.9:5432"},{"kind":"kafka","name":"events","topics":["blog.comments"]}]}`, name, kind, name+"-data")
			return
		}
		if _, err := r.Cookie("session"); err != nil {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "s", Path: "/", HttpOnly: true})
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"owner":%q,"items":[1,2,3],"page":{"size":%d}}`, name, len(name))
		served.Add(1)
	}))
}

// visit is one person after another, with cookies of their own.
func (s *stage) visit(ctx context.Context) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for ctx.Err() == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return
		}
		client := &http.Client{Transport: transport, Jar: jar}
		for _, path := range strings.Fields("/ /api/v1/posts/1/comments /search /api/v1/posts/2/comments /about") {
			s.get(ctx, client, path)
		}
	}
}

func (s *stage) get(ctx context.Context, client *http.Client, path string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.public+path, nil)
	if err != nil {
		return
	}
	if res, err := client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond): // little traffic: the machine is the browser's too
	}
}

// route is one as the status tells it.
func (s *stage) route(name string) status.Route {
	for _, r := range s.control.Status().Routes {
		if r.Name == name {
			return r
		}
	}
	s.t.Fatalf("no route %s", name)
	return status.Route{}
}
