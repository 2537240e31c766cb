package embedded_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder is a temporary folder that other users can enter, which t.TempDir is
// not under every umask.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "banyan-embedded-*")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func start(t *testing.T, cfg embedded.PostgresConfig) *embedded.Postgres {
	t.Helper()
	pg, err := embedded.StartPostgres(t.Context(), cfg)
	require.NoError(t, err)
	return pg
}

func stop(t *testing.T, pg *embedded.Postgres) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, pg.Stop(ctx))
}

func query(t *testing.T, url, statement string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	require.NoError(t, conn.QueryRow(t.Context(), statement).Scan(&n))
	return n
}

func TestPostgresKeepsItsDataOverAStopAndAKill(t *testing.T) {
	t.Parallel()
	cfg := embedded.PostgresConfig{Dir: filepath.Join(folder(t), "pg")}
	pg := start(t, cfg)
	require.NoError(t, pg.CreateDatabase(t.Context(), "blog"))
	require.NoError(t, pg.CreateDatabase(t.Context(), "blog"), "a second time is no error")
	stop(t, pg)

	pg = start(t, cfg)
	conn, err := pgx.Connect(t.Context(), pg.URL("blog"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pg.PID(), syscall.SIGKILL))
	_ = conn.Close(context.Background())
	stop(t, pg)

	pg = start(t, cfg)
	require.Equal(t, 7, query(t, pg.URL("blog"), "SELECT n FROM kept"), "what was acknowledged survives kill -9")
	stop(t, pg)
}

func TestAThrowawayServerLeavesNothingBehind(t *testing.T) {
	tmp := folder(t)
	t.Setenv("TMPDIR", tmp)
	pg := start(t, embedded.PostgresConfig{})
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Len(t, left, 1)
	stop(t, pg)
	left, err = os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = embedded.StartPostgres(t.Context(), embedded.PostgresConfig{Port: port})
	require.ErrorContains(t, err, "Address already in use")
	require.ErrorContains(t, err, strconv.Itoa(port))
}
