package hosting_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/hosting"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The one PostgreSQL of the test process lives as long as the process.
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"),
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).watchCtx.func1"),
	)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// configuration is a host's own: all hosts' part, and a variable that only it has.
type configuration struct {
	hosting.Environment
	Cats bool `env:"CATS"`
}

const database5432 = "DATABASE_URL=postgres://blog:hunter2@db:5432/blog"

func read(environ ...string) (configuration, error) {
	cfg := configuration{Environment: hosting.Environment{Name: "host", ListenAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081"}}
	err := hosting.Read(environ, &cfg, &cfg.Environment)
	return cfg, err
}

func TestWhatIsNotSaidHasADefault(t *testing.T) {
	cfg, err := read(database5432)
	require.NoError(t, err)
	require.NoError(t, cfg.Check())
	require.Equal(t, "127.0.0.1:8080", cfg.ListenAddr)
	require.Equal(t, "127.0.0.1:8081", cfg.AdminAddr)
	require.Equal(t, "http://127.0.0.1:8080", cfg.PublicURL)
	require.Equal(t, "host-0", cfg.Replica)
	require.Equal(t, 10*time.Second, cfg.DrainTimeout)
	require.Len(t, cfg.TrustedProxies, 2, "only who is on the same machine")

	cfg, err = read(database5432, "LISTEN_ADDR=", "ADMIN_ADDR=127.0.0.1:1", "HOSTNAME=4f1c", "PUBLIC_URL=https://blog.example.org/", "CATS=true", "KAFKA_ADDRS=k1:9092, k2:9092")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", cfg.ListenAddr, "empty is as good as not there")
	require.Equal(t, "127.0.0.1:1", cfg.AdminAddr)
	require.Equal(t, "host-4f1c", cfg.Replica)
	require.Equal(t, "https://blog.example.org", cfg.PublicURL)
	require.Equal(t, []string{"k1:9092", "k2:9092"}, cfg.KafkaAddrs)
	require.True(t, cfg.Cats)

	cfg, err = read(database5432, "HOSTNAME=4f1c", "REPLICA=b")
	require.NoError(t, err)
	require.Equal(t, "b", cfg.Replica)
}

func TestWhatCantBeReadIsToldAtOnceWithItsMend(t *testing.T) {
	_, err := read("DB_MAX_CONNS=many", "DRAIN_TIMEOUT=ten", "TRUSTED_PROXIES=gateway", "OTEL_SAMPLER=", "OTEL_TRACES_SAMPLER_ARG=half", "KAFKA_TLS=perhaps", "CATS=some")
	for _, told := range []string{
		`DB_MAX_CONNS "many" can't be read: write it as a whole number`,
		`DRAIN_TIMEOUT "ten" can't be read: write it as a duration, such as 10s`,
		`TRUSTED_PROXIES "gateway" can't be read: write it as networks`,
		`OTEL_TRACES_SAMPLER_ARG "half" can't be read: write it as a part`,
		`KAFKA_TLS "perhaps" can't be read: write it as true or false`,
		`CATS "some" can't be read: write it as true or false`,
	} {
		require.ErrorContains(t, err, told)
	}
}

func TestWhatCantWorkIsToldAtOnceWithItsMend(t *testing.T) {
	cfg, err := read("DATABASE_URL=mysql://blog:hunter2@db/blog", "DB_MAX_CONNS=1", "DB_WAIT=-1s", "DRAIN_NOTICE=-2s", "DRAIN_TIMEOUT=-3s", "ADMIN_ADDR=8083", "KAFKA_USER=u")
	require.NoError(t, err)
	err = cfg.Check()
	for _, told := range []string{
		"DATABASE_URL is no PostgreSQL address: write postgres://", "DB_MAX_CONNS 1 is too small: use 2 or more", "DB_WAIT -1s is negative: use 0s or more",
		"DRAIN_NOTICE -2s", "DRAIN_TIMEOUT -3s", `ADMIN_ADDR "8083": write host:port`, "KAFKA_PASSWORD is not",
	} {
		require.ErrorContains(t, err, told)
	}
	require.NotContains(t, err.Error(), "hunter2")
	cfg, err = read()
	require.NoError(t, err)
	require.ErrorContains(t, cfg.Check(), "DATABASE_URL is not set: write postgres://")
	_, err = cfg.Keys()
	require.ErrorContains(t, err, "IDENTITY_KEY: there is no key")
	require.NoError(t, hosting.CheckSite("PUBLIC_URL", cfg.PublicURL))
	for _, s := range []string{"blog", "ftp://blog.example.org", "https://blog.example.org/path", "https://"} {
		require.ErrorContains(t, hosting.CheckSite("public_url", s), "public_url \""+s+"\" is no address of a site", s)
	}
}

func TestTheAdminPortIsNotOpenedToOthersWithoutASecret(t *testing.T) {
	check := func(environ ...string) error {
		cfg, err := read(append(environ, database5432)...)
		require.NoError(t, err)
		return cfg.Check()
	}
	for _, token := range []string{"", "short", "change-me", "changeme", "Password"} {
		require.ErrorContains(t, check("ADMIN_ADDR=0.0.0.0:8081", "ADMIN_TOKEN="+token), "ADMIN_TOKEN is empty, short or a default", token)
	}
	for _, address := range []string{"127.0.0.1:8081", "localhost:8081", "[::1]:8081"} {
		require.NoError(t, check("ADMIN_ADDR="+address))
	}
	require.NoError(t, check("ADMIN_ADDR=:8081", "ADMIN_TOKEN=0123456789abcdef"))
}

func TestNoSecretIsShown(t *testing.T) {
	cfg, err := read(database5432, "ADMIN_TOKEN=hunter2-hunter2-hunter2", "IDENTITY_KEY=hunter2-hunter2-hunter2-hunter2-hunter2", "KAFKA_USER=u", "KAFKA_PASSWORD=hunter2")
	require.NoError(t, err)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "start", cfg.Shown()...)
	require.Contains(t, out.String(), "db:5432")
	require.Contains(t, out.String(), `"ADMIN_TOKEN":true`)
	require.NotContains(t, out.String(), "hunter2")
}

func TestADatabaseIsWaitedForAndMigrated(t *testing.T) {
	cfg, err := read("DATABASE_URL="+embeddedtest.Database(t), "DB_MAX_CONNS=2")
	require.NoError(t, err)
	migrate := func(ctx context.Context, db *database.DB) error {
		_, err := db.SQL().ExecContext(ctx, "CREATE TABLE things (id int)")
		return err
	}
	db, err := cfg.OpenDatabase(t.Context(), quiet(), migrate)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.SQL().ExecContext(t.Context(), "INSERT INTO things VALUES (1)")
	require.NoError(t, err)

	no := errors.New("no migration")
	_, err = cfg.OpenDatabase(t.Context(), quiet(), func(context.Context, *database.DB) error { return no })
	require.ErrorIs(t, err, no)
	cfg.DatabaseURL, cfg.DBWait = "postgres://nobody:hunter2@127.0.0.1:1/blog", time.Millisecond
	_, err = cfg.OpenDatabase(t.Context(), quiet(), migrate)
	require.ErrorContains(t, err, "(waited DB_WAIT, 1ms)")
	require.NotContains(t, err.Error(), "hunter2")
}
