package peers

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func rendered(t *testing.T, name string, s Setting) string {
	t.Helper()
	c, _ := Find(name, []string{"self"}, "gateway")
	text, err := c.Render(s)
	require.NoError(t, err)
	return text
}

func TestConfigurationsAreTuned(t *testing.T) {
	s := Example(64, 256, 2)
	for name, lines := range map[string][]string{
		Nginx: {
			"daemon off;", "worker_processes auto;", "listen 127.0.0.1:8000 reuseport", "access_log off;", "server 127.0.0.1:8080;", "keepalive 256;",
			"proxy_http_version 1.1;", `proxy_set_header Connection "";`, "pid /tmp/bench/nginx.pid;", "proxy_temp_path /tmp/bench/proxy;",
		},
		HAProxy: {"nbthread 2", "http-reuse always", "option forwardfor", "bind 127.0.0.1:8000", "server app-0 127.0.0.1:8080 pool-max-conn 256"},
		Caddy:   {"admin off", "http://:8000 {", "bind 127.0.0.1", "reverse_proxy 127.0.0.1:8080 {", "keepalive_idle_conns_per_host 256"},
		Gateway: {"revision: 1", "percent: 0, by: user", "rate_limit:", "breaker:", "outliers:", "retries:", "hold:", "max_in_flight: 2048", `url: "http://127.0.0.1:8084"`},
		Canary:  {"percent: 50, by: user", "cookie: bench_app", "cookie: bench_next", "127.0.0.1:8081", "127.0.0.1:8083"},
		Shadow:  {"shadow: {owner: next, percent: 10", "percent: 0, by: user"},
	} {
		text := rendered(t, name, s)
		for _, line := range lines {
			assert.Contains(t, text, line, name)
		}
	}
	assert.NotContains(t, rendered(t, Nginx, s), "user ")
	s.User = "root root"
	assert.True(t, strings.HasPrefix(rendered(t, Nginx, s), "user root root;\ndaemon off;"))
	assert.NotContains(t, rendered(t, Gateway, s), "affinity", "nothing to do for the plain one")
	assert.NotContains(t, rendered(t, Gateway, s), "shadow")
	assert.Empty(t, rendered(t, ReverseProxy, s))
}

func TestEachReloadChangesWhatRequestsDependOn(t *testing.T) {
	s := Example(64, 256, 2)
	odd, err := RenderGateway(s, Gateway, 3)
	require.NoError(t, err)
	even, err := RenderGateway(s, Gateway, 4)
	require.NoError(t, err)
	assert.Contains(t, even, "revision: 4")
	for _, only := range []string{"percent: 50", "timeout: 4s", "app-1"} {
		assert.Contains(t, even, only)
		assert.NotContains(t, odd, only)
	}
}

func TestMoreClientsThanUsualGetKeptConnectionsEach(t *testing.T) {
	assert.Equal(t, 256, KeepFor(64))
	assert.Equal(t, 1000, KeepFor(1000))
}

func TestWhatIsNotInstalledIsNotFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, ok := Find(ReverseProxy, []string{"self"}, "")
	assert.True(t, ok, "it is built in")
	if lookUp(Caddy) == "" {
		_, ok = Find(Caddy, nil, "")
		assert.False(t, ok)
	}
	assert.Empty(t, lookUp("no-such-proxy"))
}

func TestAnInstalledProgramTellsItsVersion(t *testing.T) {
	for _, name := range []string{Nginx, HAProxy, Caddy} {
		if c, ok := Find(name, nil, ""); ok {
			assert.Regexp(t, `\d+\.\d+`, c.Version(t.Context()), name)
		}
	}
}

// self is this test's binary, which TestMain turns into the application or proxy.
func self(t *testing.T) []string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return []string{path}
}

func builtGateway(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gateway")
	out, err := exec.Command("go", "build", "-o", binary, "../../../../gateway").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// asRoot is the user setting of who runs the tests.
func asRoot(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		return ""
	}
	group, err := user.LookupGroupId("0")
	require.NoError(t, err)
	return "root " + group.Name
}
