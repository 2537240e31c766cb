package infra_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
	"banyan.dev/strangler/internal/infra"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the test ends, and returns what it reported.
func serve(t *testing.T, c infra.Config) infra.Ready {
	t.Helper()
	dir, err := os.MkdirTemp("", "banyan-infra-*") // that PostgreSQL's user can enter
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	c.Dir, c.Ready = filepath.Join(dir, "data"), filepath.Join(dir, "ready.json")
	if c.Port, err = embedded.FreePort(); err != nil {
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- infra.Serve(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, os.RemoveAll(dir))
	})
	var ready infra.Ready
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(c.Ready)
		return err == nil && json.Unmarshal(content, &ready) == nil
	}, time.Minute, 10*time.Millisecond)
	return ready
}

func TestPostgresIsThereWithItsDatabase(t *testing.T) {
	t.Parallel()
	ready := serve(t, infra.Config{Kind: "postgres"})
	conn, err := pgx.Connect(t.Context(), ready.URL)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	var name string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
	require.Equal(t, infra.Database, name)
}

func TestRedisSaysWhichKindItIs(t *testing.T) {
	t.Parallel()
	ready := serve(t, infra.Config{Kind: "redis"})
	require.Contains(t, []string{"redis-server", "library"}, ready.Kind)
	require.Contains(t, ready.URL, "redis://127.0.0.1:")
}

func TestMailAndKafkaListen(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"mail", "kafka"} {
		ready := serve(t, infra.Config{Kind: kind})
		conn, err := net.Dial("tcp", ready.URL)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

func TestWhatIsNoInfrastructureIsNamed(t *testing.T) {
	err := infra.Serve(t.Context(), infra.Config{Kind: "mysql"})
	require.ErrorContains(t, err, `"mysql" is no infrastructure: use postgres`)
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, kind := range []string{"mail", "kafka", "redis"} {
		err := infra.Serve(t.Context(), infra.Config{Kind: kind, Port: l.Addr().(*net.TCPAddr).Port})
		require.Error(t, err, kind)
		require.ErrorContains(t, err, "start "+kind)
	}
}
