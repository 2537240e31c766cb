package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/identity"
	"banyan.dev/platform/run"
	"banyan.dev/platform/watch"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const wait = 10 * time.Second

func configFor(t *testing.T, revision int, url string) string {
	t.Helper()
	return fmt.Sprintf("revision: %d\nowners: {app: {replicas: [{name: a, url: %q}]}}\nroutes: [{match: {path: \"/*\"}, owner: app}]\n", revision, url)
}

func testSettings(file string) settings {
	return settings{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Config: file, Token: "secret", Name: "gateway-0", Level: "info",
		Drain: 5 * time.Second, HeaderBytes: 16384, HeadTime: time.Second, BodyStall: time.Second, WriteStall: time.Second, Idle: time.Minute, Connections: 100,
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func TestTheGatewayServesFollowsItsFileAndDrains(t *testing.T) {
	one := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "one") }))
	defer one.Close()
	two := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "two") }))
	defer two.Close()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configFor(t, 1, one.URL)), 0o600))

	var started run.Stack
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, err := start(ctx, testSettings(file), slog.New(slog.DiscardHandler), &started)
	require.NoError(t, err)
	public, admin := "http://"+g.public.Addr().String(), "http://"+g.admin.Addr().String()
	require.Equal(t, "one", get(t, public))
	require.Equal(t, "ok\n", get(t, admin+"/readyz"))

	require.NoError(t, watch.Write(file, []byte(configFor(t, 2, two.URL)), 0o600))
	require.Eventually(t, func() bool { return g.current.Snapshot().Revision == 2 }, wait, time.Millisecond)
	require.Equal(t, "two", get(t, public))

	require.NoError(t, watch.Write(file, []byte("routes: oops\n"), 0o600))
	var status struct {
		Revision    int                     `json:"revision"`
		LastRefused struct{ Reason string } `json:"last_refused"`
	}
	require.Eventually(t, func() bool {
		require.NoError(t, json.Unmarshal([]byte(get(t, admin+"/api/status")), &status))
		return status.LastRefused.Reason != ""
	}, wait, 5*time.Millisecond)
	require.Equal(t, 2, status.Revision)
	require.Contains(t, status.LastRefused.Reason, "gateway.yaml:1: routes: must be a list")
	require.Equal(t, "two", get(t, public))

	require.NoError(t, started.Stop(ctx))
	_, err = net.Dial("tcp", g.public.Addr().String())
	require.Error(t, err)
}

func TestWhatKeepsTheGatewayFromStartingIsOneLine(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	require.NoError(t, os.WriteFile(good, []byte(configFor(t, 1, "http://127.0.0.1:1")), 0o600))
	require.NoError(t, os.WriteFile(bad, []byte("owners: {a: {address: \"http://a\"}}\nroutes: 1\n"), 0o600))
	asks := filepath.Join(dir, "asks.yaml")
	require.NoError(t, os.WriteFile(asks, []byte("clients: {session_cookie: s}\nidentity: {owner: a}\nowners: {a: {address: \"http://a\", identity: true}}\nroutes: [{match: {path: /}, owner: a}]\n"), 0o600))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, c := range map[string]struct {
		env  map[string]string
		says string
	}{
		"no file":          {map[string]string{"CONFIG_FILE": filepath.Join(dir, "none.yaml")}, "CONFIG_FILE: "},
		"bad file":         {map[string]string{"CONFIG_FILE": bad}, "bad.yaml:2: routes: must be a list"},
		"port taken":       {map[string]string{"LISTEN_ADDR": taken.Addr().String()}, "LISTEN_ADDR \"" + taken.Addr().String() + "\": "},
		"admin port taken": {map[string]string{"ADMIN_ADDR": taken.Addr().String()}, "ADMIN_ADDR \"" + taken.Addr().String() + "\": "},
		"open admin":       {map[string]string{"ADMIN_ADDR": "0.0.0.0:0"}, "ADMIN_TOKEN is empty: set a token, or bind 127.0.0.1"},
		"open admin, v6":   {map[string]string{"ADMIN_ADDR": ":0"}, "ADMIN_TOKEN is empty"},
		"bad address":      {map[string]string{"LISTEN_ADDR": "8000"}, `LISTEN_ADDR "8000" is no address`},
		"bad level":        {map[string]string{"LOG_LEVEL": "loud"}, `LOG_LEVEL "loud"`},
		"bad duration":     {map[string]string{"DRAIN_TIMEOUT": "0s"}, "DRAIN_TIMEOUT 0s is out of bounds"},
		"bad notice":       {map[string]string{"DRAIN_NOTICE": "-1s"}, "DRAIN_NOTICE -1s is out of bounds: use 0s or more"},
		"no duration":      {map[string]string{"DRAIN_TIMEOUT": "soon"}, `DRAIN_TIMEOUT "soon" is no time.Duration`},
		"no identity key":  {map[string]string{"CONFIG_FILE": asks}, "no key signs who asks: asks.yaml: identity: set IDENTITY_KEY"},
		"bad identity key": {map[string]string{"IDENTITY_KEY": "short"}, "IDENTITY_KEY: key 1 has 5 characters"},
		"small headers":    {map[string]string{"MAX_HEADER_BYTES": "10"}, "MAX_HEADER_BYTES 10 is out of bounds"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range map[string]string{"LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "ADMIN_TOKEN": "", "CONFIG_FILE": good, "LOG_LEVEL": "info", "DRAIN_TIMEOUT": "1s", "MAX_HEADER_BYTES": "16384"} {
				t.Setenv(k, v)
			}
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			err := serve(context.Background(), io.Discard)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, strings.TrimSpace(err.Error()), "\n")
		})
	}
}

// A move as a coordinator makes it: the file first, then the call. Whatever the file's
// watcher does meanwhile, the gateway never goes back and both agree in the end; and
// who is told hears who asks all the time.
func TestAResourceMovesByFileAndCall(t *testing.T) {
	const key = "the key of this test has 32 characters at least"
	monolith := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/internal/identity" {
			fmt.Fprint(w, `{"id": "7", "name": "Rita", "role": "reader"}`)
			return
		}
		fmt.Fprintf(w, "monolith %d", len(r.Header.Get(identity.Header)))
	}))
	defer monolith.Close()
	keys, err := identity.NewKeys(key)
	require.NoError(t, err)
	comments := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := keys.Verify(r.Header.Get(identity.Header), time.Now())
		fmt.Fprintf(w, "comments %s %v", who.Name, err)
	}))
	defer comments.Close()
	text := func(revision int, owner string, epoch int) []byte {
		return fmt.Appendf(nil, `revision: %d   # by hand
clients: {session_cookie: session}
identity: {owner: monolith}
resources: {comments: {owner: %s, epoch: %d}}
owners: {monolith: {address: %q}, comments: {address: %q, identity: true}}
routes: [{match: {path: "/*"}, resource: comments}]
`, revision, owner, epoch, monolith.URL, comments.URL)
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, text(1, "monolith", 1), 0o600))
	s := testSettings(file)
	s.IdentityKey = key
	var started run.Stack
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, err := start(ctx, s, slog.New(slog.DiscardHandler), &started)
	require.NoError(t, err)
	defer func() { require.NoError(t, started.Stop(ctx)) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(method, url, body, header, value string) (int, string) {
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set(header, value)
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(answer)
	}
	asks := func() string {
		_, answer := send("GET", "http://"+g.public.Addr().String()+"/", "", "Cookie", "session=1")
		return answer
	}
	require.Equal(t, "monolith 0", asks())
	owners := map[string]string{"monolith": "monolith 0", "comments": "comments Rita <nil>"}
	for epoch := 2; epoch < 12; epoch++ {
		to := [2]string{"comments", "monolith"}[epoch%2]
		require.NoError(t, watch.Write(file, text(epoch, to, epoch), 0o600))
		code, answer := send("PUT", "http://"+g.admin.Addr().String()+"/api/resources/comments", fmt.Sprintf(`{"owner": %q, "epoch": %d}`, to, epoch), "Authorization", "Bearer secret")
		require.Equal(t, 200, code, answer)
		require.Equal(t, owners[to], asks())
		require.Eventually(t, func() bool { return !g.current.FileDiffers() && g.current.Snapshot().Revision == int64(epoch) }, wait, time.Millisecond)
		require.Equal(t, owners[to], asks())
		require.Nil(t, g.current.Refused())
	}
	require.NoError(t, watch.Write(file, text(99, "monolith", 3), 0o600))
	require.Eventually(t, func() bool { return g.current.Refused() != nil }, wait, time.Millisecond)
	require.Equal(t, owners["monolith"], asks(), "epoch 11")
	require.Contains(t, g.current.Refused().Reason, "comments belongs to monolith since epoch 11, and epoch 3 is over")
}

// serving is a gateway that serves in the environment, until end is called.
type serving struct {
	public, admin string // base URLs
	log           string // its first lines
	end           context.CancelFunc
	ended         chan error
}

func startServing(t *testing.T, app, notice string) *serving {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configFor(t, 1, app)), 0o600))
	for k, v := range map[string]string{
		"LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "CONFIG_FILE": file, "ADMIN_TOKEN": "very-secret", "DRAIN_NOTICE": notice,
	} {
		t.Setenv(k, v)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	s := &serving{end: cancel, ended: make(chan error, 1)}
	reader, writer := io.Pipe()
	go func() {
		s.ended <- serve(ctx, writer)
		_ = writer.Close()
	}()
	lines := bufio.NewReader(reader)
	for !strings.Contains(s.log, "gateway serves") {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		s.log += line
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	var said struct{ Listen, Admin string }
	last := strings.TrimSpace(s.log)
	require.NoError(t, json.Unmarshal([]byte(last[strings.LastIndex(last, "\n")+1:]), &said))
	s.public, s.admin = "http://"+said.Listen, "http://"+said.Admin
	return s
}

func (s *serving) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		require.NoError(t, err)
	case <-time.After(wait):
		t.Fatal("the gateway did not end")
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := startServing(t, "http://127.0.0.1:1", "0s")
	require.NotContains(t, s.log, "very-secret")
	s.end()
	s.wait(t)
}

// Between not ready and the closed door balancers take notice, and whom they still
// send is served.
func TestAGatewayThatGoesGivesNoticeBeforeItClosesTheDoor(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "served") }))
	defer app.Close()
	s := startServing(t, app.URL, "2s")
	require.Equal(t, "ok\n", get(t, s.admin+"/readyz"))
	began := time.Now()
	s.end()
	require.Eventually(t, func() bool { return get(t, s.admin+"/readyz") != "ok\n" }, wait, time.Millisecond)
	require.Equal(t, "served", get(t, s.public), "over a new connection")
	s.wait(t)
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second)
	_, err := net.Dial("tcp", strings.TrimPrefix(s.public, "http://"))
	require.Error(t, err)
}

func TestHealthcheck(t *testing.T) {
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/readyz", r.URL.Path)
		w.WriteHeader(status)
	}))
	defer s.Close()
	t.Setenv("ADMIN_ADDR", s.Listener.Addr().String())
	require.NoError(t, healthcheck(context.Background()))
	status = 503
	require.ErrorContains(t, healthcheck(context.Background()), "answered 503")
	http.DefaultClient.CloseIdleConnections()
}

func TestTheLinkedVersionGoesBeforeTheEnvironments(t *testing.T) {
	t.Setenv("VERSION", "env")
	s, err := readSettings()
	require.NoError(t, err)
	require.Equal(t, "env", s.Version)
	version = "linked"
	defer func() { version = "" }()
	s, err = readSettings()
	require.NoError(t, err)
	require.Equal(t, "linked", s.Version)
}
