package peers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// setting has a front of its own before an application.
func setting(t *testing.T, app string) Setting {
	t.Helper()
	addresses, err := Addresses(2)
	require.NoError(t, err)
	return Setting{
		Address: addresses[0], Admin: addresses[1], Token: "secret", App: []string{app, app}, Next: []string{app, app}, Streams: app,
		Connections: 100, Keep: 16, Processors: 2, Files: 1024, User: asRoot(t),
	}
}

// gone counts a zombie as ended: who adopts orphans in a container may never reap
// them.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	fields := statOf(pid)
	return fields != nil && fields[0] == "Z"
}

// All contenders do the same work for a request: else a comparison of their speed
// says nothing.
func TestEveryContenderForwardsWithTheSameHeaders(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "X-Request-Id"} {
			w.Header().Set("Saw-"+name, r.Header.Get(name))
		}
		w.Header().Set("Saw-Host", r.Host)
		w.Header().Set("Saw-Connection", r.Header.Get("Connection"))
		_, _ = io.WriteString(w, "{}")
	}))
	defer app.Close()
	gateway := builtGateway(t)
	for _, name := range append(Names(), Canary, Shadow) {
		t.Run(name, func(t *testing.T) {
			c, ok := Find(name, self(t), gateway)
			if !ok {
				t.Skip(name, "is not installed")
			}
			p, err := Start(t.Context(), c, setting(t, strings.TrimPrefix(app.URL, "http://")), t.TempDir())
			require.NoError(t, err)
			defer p.Stop()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Setting.Address+"/api/v1/items/42", nil)
			require.NoError(t, err)
			req.Host = "bench.example"
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: false}}
			defer client.CloseIdleConnections()
			resp, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode, p.Log())
			assert.Equal(t, "bench.example", resp.Header.Get("Saw-Host"))
			assert.Equal(t, "127.0.0.1", resp.Header.Get("Saw-X-Forwarded-For"))
			assert.Equal(t, "127.0.0.1", resp.Header.Get("Saw-X-Real-Ip"))
			assert.Equal(t, "http", resp.Header.Get("Saw-X-Forwarded-Proto"))
			assert.Equal(t, "bench.example", resp.Header.Get("Saw-X-Forwarded-Host"))
			assert.NotEmpty(t, resp.Header.Get("Saw-X-Request-Id"))
			assert.NotEqual(t, "close", resp.Header.Get("Saw-Connection"), "connections to the application are kept")
			if runtime.GOOS == "linux" {
				assert.Positive(t, p.Usage().Resident)
				assert.GreaterOrEqual(t, p.Usage().Peak, p.Usage().Resident)
			}
			members := family(p.PID())
			p.Stop()
			for _, pid := range members {
				require.Eventually(t, func() bool { return gone(pid) }, 20*time.Second, time.Millisecond, "workers end too")
			}
			p.Stop() // again: nothing is left to do
		})
	}
}

func script(text string) Contender {
	return Contender{
		Name: "script", program: "/bin/sh", args: func(Setting, string) []string { return []string{"-c", text} },
	}
}

func TestWhoEndsByItselfIsQuoted(t *testing.T) {
	_, err := Start(t.Context(), script("echo no room here >&2; exit 3"), setting(t, "127.0.0.1:1"), t.TempDir())
	require.ErrorContains(t, err, "start script: it ended by itself:\n  no room here")
	_, err = Start(t.Context(), script("exit 3"), setting(t, "127.0.0.1:1"), t.TempDir())
	require.ErrorContains(t, err, "(it wrote nothing)")
}

func TestAConfigurationThatTheGatewayRefusesIsShownInItsWords(t *testing.T) {
	c := gateway(Gateway, builtGateway(t))
	c.render = func(Setting) (string, error) {
		return "owners: {a: {address: \"http://a\"}}\nroutes: [{match: {path: \"/*\"}, owner: b}]\n", nil
	}
	_, err := Start(t.Context(), c, setting(t, "127.0.0.1:1"), t.TempDir())
	require.ErrorContains(t, err, "gateway: it refuses its configuration")
	require.ErrorContains(t, err, `gateway.yaml:2: routes[0].owner: "b" is no owner; known: a`)
}

func TestAnInterruptedStartLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if content, _ := os.ReadFile(dir + "/pid"); len(content) > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := Start(ctx, script("echo $$ > "+dir+"/pid; exec sleep 1000"), setting(t, "127.0.0.1:1"), dir)
	require.ErrorIs(t, err, context.Canceled)
	content, err := os.ReadFile(dir + "/pid")
	require.NoError(t, err)
	require.True(t, gone(int(number(strings.TrimSpace(string(content))))))
}

func TestUsageIsOfTheProcessAndItsChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
	p := &Process{Name: "script", Setting: Setting{Dir: t.TempDir()}, log: t.TempDir() + "/log", ended: make(chan struct{})}
	require.NoError(t, p.spawn(script("sh -c 'while :; do :; done' & wait"), ""))
	defer p.Stop()
	require.Eventually(t, func() bool { return len(family(p.PID())) == 2 }, 20*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return p.Usage().CPU > 0 }, 20*time.Second, time.Millisecond, "the child's work counts")
	child := family(p.PID())[1]
	p.Stop()
	require.Eventually(t, func() bool { return gone(child) }, 20*time.Second, time.Millisecond, "a child that nobody ends goes with its parent")
	assert.Zero(t, p.Usage(), "nothing is left to cost anything")
}
