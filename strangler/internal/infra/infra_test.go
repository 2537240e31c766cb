package infra_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedtest"
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

// TestEachHostHasADatabaseThatTheOthersCanNotEnter tries both ways, and what a
// superuser could do.
func TestEachHostHasADatabaseThatTheOthersCanNotEnter(t *testing.T) {
	t.Parallel()
	ready := serve(t, infra.Config{Kind: "postgres", Databases: []string{"comments"}})
	addresses := map[string]string{infra.Database: ready.URL, "comments": ready.URLs["comments"]}
	for mine, address := range addresses {
		conn, err := pgx.Connect(t.Context(), address)
		require.NoError(t, err)
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), "CREATE TABLE kept (id int PRIMARY KEY)")
		require.NoError(t, err, "its own database is its own")
		for _, forbidden := range []string{"CREATE ROLE another", "CREATE DATABASE another", "COPY kept TO PROGRAM 'true'", "ALTER ROLE " + mine + " SUPERUSER"} {
			_, err = conn.Exec(t.Context(), forbidden)
			require.ErrorContains(t, err, "42501", "%s: %s", mine, forbidden)
		}
		for other := range addresses {
			if other == mine {
				continue
			}
			u, err := url.Parse(address)
			require.NoError(t, err)
			u.Path = "/" + other
			_, err = pgx.Connect(t.Context(), u.String())
			require.ErrorContains(t, err, "permission denied for database", "%s asks for %s", mine, other)
		}
	}
}

func TestAnAccountThatIsThereIsTakenAgainAndAStrangersIsNot(t *testing.T) {
	t.Parallel()
	admin := embeddedtest.Database(t)
	name := "comments_" + strings.ToLower(rand.Text()[:8])
	first, err := infra.Provide(t.Context(), admin, infra.Account{Name: name, Password: "it's one"})
	require.NoError(t, err)
	again, err := infra.Provide(t.Context(), admin, infra.Account{Name: name, Password: "two"})
	require.NoError(t, err)
	require.NoError(t, enters(t, again))
	require.Error(t, enters(t, first), "its password is another one now")
	require.NoError(t, infra.MayProvide(t.Context(), admin))
	require.ErrorIs(t, infra.MayProvide(t.Context(), again), infra.ErrNotAllowed)
	_, err = infra.Provide(t.Context(), again, infra.Account{Name: name + "_x", Password: "secret"})
	require.ErrorIs(t, err, infra.ErrNotAllowed)
	require.NotContains(t, err.Error(), "secret")

	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+name+"_y")
	require.NoError(t, err)
	_, err = infra.Provide(t.Context(), admin, infra.Account{Name: name + "_y"})
	require.ErrorIs(t, err, infra.ErrTaken)
}

// TestWhoMayMakeRolesAndDatabasesNeedBeNoSuperuser: as a server's user in the cloud.
func TestWhoMayMakeRolesAndDatabasesNeedBeNoSuperuser(t *testing.T) {
	t.Parallel()
	admin := embeddedtest.Database(t)
	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	name := "maker_" + strings.ToLower(rand.Text()[:8])
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
	require.NoError(t, err)
	u, err := url.Parse(admin)
	require.NoError(t, err)
	u.User = url.UserPassword(name, "x")
	require.NoError(t, infra.MayProvide(t.Context(), u.String()))
	address, err := infra.Provide(t.Context(), u.String(), infra.Account{Name: name + "_a", Password: "y"})
	require.NoError(t, err)
	require.NoError(t, enters(t, address))
}

func enters(t *testing.T, address string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err == nil {
		require.NoError(t, conn.Close(t.Context()))
	}
	return err
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
