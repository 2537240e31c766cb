package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/watch"
)

// fails runs the command line and returns its error.
func fails(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	root := command(environ, io.Discard)
	root.SetArgs(append([]string{}, args...)) // never nil, which is the test's own command line
	err := root.ExecuteContext(ctx)
	require.Error(t, err)
	return err.Error()
}

func TestAStartThatCanNotSucceedSaysWhyAndWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	bad := filepath.Join(t.TempDir(), "settings.yaml")
	require.NoError(t, os.WriteFile(bad, []byte("revision: 1\nsession: {store: drawer}\n"), 0o600))
	database := migrated(t)
	const dead = "postgres://nobody:secret-word@127.0.0.1:1/blog"

	for name, c := range map[string]struct {
		database string
		set      []string
		says     []string
	}{
		"a taken port":        {database, []string{"LISTEN_ADDR=" + taken.Addr().String()}, []string{"LISTEN_ADDR", taken.Addr().String(), "taken"}},
		"a taken admin port":  {database, []string{"ADMIN_ADDR=" + taken.Addr().String()}, []string{"ADMIN_ADDR", "taken"}},
		"no database":         {"", nil, []string{"DATABASE_URL is not set"}},
		"a bad database":      {"mysql://x", nil, []string{"DATABASE_URL", "postgres://"}},
		"a dead database":     {dead, []string{"DB_WAIT=300ms"}, []string{"DATABASE_URL", "127.0.0.1:1", "DB_WAIT"}},
		"bad settings":        {database, []string{"SETTINGS_FILE=" + bad}, []string{"SETTINGS_FILE", "line 2", "drawer"}},
		"no settings file":    {database, []string{"SETTINGS_FILE=/nowhere/settings.yaml"}, []string{"SETTINGS_FILE", "/nowhere/settings.yaml"}},
		"an unknown store":    {database, []string{"SESSION_STORE=redis"}, []string{"SESSION_STORE", "redis", "SETTINGS_FILE"}},
		"unknown stores":      {database, []string{"STORES=mine"}, []string{"STORES", `"mine"`, "tangle", "features"}},
		"stores too early":    {database, []string{"STORES=features"}, []string{"STORES=features", "memory", "SESSION_STORE=postgres"}},
		"an open admin port":  {database, []string{"ADMIN_ADDR=0.0.0.0:0", "ADMIN_TOKEN="}, []string{"ADMIN_ADDR", "ADMIN_TOKEN"}},
		"a default token":     {database, []string{"ADMIN_ADDR=:0", "ADMIN_TOKEN=change-me"}, []string{"ADMIN_TOKEN"}},
		"an insecure cookie":  {database, []string{"PUBLIC_URL=https://blog.example.org"}, []string{"COOKIE_SECURE", "https://blog.example.org"}},
		"a bad public URL":    {database, []string{"PUBLIC_URL=blog"}, []string{"PUBLIC_URL", `"blog"`}},
		"a bad duration":      {database, []string{"DRAIN_TIMEOUT=ten"}, []string{"DRAIN_TIMEOUT", `"ten"`, "10s"}},
		"bad networks":        {database, []string{"TRUSTED_PROXIES=gateway"}, []string{"TRUSTED_PROXIES", "gateway"}},
		"a bad level":         {database, []string{"LOG_LEVEL=loud"}, []string{"LOG_LEVEL", "loud"}},
		"a bad mail server":   {database, []string{"SMTP_ADDR=mailhost"}, []string{"SMTP_ADDR", "mailhost"}},
		"too few connections": {database, []string{"DB_MAX_CONNS=1"}, []string{"DB_MAX_CONNS"}},
	} {
		t.Run(name, func(t *testing.T) {
			told := fails(t, environment(c.database, c.set...))
			for _, want := range c.says {
				require.Contains(t, told, want)
			}
			require.NotContains(t, told, "secret-word")
		})
	}
}

func TestTheFirstModeratorIsMadeFromTheCommandLine(t *testing.T) {
	m := startMonolith(t)
	ada := m.client(t)
	ada.signUp("Ada")
	ada.get("/moderation/queue").want(403)
	root := command(environment(m.database), io.Discard)
	root.SetArgs([]string{"role", "ada@example.org", "moderator"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	ada.get("/moderation/queue").want(200)
	require.Contains(t, fails(t, environment(m.database), "role", "nobody@example.org", "author"), "nobody@example.org")
	require.Contains(t, fails(t, environment(m.database), "role", "ada@example.org", "king"), "king")
}

func TestTheAdminPortTellsWhatRuns(t *testing.T) {
	m := startMonolith(t, "REPLICA=monolith-7")
	status, body := m.adminGet(t, "/topology", "")
	require.Equal(t, 200, status)
	var told topology
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	require.Equal(t, "monolith-7", told.Replica)
	require.EqualValues(t, "memory", told.Seams.SessionStore)
	require.Equal(t, config.Tangle, told.Seams.Stores)
	require.Contains(t, m.log.String(), `"stores":"tangle"`, "the start-up line tells too")
	require.NotContains(t, body, m.cfg.AdminToken)
	for _, path := range []string{"/livez", "/readyz", "/healthz", "/metrics", "/sessions/status"} {
		status, body := m.adminGet(t, path, "")
		require.Equal(t, 200, status, "%s: %s", path, body)
	}
	m.client(t).get("/feed").want(200)
	_, metrics := m.adminGet(t, "/metrics", "")
	require.Contains(t, metrics, `http_requests_total{code="200",method="GET",route="/api/v1/feed"}`)
	for _, path := range []string{"/metrics", "/topology", "/sessions/status", "/debug/pprof/"} {
		require.Equal(t, 404, m.client(t).send("GET", path, nil).status, "the public port has no %s", path)
	}
	require.Equal(t, 200, m.client(t).send("GET", "/readyz", nil).status, "the gateway asks the public port")
}

func TestTheTopologyNamesWhatIsUsedAndNoSecret(t *testing.T) {
	redis, err := url.Parse(embeddedtest.Redis(t))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "settings.yaml")
	write := func(content string) { require.NoError(t, watch.Write(path, []byte(content), 0o600)) }
	write("revision: 1\nsession: {store: memory}\n")
	m := startMonolith(t, "SETTINGS_FILE="+path, "SMTP_ADDR=127.0.0.1:2525")
	database, err := url.Parse(m.database)
	require.NoError(t, err)
	postgres := hosting.Use{Kind: "postgres", Name: strings.TrimPrefix(database.Path, "/"), Address: database.Host}
	mail := hosting.Use{Kind: "mail", Name: "mail", Address: "127.0.0.1:2525"}
	told := func() []hosting.Use {
		_, body := m.adminGet(t, "/topology", "")
		if secret, set := database.User.Password(); set && secret != "" {
			require.NotContains(t, body, secret)
		}
		require.NotContains(t, body, "@"+database.Host)
		require.NotContains(t, body, "some-user")
		var topology topology
		require.NoError(t, json.Unmarshal([]byte(body), &topology))
		return topology.Uses
	}
	require.Equal(t, []hosting.Use{postgres, mail}, told(), "no Redis yet")
	redis.RawQuery = "client_name=some-user"
	write("revision: 2\nredis: {url: \"" + redis.String() + "\"}\nsession: {store: dual}\n")
	require.Eventually(t, func() bool {
		return reflect.DeepEqual(told(), []hosting.Use{postgres, {Kind: "redis", Name: "redis", Address: redis.Host}, mail})
	}, 10*time.Second, 10*time.Millisecond)
}

func TestBadSettingsAreRefusedWhileTheGoodOnesStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	write := func(content string) { require.NoError(t, watch.Write(path, []byte(content), 0o600)) }
	write("revision: 1\nsession: {store: memory}\n")
	m := startMonolith(t, "SETTINGS_FILE="+path, "SESSION_STORE=postgres")
	require.EqualValues(t, "memory", m.topology().Seams.SessionStore, "the file wins")
	ada := m.client(t)
	ada.signUp("Ada")
	write("revision: 2\nsession: {store: drawer}\n")
	require.Eventually(t, func() bool { return strings.Contains(m.topology().Settings, "drawer") }, 10*time.Second, 10*time.Millisecond)
	ada.get("/accounts/me").want(200)
	write("revision: 3\nsession: {store: memory}\n")
	require.Eventually(t, func() bool { return m.topology().Settings == "" && m.sessions.Status().Revision == 3 }, 10*time.Second, 10*time.Millisecond)
	ada.get("/accounts/me").want(200)
}

func TestSessionsInPostgresOutliveTheProcess(t *testing.T) {
	first := startMonolith(t, "SESSION_STORE=postgres")
	ada := first.client(t)
	ada.signUp("Ada")
	second := startOn(t, first.database, "SESSION_STORE=postgres")
	ada.base = second.base // cookies know no port
	ada.get("/accounts/me").want(200)
	ada.call("DELETE", "/sessions/current", nil).want(204)
	ada.base = first.base
	ada.get("/accounts/me").want(401)
}

func TestADrainFinishesWhatIsInFlightAndEndsStreams(t *testing.T) {
	m := startMonolith(t)
	ada := m.client(t)
	ada.author("Ada")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.base+"/api/v1/notifications/stream", nil)
	require.NoError(t, err)
	stream, err := ada.http.Do(r)
	require.NoError(t, err)
	defer stream.Body.Close()

	// A request that is half sent when the drain begins: the server has asked for its body.
	body, send := io.Pipe()
	inFlight, answered := make(chan struct{}), make(chan int, 1)
	traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(inFlight) }})
	r, err = http.NewRequestWithContext(traced, http.MethodPost, m.base+"/api/v1/posts", body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue")
	go func() {
		response, err := ada.http.Do(r)
		if err != nil {
			answered <- 0
			return
		}
		_ = response.Body.Close()
		answered <- response.StatusCode
	}()
	<-inFlight
	_, err = send.Write([]byte(`{"title":"In flight",`))
	require.NoError(t, err)

	drained := make(chan error, 1)
	go func() { drained <- m.PublicPort.Drain(context.Background(), 0) }()
	<-m.PublicPort.Draining()
	status, _ := m.adminGet(t, "/readyz", "")
	require.Equal(t, 503, status)
	_, err = io.ReadAll(stream.Body)
	require.NoError(t, err, "the stream ends in order")
	_, err = send.Write([]byte(`"body":"text"}`))
	require.NoError(t, err)
	require.NoError(t, send.Close())
	require.Equal(t, 201, <-answered)
	require.NoError(t, <-drained)
}

func TestHealthcheck(t *testing.T) {
	m := startMonolith(t)
	root := command(environment(m.database, "LISTEN_ADDR="+m.PublicPort.Address()), io.Discard)
	root.SetArgs([]string{"healthcheck"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	require.Contains(t, fails(t, environment(m.database, "LISTEN_ADDR=127.0.0.1:1"), "healthcheck"), "127.0.0.1:1")
}

func TestABlogInUseIsNotSeededUnasked(t *testing.T) {
	m := startMonolith(t)
	seed := func() {
		root := command(environment(m.database), io.Discard)
		root.SetArgs([]string{"seed", "--only-empty", "--users", "6", "--posts", "12", "--comments", "30"})
		require.NoError(t, root.ExecuteContext(t.Context()))
	}
	m.client(t).signUp("Ada") // and wrote nothing yet
	seed()
	require.Empty(t, m.client(t).get("/feed").want(200).json().items())

	empty := startMonolith(t)
	m = empty
	seed()
	require.NotEmpty(t, m.client(t).get("/feed").want(200).json().items())
}

func TestASeededBlogIsThereToRead(t *testing.T) {
	database := migrated(t)
	run := func() error {
		root := command(environment(database), io.Discard)
		root.SetArgs([]string{"seed", "--users", "6", "--posts", "12", "--comments", "30", "--seed", "7"})
		return root.ExecuteContext(t.Context())
	}
	require.NoError(t, run(), "nobody was ever asked who owns comments")
	m := startOn(t, database)
	first := m.client(t).get("/feed").want(200)
	require.NotEmpty(t, first.json().items())
	require.NoError(t, run(), "the same again adds nothing")
	require.Equal(t, string(first.body), string(m.client(t).get("/feed").body))
	require.Contains(t, fails(t, environment(database), "seed", "--posts", "0"), "--posts 0")
}

// TestABlogThatTellsOfItselfIsSeededBeforeItIsMoved: while hosts run, as the tool does.
func TestABlogThatTellsOfItselfIsSeededBeforeItIsMoved(t *testing.T) {
	w := newWorld(t)
	root := command(environment(w.database, ownStores...), io.Discard)
	root.SetArgs([]string{"seed", "--users", "6", "--posts", "12", "--comments", "30"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	w.fills(t)
	require.NotZero(t, countRows(t, w.db, "comments", "true"))
	require.Equal(t, countRows(t, w.db, "comments", "true"), w.service.count(t, "true"))
}
