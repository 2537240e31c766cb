package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/boundary"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/telemetry"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The one PostgreSQL of the test process lives as long as the process.
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"),
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).watchCtx.func1"),
		// scs makes a store that we replace, and keeps its goroutine.
		goleak.IgnoreTopFunction("github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup"),
	)
}

// running is a monolith that really answers, on a database of its own.
type running struct {
	*host
	base     string
	admin    string
	database string
	contract *contract
	log      *lines
	recorder *boundary.Recorder
}

// lines collects a log; it is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// migrated returns the URL of a database of t's own with today's schema.
func migrated(t testing.TB) string {
	t.Helper()
	return embeddedtest.Prepared(t, "monolith", func(ctx context.Context, url string) error {
		cfg, err := config.Load([]string{"DATABASE_URL=" + url})
		if err != nil {
			return err
		}
		return migrate(ctx, cfg, slog.New(slog.DiscardHandler))
	})
}

// environment is what a test's monolith is configured with: free ports, plain HTTP,
// no waiting. Later settings win.
func environment(database string, settings ...string) []string {
	env := map[string]string{
		"DATABASE_URL": database, "LISTEN_ADDR": "127.0.0.1:0", "ADMIN_ADDR": "127.0.0.1:0", "ADMIN_TOKEN": "a-token-of-this-test",
		"COOKIE_SECURE": "false", "DRAIN_NOTICE": "0s", "DB_MAX_CONNS": "5", "LOG_LEVEL": "debug",
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		env[name] = value
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// startMonolith starts one, and stops it when t ends.
func startMonolith(t testing.TB, settings ...string) *running {
	t.Helper()
	return startOn(t, migrated(t), settings...)
}

func startOn(t testing.TB, database string, settings ...string) *running {
	t.Helper()
	cfg, err := config.Load(environment(database, settings...))
	require.NoError(t, err)
	log := &lines{}
	logger, err := telemetry.NewLogger(log, "test", cfg.LogLevel)
	require.NoError(t, err)
	recorder := &boundary.Recorder{}
	h, err := start(t.Context(), cfg, recorder.Logger(logger.Handler()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.Stop())
		keepsToItsTables(t, cfg, recorder)
	})
	return &running{
		host: h, database: database, contract: loadContract(t), log: log, recorder: recorder,
		base: "http://" + h.PublicPort.Address(), admin: "http://" + h.AdminPort.Address(),
	}
}

// keepsToItsTables fails the test when the features' stores ran a statement that
// touches another feature's table, whatever the test was about.
func keepsToItsTables(t testing.TB, cfg config.Config, recorder *boundary.Recorder) {
	t.Helper()
	if cfg.Stores != config.Features {
		return
	}
	touched, err := boundary.Judge(context.WithoutCancel(t.Context()), cfg.DatabaseURL, boundary.OfFeatures(recorder.Statements()))
	require.NoError(t, err)
	for _, stray := range boundary.Strays(touched) {
		t.Error("not one feature's own tables: ", stray)
	}
}

// onEither runs a test on the tangle, and again on the features' own stores, which
// don't go with sessions in memory.
func onEither(t *testing.T, test func(t *testing.T, m *running)) {
	t.Helper()
	t.Run("tangle", func(t *testing.T) { test(t, startMonolith(t)) })
	t.Run("features", func(t *testing.T) { test(t, startMonolith(t, ownStores...)) })
}

var ownStores = []string{"STORES=features", "SESSION_STORE=postgres"}

// client is somebody new.
func (m *running) client(t testing.TB) *client { return newClient(t, m.base, m.contract) }

// moderator signs a client up and makes it a moderator, by the operator's way.
func (m *running) moderator(t testing.TB, c *client, name string) document {
	t.Helper()
	me := c.signUp(name)
	require.NoError(t, grant(t.Context(), m.cfg, m.Logger, me.text("email"), contracts.Moderator))
	return me
}

// adminGet asks the admin port, with the token if one is given.
func (m *running) adminGet(t testing.TB, path, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.admin+path, nil)
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// everyRouteIsDocumented compares what the server answers under /api/v1 with what
// the document promises.
func (m *running) everyRouteIsDocumented(t testing.TB) {
	t.Helper()
	promised := map[string]bool{}
	for path, item := range m.contract.doc.Paths.Map() {
		for method := range item.Operations() {
			promised[method+" "+strings.ReplaceAll(path, "{session}", "{id}")] = true
		}
	}
	for _, route := range m.public.Routes() {
		path, ok := strings.CutPrefix(route.Path, "/api/v1")
		if !ok || route.Method == "echo_route_not_found" {
			continue
		}
		key := route.Method + " " + strings.ReplaceAll(path, ":id", "{id}")
		require.True(t, promised[key], "%s is answered and not documented", key)
		delete(promised, key)
	}
	require.Empty(t, promised, "documented and not answered")
}
