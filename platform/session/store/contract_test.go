package store_test

import (
	"context"
	"database/sql"
	"io/fs"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/pressly/goose/v3"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/session"
	"banyan.dev/platform/session/sessiontest"
	"banyan.dev/platform/session/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestMemory(t *testing.T) {
	sessiontest.Run(t, sessiontest.Subject{
		Make: func(_ *testing.T, _ *sessiontest.Clock, limits store.Limits) store.Store {
			return store.NewMemory(limits)
		},
	})
}

func TestPostgres(t *testing.T) {
	sessiontest.Run(t, sessiontest.Subject{
		Make: func(t *testing.T, _ *sessiontest.Clock, limits store.Limits) store.Store {
			return store.NewPostgres(openPostgres(t), limits)
		},
	})
}

func TestRedisServer(t *testing.T) {
	sessiontest.Run(t, sessiontest.Subject{
		Tombstones: true,
		Make: func(t *testing.T, _ *sessiontest.Clock, limits store.Limits) store.Store {
			return store.NewRedis(openClient(t, embeddedtest.Redis(t)), 1, limits, false)
		},
	})
}

func TestRedisLibrary(t *testing.T) {
	sessiontest.Run(t, sessiontest.Subject{
		Tombstones: true,
		Make: func(t *testing.T, clock *sessiontest.Clock, limits store.Limits) store.Store {
			return store.NewRedis(libraryClient(t, clock), 1, limits, true)
		},
	})
}

func TestBoth(t *testing.T) {
	for name, fill := range map[string]bool{"on the way to Redis": true, "on the way back": false} {
		t.Run(name, func(t *testing.T) {
			sessiontest.Run(t, sessiontest.Subject{
				Tombstones: true,
				Make: func(t *testing.T, clock *sessiontest.Clock, limits store.Limits) store.Store {
					both, _, _ := openBoth(t, clock, limits)
					both.Fill = func() bool { return fill }
					return both
				},
			})
		})
	}
}

// openBoth refuses mismatches; a test that means to have one takes another hook.
func openBoth(t *testing.T, clock *sessiontest.Clock, limits store.Limits) (*store.Both, *store.Memory, *store.Redis) {
	memory := store.NewMemory(limits)
	remote := store.NewRedis(libraryClient(t, clock), 1, limits, false)
	return &store.Both{
		Memory: memory, Redis: remote,
		Fill:     func() bool { return true },
		Complete: func() bool { return true },
		Mismatch: func(_ context.Context, kind string, _ store.Record) { t.Errorf("mismatch: %s", kind) },
	}, memory, remote
}

func libraryClient(t testing.TB, clock *sessiontest.Clock) *redis.Client {
	server := miniredis.RunT(t)
	clock.With(server.FastForward)
	return openClient(t, "redis://"+server.Addr())
}

func openClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	client, err := store.NewClient(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func openPostgres(t testing.TB) *sql.DB {
	t.Helper()
	url := embeddedtest.Prepared(t, "sessions", func(ctx context.Context, url string) error {
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		defer db.Close()
		migrations, err := fs.Sub(session.Migrations, "migrations")
		if err != nil {
			return err
		}
		provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations)
		if err != nil {
			return err
		}
		_, err = provider.Up(ctx)
		return err
	})
	db, err := sql.Open("pgx", url)
	require.NoError(t, err)
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func limitsOf(clock *sessiontest.Clock) store.Limits {
	return store.Limits{Idle: sessiontest.Idle, Absolute: sessiontest.Absolute, Now: clock.Now}
}

func TestOneSweepTakesAllThatHasExpired(t *testing.T) {
	db, clock := openPostgres(t), sessiontest.NewClock()
	_, err := db.ExecContext(t.Context(), `INSERT INTO web_sessions (hash, user_id, data, created_at, last_seen_at, deadline, user_agent, address)
		SELECT 'h' || n, 'ada', '', $1, $1, $1, '', '' FROM generate_series(1, 2500) n`, clock.Now())
	require.NoError(t, err)
	remote := store.NewPostgres(db, limitsOf(clock))
	require.NoError(t, remote.Create(t.Context(), sessiontest.Record("live", "ada", clock.Now())))
	swept, err := remote.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2500, swept)
	require.Equal(t, store.Live, state(t, remote, "live"))
}

func TestRedisThatIsDownFailsFast(t *testing.T) {
	client := openClient(t, "redis://127.0.0.1:1")
	remote := store.NewRedis(client, 1, limitsOf(sessiontest.NewClock()), false)
	begun := time.Now()
	_, err := remote.Load(t.Context(), "h")
	require.ErrorContains(t, err, "load session in Redis at 127.0.0.1:1")
	require.Less(t, time.Since(begun), 700*time.Millisecond)
}

func TestABadAddressKeepsItsPassword(t *testing.T) {
	_, err := store.NewClient("redis://user:secret@host:port:5/x")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
}
