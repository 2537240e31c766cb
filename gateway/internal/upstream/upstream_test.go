package upstream_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait = 10 * time.Second

// names is a name server in memory.
type names struct {
	mu    sync.Mutex
	hosts []string
}

func (n *names) set(hosts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts = hosts
}

func (n *names) LookupHost(context.Context, string) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.hosts == nil {
		return nil, errors.New("no such host")
	}
	return n.hosts, nil
}

func addressed(t *testing.T) config.Owner {
	u, err := url.Parse("http://monolith:8080")
	require.NoError(t, err)
	return config.Owner{Name: "monolith", Address: u, Health: config.Health{Path: "/livez", Interval: time.Hour, Timeout: time.Second}}
}

func listed(g *upstream.Group) []string {
	var out []string
	for _, r := range g.Replicas() {
		out = append(out, r.Name)
	}
	return out
}

func TestAnAddressIsSeveralReplicasAndFollowsItsName(t *testing.T) {
	dns := &names{}
	dns.set("127.0.0.2", "127.0.0.1")
	registry := upstream.NewRegistry(dns, slog.New(slog.DiscardHandler))
	defer registry.Close()
	group := registry.Open(addressed(t))
	require.Equal(t, []string{"127.0.0.1:8080", "127.0.0.2:8080"}, listed(group))
	kept := group.Replicas()[1]
	dns.set("127.0.0.3", "127.0.0.2")
	require.Eventually(t, func() bool { return len(listed(group)) == 2 && listed(group)[1] == "127.0.0.3:8080" }, wait, 10*time.Millisecond)
	require.Same(t, kept, group.Replicas()[0])
	dns.set()
	dns.mu.Lock()
	dns.hosts = nil
	dns.mu.Unlock()
	next := registry.Open(addressed(t))
	require.Len(t, next.Replicas(), 2, "a name server that is away takes no owner away")
	group.Close()
	next.Close()
}

func TestAnAddressThatIsNotKnownYetHasNoReplica(t *testing.T) {
	dns := &names{}
	registry := upstream.NewRegistry(dns, slog.New(slog.DiscardHandler))
	defer registry.Close()
	group := registry.Open(addressed(t))
	defer group.Close()
	require.Empty(t, group.Replicas())
	dns.set("127.0.0.1")
	require.Eventually(t, func() bool { return len(group.Replicas()) == 1 }, wait, 10*time.Millisecond)
}

func TestProbes(t *testing.T) {
	var mu sync.Mutex
	status := 404
	answer := func(s int) { mu.Lock(); status = s; mu.Unlock() }
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.WriteHeader(status)
	}))
	defer app.Close()
	u, err := url.Parse(app.URL)
	require.NoError(t, err)
	owner := config.Owner{Name: "a", Replicas: []config.Replica{{Name: "r", URL: u}}, Health: config.Health{Path: "/livez", Interval: 5 * time.Millisecond, Timeout: time.Second}}
	registry := upstream.NewRegistry(net.DefaultResolver, slog.New(slog.DiscardHandler))
	defer registry.Close()
	group := registry.Open(owner)
	r := group.Replicas()[0]
	r.MarkDown("as the test wants")
	require.Eventually(t, r.Healthy, wait, time.Millisecond, "by default any answer below 500 is a sign of life")
	answer(500)
	require.Eventually(t, func() bool { return !r.Healthy() }, wait, time.Millisecond)
	require.Contains(t, r.Verdict().Reason, "GET /livez answered 500")
	answer(200)
	require.Eventually(t, r.Healthy, wait, time.Millisecond)

	owner.Health.Path, owner.Health.Named = "/readyz", true
	strict := registry.Open(owner)
	require.Same(t, r, strict.Replicas()[0])
	answer(404)
	require.Eventually(t, func() bool { return !r.Healthy() }, wait, time.Millisecond, "a named path must succeed")
	strict.Close()
	group.Close()
}

func TestOnlyARefusalOrALongSilenceTakesAReplicaOut(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		down bool
	}{
		"refused":        {syscall.ECONNREFUSED, true},
		"silent":         {os.ErrDeadlineExceeded, true},
		"no descriptors": {syscall.EMFILE, false},
		"no ports":       {syscall.EADDRNOTAVAIL, false},
		"no route":       {syscall.ENETUNREACH, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.down, upstream.IsDown(&net.OpError{Op: "dial", Err: c.err}))
		})
	}
	require.False(t, upstream.IsDown(upstream.ErrDeadline))
}

// A configuration that goes away may look its address up once more while the next one
// is in force already.
func TestTheNewestSettingsCount(t *testing.T) {
	registry := upstream.NewRegistry(net.DefaultResolver, slog.New(slog.DiscardHandler))
	defer registry.Close()
	owner := config.Owner{
		Name: "a", Replicas: []config.Replica{{Name: "r", URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}},
		Health: config.Health{Path: "/old", Interval: time.Hour, Timeout: time.Second},
	}
	before := registry.Open(owner)
	defer before.Close()
	owner.Health.Path = "/new"
	after := registry.Open(owner)
	defer after.Close()
	require.Same(t, before.Replicas()[0], after.Replicas()[0])
	require.Equal(t, "/new", upstream.HealthPath(after.Replicas()[0]))
	upstream.LookAgain(before)
	require.Equal(t, "/new", upstream.HealthPath(after.Replicas()[0]))
}
