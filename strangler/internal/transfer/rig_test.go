package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
	"banyan.dev/strangler/internal/ramp"
)

// built is where this test process puts the gateway's program.
var built = filepath.Join(os.TempDir(), fmt.Sprintf("banyan-transfer-%d", os.Getpid()))

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(built)
		os.Exit(status)
	}))
}

const (
	adminToken = "a-token-for-tests-only"
	soon       = 30 * time.Second
	often      = 10 * time.Millisecond
)

// program is the gateway, built once, and only when a test asks for it.
var program = sync.OnceValues(func() (string, error) {
	compile := exec.Command("go", "build", "-o", filepath.Join(built, "gateway"), ".")
	compile.Dir = "../../../gateway"
	if out, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build gateway: %w\n%s", err, out)
	}
	return filepath.Join(built, "gateway"), nil
})

// gateway is one that runs, as a process of its own.
type gateway struct {
	admin, public string // URLs
	kill          func()
}

// rig is gateways of one file, before two owners that answer with their names.
type rig struct {
	t        *testing.T
	file     string
	gateways []*gateway
	lingers  chan struct{} // hears of each request that is to
}

const routes = `revision: 7
resources:
  notes: {owner: monolith, epoch: 1}
owners:
  monolith: {replicas: [{name: monolith-0, url: %q}]}
  comments: {replicas: [{name: comments-0, url: %q}]}
routes:
  - name: notes
    match: {path: "/notes", methods: [POST]}
    resource: notes
    hold: {max_wait: 20s, max_requests: 500}
  - {name: pages, match: {path: "/*"}, owner: monolith}
`

func newRig(t *testing.T, n int) *rig {
	t.Helper()
	lingers := make(chan struct{}, 10)
	var urls []any
	for _, name := range []string{"monolith", "comments"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Query().Has("lingers") { // until its client goes away
				lingers <- struct{}{}
				<-q.Context().Done()
			}
			_, _ = w.Write([]byte(name))
		}))
		t.Cleanup(server.Close)
		urls = append(urls, server.URL)
	}
	r := &rig{t: t, lingers: lingers, file: filepath.Join(t.TempDir(), "gateway.yaml")}
	require.NoError(t, os.WriteFile(r.file, fmt.Appendf(nil, routes, urls...), 0o600))
	for range n {
		r.gateways = append(r.gateways, r.start())
	}
	return r
}

func free(t *testing.T) string {
	t.Helper()
	port, err := embedded.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func (r *rig) start() *gateway {
	r.t.Helper()
	file, err := program()
	require.NoError(r.t, err)
	public, admin := free(r.t), free(r.t)
	cmd := exec.Command(file)
	cmd.Env = []string{"ADMIN_ADDR=" + admin, "LISTEN_ADDR=" + public, "CONFIG_FILE=" + r.file, "ADMIN_TOKEN=" + adminToken, "LOG_LEVEL=warn", "DRAIN_NOTICE=0s"}
	require.NoError(r.t, cmd.Start())
	g := &gateway{admin: "http://" + admin, public: "http://" + public}
	g.kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGCONT); g.kill() })
	client := r.client()
	require.Eventually(r.t, func() bool {
		res, err := client.Get(g.admin + "/readyz")
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	}, soon, often)
	return g
}

func (r *rig) client() *http.Client {
	client := &http.Client{Timeout: soon, Transport: &http.Transport{}}
	r.t.Cleanup(client.CloseIdleConnections)
	return client
}

// fleet is the gateways as a tool reaches them; more are their URLs in place of those
// that they have.
func (r *rig) fleet(instead ...string) ramp.Gateways {
	urls := instead
	for i := len(instead); i < len(r.gateways); i++ {
		urls = append(urls, r.gateways[i].admin)
	}
	return ramp.Gateways{URLs: urls, Token: adminToken, Client: r.client()}
}

func (r *rig) gates(fleet ramp.Gateways) *Gateways {
	return &Gateways{Fleet: fleet, Routes: []string{"notes"}}
}

// held tells of each gateway whether it lets writes wait.
func (r *rig) held() (all []bool) {
	r.t.Helper()
	for _, s := range r.fleet().Ask(r.t.Context(), readyWithin) {
		require.NoError(r.t, s.Err)
		route, err := s.Route("notes")
		require.NoError(r.t, err)
		all = append(all, route.Hold.Held)
	}
	return all
}

// writes posts a note to a gateway and returns who answered.
func (r *rig) writes(ctx context.Context, g *gateway, query ...string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.public+"/notes"+strings.Join(query, ""), http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := r.client().Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	name := make([]byte, 8)
	n, err := res.Body.Read(name)
	if n == 0 {
		return "", errors.Join(err, errors.New(res.Status))
	}
	return string(name[:n]), nil
}
