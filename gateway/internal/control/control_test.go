package control_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
)

// wait is how long anything may take.
const wait = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const first = `revision: 3
owners: {monolith: {affinity: {session_cookie: s, home: m0}, replicas: [{name: m0, url: "http://127.0.0.1:1"}, {name: "m1", url: "http://127.0.0.1:2"}]}}
routes: [{match: {path: "/a/*", methods: [GET]}, owner: monolith}, {match: {path: "/*"}, owner: monolith, timeout: 5s}]
`

func second(revision string) string {
	return strings.Replace(first, "revision: 3", "revision: "+revision, 1)
}

type rig struct {
	*httptest.Server
	control *control.Server
	current *currenttest.Rig
}

func newRig(t testing.TB, token string) *rig {
	now := currenttest.New(t)
	require.NoError(t, now.Apply("file", "gateway.yaml", []byte(first), current.Any))
	c := control.New(control.Options{Name: "gateway-0", Version: "v1", Token: token, Local: true, Holds: now.Lasting.Holds}, now.Current, now.Registry, now.Logger)
	s := httptest.NewServer(c.Handler())
	t.Cleanup(func() {
		require.NoError(t, c.Close(context.Background()))
		s.CloseClientConnections()
		s.Close()
		now.Close(t)
	})
	return &rig{s, c, now}
}

func (r *rig) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, r.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.Client().Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(content)
}

func TestHealthTopologyMetrics(t *testing.T) {
	r := newRig(t, "")
	for _, path := range []string{"/livez", "/healthz", "/readyz"} {
		res, _ := r.do(t, "GET", path, "")
		require.Equal(t, 200, res.StatusCode, path)
	}
	r.control.BeginDrain()
	res, _ := r.do(t, "GET", "/readyz", "")
	require.Equal(t, 503, res.StatusCode)
	res, _ = r.do(t, "GET", "/livez", "")
	require.Equal(t, 200, res.StatusCode)
	_, body := r.do(t, "GET", "/topology", "")
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(first)))
	require.JSONEq(t, `{"host":"gateway","name":"gateway-0","version":"v1","seams":{"revision":3,"digest":"`+sum[:16]+`","source":"file"}}`, body)
	_, body = r.do(t, "GET", "/metrics", "")
	require.Contains(t, body, "gateway_config_revision 3")
	require.Contains(t, body, `gateway_reloads_total{result="accepted"} 1`)
}

func TestReadingAndReplacingTheConfiguration(t *testing.T) {
	r := newRig(t, "secret")
	res, body := r.do(t, "GET", "/api/config", "")
	require.Equal(t, first, body)
	require.Equal(t, `"3"`, res.Header.Get("ETag"))
	_, body = r.do(t, "GET", "/api/config", "", "Accept", "application/json")
	var tree map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &tree))
	require.EqualValues(t, 3, tree["revision"])

	const bearer = "Bearer secret"
	for _, c := range []struct {
		name, auth, match, body string
		status                  int
		says                    string
	}{
		{"no token", "", `"3"`, second("4"), 401, "ADMIN_TOKEN"},
		{"wrong token", "Bearer wrong", `"3"`, second("4"), 401, "ADMIN_TOKEN"},
		{"no If-Match", bearer, "", second("4"), 428, "If-Match"},
		{"odd If-Match", bearer, "three", second("4"), 400, "no revision"},
		{"stale If-Match", bearer, `"2"`, second("4"), 412, "another revision is in force"},
		{"stale revision", bearer, `"3"`, second("2"), 409, "is not above the running 3"},
		{"mistake", bearer, `"3"`, strings.Replace(second("4"), "owner: monolith}", "owner: monolit}", 1), 422, `body:3: routes[0].owner: \"monolit\" is no owner; known: monolith`},
		{"good", bearer, `"3"`, second("4"), 200, `"revision":4`},
		{"the same again", bearer, `"3"`, second("4"), 200, `"revision":4`},
		{"whatever is running", bearer, "*", second("5"), 200, `"revision":5`},
	} {
		res, body := r.do(t, "PUT", "/api/config", c.body, "Authorization", c.auth, "If-Match", c.match)
		require.Equal(t, c.status, res.StatusCode, "%s: %s", c.name, body)
		require.Contains(t, body, c.says, c.name)
	}
	require.Equal(t, int64(5), r.current.Snapshot().Revision)
	require.Equal(t, "api", r.current.Snapshot().Source)
}

func TestWithoutATokenNothingCanBeChanged(t *testing.T) {
	r := newRig(t, "")
	res, body := r.do(t, "PUT", "/api/config", second("4"), "Authorization", "Bearer ", "If-Match", `"3"`)
	require.Equal(t, 403, res.StatusCode)
	require.Contains(t, body, "ADMIN_TOKEN")
}

func TestStatus(t *testing.T) {
	r := newRig(t, "")
	require.Error(t, r.current.Apply("file", "gateway.yaml", []byte("nonsense"), current.Any))
	_, body := r.do(t, "GET", "/api/status", "")
	var told status.Status
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	require.Equal(t, "gateway-0", told.Name)
	require.EqualValues(t, 3, told.Revision)
	require.Equal(t, "file", told.LastRefused.Source)
	require.Contains(t, told.LastRefused.Reason, "must be a mapping")
	require.Len(t, told.Owners[0].Replicas, 2)
	require.Equal(t, "m0", told.Owners[0].Home)
	require.Equal(t, "5s", told.Routes[1].Timeout)
}

func TestThePageIsCompleteWithoutScript(t *testing.T) {
	r := newRig(t, "")
	require.Error(t, r.current.Apply("file", "gateway.yaml", []byte("<script>alert(1)</script>"), current.Any))
	res, body := r.do(t, "GET", "/_strangler/", "")
	require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	for _, text := range []string{"gateway-0", "/a/*", "monolith", "m0", "m1", "http://127.0.0.1:2", "home m0", "Last refused configuration"} {
		require.Contains(t, body, text)
	}
	require.NotContains(t, body, "<script>alert")
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "script-src 'self'")
	for _, asset := range []string{"/_strangler/assets/base.css", "/_strangler/assets/main.js", "/_strangler/assets/icon.svg"} {
		res, _ := r.do(t, "GET", asset, "")
		require.Equal(t, 200, res.StatusCode)
	}
	res, _ = r.do(t, "GET", "/nothing", "")
	require.Equal(t, 404, res.StatusCode)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
}

func TestAPortOnLoopbackAnswersToItsOwnNamesOnly(t *testing.T) {
	r := newRig(t, "")
	for host, want := range map[string]int{
		"127.0.0.1:8001": 200, "localhost:8001": 200, "localhost": 200, "[::1]:8001": 200, "127.0.0.1": 200,
		"evil.example": 421, "evil.example:8001": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "": 421,
	} {
		req, err := http.NewRequest(http.MethodGet, r.URL+"/api/config", nil)
		require.NoError(t, err)
		if req.Host = host; host == "" {
			req.Host = "no.host"
		}
		res, err := r.Client().Do(req)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, want, res.StatusCode, host)
	}
	for _, path := range []string{"/livez", "/healthz", "/readyz", "/metrics"} {
		req, err := http.NewRequest(http.MethodGet, r.URL+path, nil)
		require.NoError(t, err)
		req.Host = "gateway-0.gateways"
		res, err := r.Client().Do(req)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, 200, res.StatusCode, path)
	}
}

func TestABodyIsOneObject(t *testing.T) {
	r := newRig(t, "secret")
	res, text := r.do(t, "POST", "/api/holds", `{"routes": ["GET /a/*"], "for": "1s"} {"more": 1}`, "Authorization", "Bearer secret")
	require.Equal(t, 400, res.StatusCode, text)
	require.Contains(t, text, "goes on behind")
}
