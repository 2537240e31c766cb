package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// statements is how many the database was asked while f ran. Those of sessions in
// the database are not among them.
func (m *running) statements(f func()) int {
	before := m.recorder.Runs()
	f()
	return m.recorder.Runs() - before
}

func TestWhoIsAskingCostsAtMostOneStatement(t *testing.T) {
	onEither(t, whoIsAskingCostsAtMostOneStatement)
}

func whoIsAskingCostsAtMostOneStatement(t *testing.T, m *running) {
	t.Helper()
	ada, visitor := m.client(t), m.client(t)
	ada.signUp("Ada")
	require.Equal(t, 1, m.statements(func() { ada.get("/moderation/queue").want(403) }))
	require.Zero(t, m.statements(func() { visitor.get("/moderation/queue").want(401) }))
	require.Zero(t, m.statements(func() { ada.get("/openapi.yaml").want(200) }))
	require.Zero(t, m.statements(func() { ada.send("GET", "/favicon.ico", nil) }))
	require.Zero(t, m.statements(func() { ada.send("GET", "/readyz", nil).want(200) }))
}

func TestReplicasShareSessionsAndRecordsInRedis(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	content := fmt.Sprintf("revision: 1\nredis: {url: %q}\nsession: {store: redis}\nuser_cache: redis\n", embeddedtest.Redis(t))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	one := startMonolith(t, "SETTINGS_FILE="+path, "REPLICA=monolith-0")
	two := startOn(t, one.database, "SETTINGS_FILE="+path, "REPLICA=monolith-1")
	ada := one.client(t)
	me := ada.signUp("Ada")
	at := func(m *running) *client { ada.base = m.base; return ada }

	at(two).get("/accounts/me").want(200)
	require.Zero(t, two.statements(func() { at(two).get("/moderation/queue").want(403) }), "the record came with the session")

	at(one).call("PUT", "/accounts/"+me.text("id")+"/role", document{"role": "author"}).want(200)
	at(two).post("Written at the other replica, at once")

	root := command(environment(one.database, "SETTINGS_FILE="+path), io.Discard)
	root.SetArgs([]string{"role", "ada@example.org", "moderator"})
	require.NoError(t, root.ExecuteContext(t.Context()))
	at(one).get("/moderation/queue").want(200)
	at(two).get("/moderation/queue").want(200)

	at(one).call("DELETE", "/sessions/current", nil).want(204)
	at(two).get("/accounts/me").want(401)
}

func TestADatabaseThatIsGoneIsToldAsSuchAndSignsNobodyOut(t *testing.T) {
	server, err := embedded.StartPostgres(t.Context(), embedded.PostgresConfig{})
	require.NoError(t, err)
	stopped := false
	stop := func() {
		if !stopped {
			require.NoError(t, server.Stop(context.Background()))
		}
		stopped = true
	}
	t.Cleanup(stop)
	require.NoError(t, server.CreateDatabase(t.Context(), "blog"))
	m := startOn(t, server.URL("blog"))
	ada := m.client(t)
	ada.signUp("Ada")
	stop()
	for _, path := range []string{"/feed", "/accounts/me"} {
		told := ada.send("GET", "/api/v1"+path, nil)
		require.Equal(t, 503, told.status, "%s", told.body)
		require.NotEmpty(t, told.header.Get("Retry-After"))
		require.Contains(t, string(told.body), "urn:banyan:problem:"+string(httpkit.Unavailable))
	}
	page := ada.send("GET", "/", nil, "Accept", "text/html")
	require.Equal(t, 503, page.status)
	require.Contains(t, page.header.Get("Content-Type"), "text/html")
	require.Equal(t, 200, ada.send("GET", "/readyz", nil).status, "its outage hides no replica")
}

func TestPagesAndAPIShareOnePort(t *testing.T) { onEither(t, pagesAndAPIShareOnePort) }

func pagesAndAPIShareOnePort(t *testing.T, m *running) {
	t.Helper()
	visitor := m.client(t)
	for path, status := range map[string]int{"/": 200, "/sign-in": 200, "/api/docs": 200, "/nothing": 404, "/me/nothing": 404} {
		page := visitor.send("GET", path, nil, "Accept", "text/html")
		require.Equal(t, status, page.status, path)
		require.Contains(t, page.header.Get("Content-Type"), "text/html", path)
	}
	visitor.send("GET", "/api/v1/nothing", nil, "Accept", "text/html").refused(404, problem.NotFound)
	require.Equal(t, 303, visitor.send("GET", "/write", nil, "Accept", "text/html").status)
}
