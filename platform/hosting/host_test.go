package hosting_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
)

const (
	soon  = 30 * time.Second
	often = 5 * time.Millisecond
)

// newHost returns a host on free ports that answers nothing yet.
func newHost(t *testing.T, environ ...string) (*hosting.Host, configuration) {
	t.Helper()
	cfg, err := read(append([]string{"LISTEN_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0", "DRAIN_NOTICE=0s"}, environ...)...)
	require.NoError(t, err)
	h, err := hosting.New(cfg.Environment, "v1", quiet())
	require.NoError(t, err)
	t.Cleanup(func() { _ = h.Stop() }) // a test may have stopped it
	return h, cfg
}

// answers opens the ports; the public one has /livez, and whatever else is asked.
func answers(t *testing.T, h *hosting.Host, rest http.HandlerFunc) {
	t.Helper()
	require.NoError(t, h.Listen())
	public := http.NewServeMux()
	public.HandleFunc("/livez", func(http.ResponseWriter, *http.Request) {})
	if rest != nil {
		public.HandleFunc("/", rest)
	}
	h.Answer(public, httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: h.Logger, Registry: h.Registry, Ready: h.Ready,
		Topology: func() any { return h.Describe("http://blog.example.org", "cats", "dogs") },
	}))
}

// get asks a port on a connection of its own.
func get(t *testing.T, port *httpkit.Port, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+port.Address()+path, nil)
	require.NoError(t, err)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(b)
}

func TestAHostDrainsBeforeItEnds(t *testing.T) {
	h, _ := newHost(t, "DRAIN_NOTICE=100ms", "DRAIN_TIMEOUT=1h")
	entered, release := make(chan struct{}), make(chan struct{})
	answers(t, h, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	status, _ := get(t, h.AdminPort, "/readyz")
	require.Equal(t, 200, status)

	ctx, signal := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Wait(ctx) }()
	inFlight := make(chan string, 1)
	go func() {
		_, body := get(t, h.PublicPort, "/slow")
		inFlight <- body
	}()
	<-entered
	signalled := time.Now()
	signal()
	<-h.PublicPort.Draining()
	status, why := get(t, h.AdminPort, "/readyz")
	require.Equal(t, 503, status, "the admin port answers until the public one is done")
	require.Equal(t, "draining\n", why)
	close(release)
	require.Equal(t, "done", <-inFlight)
	require.NoError(t, <-ended)
	require.GreaterOrEqual(t, time.Since(signalled), 100*time.Millisecond, "it has given notice")
}

func TestAHostStopsInReverseOrder(t *testing.T) {
	h, _ := newHost(t)
	var order []string
	h.OnStop("database", func(context.Context) error { order = append(order, "database"); return nil })
	h.Keep("a part", func(ctx context.Context) error { <-ctx.Done(); order = append(order, "a part"); return ctx.Err() })
	answers(t, h, nil)
	h.OnStop("last", func(context.Context) error { order = append(order, "last"); return errors.New("it is stuck") })
	require.EqualError(t, h.Stop(), "stop last: it is stuck")
	require.Equal(t, []string{"last", "a part", "database"}, order)
	for _, port := range []*httpkit.Port{h.PublicPort, h.AdminPort} {
		_, err := net.DialTimeout("tcp", port.Address(), time.Second)
		require.Error(t, err)
	}
	require.NoError(t, h.Stop(), "nothing is left")
}

func TestAPartThatFailsEndsTheHost(t *testing.T) {
	h, _ := newHost(t)
	answers(t, h, nil)
	for range 3 { // only the first is told, and none of them is stuck
		h.Keep("relay", func(context.Context) error { return errors.New("broken") })
	}
	require.EqualError(t, h.Wait(t.Context()), "relay: broken")
}

func TestAPartThatDoesNotEndIsTold(t *testing.T) {
	h, _ := newHost(t, "DRAIN_TIMEOUT=10ms")
	release := make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(1)
	h.Keep("relay", func(context.Context) error { defer ended.Done(); <-release; return nil })
	require.EqualError(t, h.Stop(), "stop relay: it did not end in time")
	close(release)
	ended.Wait()
}

func TestAStartThatFailsHalfwayLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	h, _ := newHost(t, "LISTEN_ADDR="+taken.Addr().String(), "DRAIN_NOTICE=1h")
	require.ErrorContains(t, h.Listen(), "LISTEN_ADDR")
	require.NoError(t, h.Stop())
	_, err = net.DialTimeout("tcp", h.AdminPort.Address(), time.Second)
	require.Error(t, err)

	h, _ = newHost(t, "DRAIN_NOTICE=1h")
	require.NoError(t, h.Listen())
	require.NoError(t, h.Stop(), "it never answered: nobody has to notice that it goes")

	cfg, err := read("OTEL_EXPORTER_OTLP_ENDPOINT=traces")
	require.NoError(t, err)
	_, err = hosting.New(cfg.Environment, "", quiet())
	require.ErrorContains(t, err, "OTEL_EXPORTER_OTLP_ENDPOINT")
}

func TestAHostTellsWhatItIs(t *testing.T) {
	h, cfg := newHost(t, "REPLICA=host-7", "DATABASE_URL=postgres://blog:hunter2@db:5432/blog?options", "KAFKA_ADDRS=k1:9092,k2:9092")
	answers(t, h, nil)
	_, body := get(t, h.AdminPort, "/topology")
	var told hosting.Description
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	require.WithinDuration(t, time.Now(), told.Started, time.Hour)
	told.Started = time.Time{}
	require.Equal(t, hosting.Description{
		Host: "host", Replica: "host-7", Version: "v1", Listen: h.PublicPort.Address(), Public: "http://blog.example.org", Features: []string{"cats", "dogs"},
	}, told)
	require.NotEmpty(t, hosting.Version(""), "a binary that nobody named is of some commit, or unknown")

	require.Equal(t, hosting.Use{Kind: "postgres", Name: "blog", Address: "db:5432"}, cfg.UsesDatabase())
	require.Equal(t, hosting.Use{Kind: "kafka", Name: "kafka", Address: "k1:9092,k2:9092", Topics: []string{"cats"}}, cfg.UsesKafka("cats"))
	require.Equal(t, hosting.Use{Kind: "redis", Name: "redis", Address: "redis:6379"}, hosting.Uses("redis", "redis", "rediss://u:hunter2@redis:6379/0?x=hunter2"))

	require.NoError(t, hosting.Healthcheck(t.Context(), h.PublicPort.Address()))
	require.NoError(t, h.Stop())
	http.DefaultClient.CloseIdleConnections()
	require.ErrorContains(t, hosting.Healthcheck(t.Context(), h.PublicPort.Address()), "ask http://"+h.PublicPort.Address()+"/livez")
}

// nobody is never told of a hand-over: there is none here.
type nobody struct{ ownership.Markers }

func TestASideIsAdoptedAsTheDatabaseHasIt(t *testing.T) {
	var log bytes.Buffer
	h, cfg := newHost(t, "DATABASE_URL="+embeddedtest.Database(t), "DB_MAX_CONNS=2")
	h.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	db, err := cfg.OpenDatabase(t.Context(), quiet(), ownership.Migrate)
	require.NoError(t, err)
	defer db.Close()
	side, err := ownership.New(db, ownership.Config{Resource: "cats", Name: "host", Peer: "other", Markers: nobody{}, Drained: ownership.Drained("cats")})
	require.NoError(t, err)
	require.NoError(t, h.Adopt(t.Context(), side, ownership.Follower))
	require.Contains(t, log.String(), `"msg":"ownership","resource":"cats","state":"follower"`)
	told, err := h.Registry.Gather()
	require.NoError(t, err)
	require.NotEmpty(t, told)
}
