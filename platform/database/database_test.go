package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, cfg database.Config) *database.DB {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = embeddedtest.Database(t)
	}
	db, err := database.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func execute(t *testing.T, db *database.DB, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Exec(statement, args...).Error)
}

func number(t *testing.T, db *database.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

func TestABadURLIsNamedWithItsMendAndWithoutThePassword(t *testing.T) {
	here := embeddedtest.Database(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	for name, c := range map[string]struct{ url, want string }{
		"empty":             {"", "is empty: set it"},
		"another database":  {"mysql://u:hunter2@127.0.0.1/db", "write it as postgres://"},
		"no URL":            {"host=127.0.0.1 password=hunter2", "write it as postgres://"},
		"unreadable":        {"postgres://u:hunter2%zz@127.0.0.1/db", "write it as postgres://"},
		"a bad option":      {"postgres://u:hunter2@127.0.0.1/db?sslmode=perhaps", "option"},
		"nobody there":      {"postgres://u:hunter2@" + closed.Addr().String() + "/db", "start PostgreSQL there"},
		"no such database":  {strings.Replace(here, "/test_", "/never_", 1), "create that database"},
		"password in query": {"postgres://" + closed.Addr().String() + "/db?user=u&password=hunter2", "start PostgreSQL there"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := database.Open(t.Context(), database.Config{URL: c.url})
			require.ErrorContains(t, err, "DATABASE_URL")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestOpenWaitsForADatabaseThatIsNotUpYet(t *testing.T) {
	real := embeddedtest.Database(t)
	config, err := pgconn.ParseConfig(real)
	require.NoError(t, err)
	door, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := door.Addr().String()
	require.NoError(t, door.Close())

	start := time.Now()
	opened := make(chan error, 1)
	go func() {
		_, err := database.Open(t.Context(), database.Config{URL: "postgres://x@" + address + "/x", Wait: 300 * time.Millisecond})
		opened <- err
	}()
	require.Error(t, <-opened)
	require.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)

	go func() {
		db, err := database.Open(t.Context(), database.Config{URL: fmt.Sprintf("postgres://%s:%s@%s/%s", config.User, config.Password, address, config.Database), Wait: 10 * time.Second})
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	stop := forward(t, address, net.JoinHostPort(config.Host, fmt.Sprint(config.Port)))
	require.NoError(t, <-opened)
	stop()
}

// A network that swallows what a new pod sends at first: the first connection is never
// answered, those after it are.
func TestOpenDoesNotHangOnItsFirstAttempt(t *testing.T) {
	config, err := pgconn.ParseConfig(embeddedtest.Database(t))
	require.NoError(t, err)
	door, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := door.Addr().String()
	opened := make(chan error, 1)
	go func() {
		url := fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", config.User, config.Password, address, config.Database)
		db, err := database.Open(t.Context(), database.Config{URL: url, Wait: 4 * time.Second}) // less than an attempt may take at most
		if err == nil {
			err = db.Close()
		}
		opened <- err
	}()
	silent, err := door.Accept()
	require.NoError(t, err)
	defer silent.Close()
	require.NoError(t, door.Close())
	stop := forward(t, address, net.JoinHostPort(config.Host, fmt.Sprint(config.Port)))
	defer stop()
	require.NoError(t, <-opened)
}

func TestATransactionIsAllOrNothing(t *testing.T) {
	db := open(t, database.Config{})
	execute(t, db, "CREATE TABLE n (n int PRIMARY KEY)")
	require.NoError(t, db.InTx(t.Context(), func(tx *gorm.DB) error { return tx.Exec("INSERT INTO n VALUES (1)").Error }))
	mine := errors.New("mine")
	err := db.InTx(t.Context(), func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("INSERT INTO n VALUES (2)").Error)
		return mine
	})
	require.Equal(t, mine, err, "returned as it is")
	require.Panics(t, func() {
		_ = db.InTx(t.Context(), func(tx *gorm.DB) error {
			require.NoError(t, tx.Exec("INSERT INTO n VALUES (3)").Error)
			panic("mine")
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	require.Error(t, db.InTx(ctx, func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("INSERT INTO n VALUES (4)").Error)
		cancel()
		return nil
	}))
	require.Equal(t, 1, number(t, db, "SELECT sum(n) FROM n"))
	require.Equal(t, 0, db.SQL().Stats().InUse, "no connection is kept")
}

func TestADeadlockIsTriedAgain(t *testing.T) {
	db := open(t, database.Config{})
	execute(t, db, "CREATE TABLE n (id int PRIMARY KEY, n int)")
	execute(t, db, "INSERT INTO n VALUES (1, 0), (2, 0)")
	var both sync.WaitGroup
	both.Add(2)
	add := func(first, second int) error {
		attempt := 0
		return db.InTx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("UPDATE n SET n = n + 1 WHERE id = ?", first).Error; err != nil {
				return err
			}
			if attempt++; attempt == 1 { // each holds what the other wants
				both.Done()
				both.Wait()
			}
			return tx.Exec("UPDATE n SET n = n + 1 WHERE id = ?", second).Error
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- add(1, 2) }()
	go func() { errs <- add(2, 1) }()
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.Equal(t, 4, number(t, db, "SELECT sum(n) FROM n"))
}

func TestWhatStillCollidesIsAnErrorInTheEnd(t *testing.T) {
	db := open(t, database.Config{})
	attempts := 0
	err := db.InTx(t.Context(), func(tx *gorm.DB) error {
		attempts++
		return &pgconn.PgError{Code: "40001", Message: "could not serialize access"}
	})
	require.ErrorContains(t, err, "could not serialize")
	require.Equal(t, 5, attempts)
}

const killOthers = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

func TestThePoolGetsOverTheDeathOfAllItsConnections(t *testing.T) {
	url := embeddedtest.Database(t)
	db, killer := open(t, database.Config{URL: url, MaxConns: 8}), open(t, database.Config{URL: url, MaxConns: 1})
	crowd := func() {
		t.Helper()
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { errs[i] = db.Gorm(t.Context()).Exec("SELECT pg_sleep(0.02)").Error })
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
	}
	for range 3 {
		crowd() // so that all are open
		require.Positive(t, number(t, killer, killOthers))
		require.Eventually(t, func() bool {
			return number(t, killer, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") == 0
		}, 5*time.Second, 5*time.Millisecond)
		crowd() // and no request notices
	}
}

func TestATransactionThatLosesItsConnectionIsRunAgain(t *testing.T) {
	url := embeddedtest.Database(t)
	db, killer := open(t, database.Config{URL: url}), open(t, database.Config{URL: url, MaxConns: 1})
	execute(t, db, "CREATE TABLE n (n int)")
	attempt := 0
	require.NoError(t, db.InTx(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("INSERT INTO n VALUES (1)").Error; err != nil {
			return err
		}
		if attempt++; attempt == 1 {
			number(t, killer, killOthers)
		}
		return tx.Exec("INSERT INTO n VALUES (2)").Error
	}))
	require.Equal(t, 2, attempt)
	require.Equal(t, 2, number(t, db, "SELECT count(*) FROM n"))
}

func TestALargeStatementDoesNotHoldTheNext(t *testing.T) {
	db := open(t, database.Config{MaxConns: 1})
	execute(t, db, "CREATE TABLE b (b bytea)")
	for range 5 {
		execute(t, db, "INSERT INTO b SELECT ?", make([]byte, 5<<20))
	}
	require.Equal(t, 5, number(t, db, "SELECT count(*) FROM b"))
}

func TestErrorsHaveNames(t *testing.T) {
	db := open(t, database.Config{})
	execute(t, db, "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int CONSTRAINT child_parent REFERENCES parent (id))")
	execute(t, db, "INSERT INTO parent VALUES (1)")
	unique := db.Gorm(t.Context()).Exec("INSERT INTO parent VALUES (1)").Error
	require.True(t, database.IsUnique(unique, "parent_pkey"))
	require.True(t, database.IsUnique(fmt.Errorf("insert: %w", unique), ""))
	require.False(t, database.IsUnique(unique, "another"))
	require.False(t, database.IsForeignKey(unique, ""))
	foreign := db.Gorm(t.Context()).Exec("INSERT INTO child VALUES (2)").Error
	require.True(t, database.IsForeignKey(foreign, "child_parent"))
	require.False(t, database.IsUnavailable(foreign))
	require.False(t, database.IsUnavailable(nil))

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := db.Gorm(ctx).Exec("SELECT pg_sleep(5)").Error
	require.Error(t, err)
	require.False(t, database.IsUnavailable(err), "the caller's time was up: %v", err)
	require.NoError(t, db.Ping(t.Context()), "and the pool goes on")
}

func TestADatabaseThatIsGoneIsUnavailable(t *testing.T) {
	real := embeddedtest.Database(t)
	config, err := pgconn.ParseConfig(real)
	require.NoError(t, err)
	door, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := door.Addr().String()
	require.NoError(t, door.Close())
	to := net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
	stop := forward(t, address, to)
	db := open(t, database.Config{URL: fmt.Sprintf("postgres://%s:%s@%s/%s", config.User, config.Password, address, config.Database)})
	stop()
	err = db.Gorm(t.Context()).Exec("SELECT 1").Error
	require.True(t, database.IsUnavailable(err), "%v", err)
	err = db.InTx(t.Context(), func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
	require.True(t, database.IsUnavailable(err), "%v", err)
	stop = forward(t, address, to)
	require.NoError(t, db.Ping(t.Context()), "it is back, and nobody restarted anything")
	stop()
}

func TestAColumnThatIsAddedBreaksNoLiveConnection(t *testing.T) {
	db := open(t, database.Config{MaxConns: 1})
	type thing struct{ ID int }
	execute(t, db, "CREATE TABLE things (id int)")
	execute(t, db, "INSERT INTO things VALUES (1)")
	for i := range 3 {
		var all []thing
		require.NoError(t, db.Gorm(t.Context()).Find(&all).Error)
		require.Len(t, all, 1)
		execute(t, db, fmt.Sprintf("ALTER TABLE things ADD COLUMN c%d int", i))
	}
}

func set(files map[string]string) fs.FS {
	all := fstest.MapFS{}
	for name, statement := range files {
		all[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	}
	return all
}

func TestReplicasMigrateAtTheSameTime(t *testing.T) {
	url := embeddedtest.Database(t)
	// IF NOT EXISTS is left out on purpose: twice is an error.
	files := set(map[string]string{"00001_one.sql": "CREATE TABLE one (n int);", "00002_two.sql": "CREATE TABLE two (n int); SELECT pg_sleep(0.2);"})
	var all sync.WaitGroup
	ran, errs := make([]int, 3), make([]error, 3)
	for i := range errs {
		db := open(t, database.Config{URL: url})
		all.Go(func() { ran[i], errs[i] = db.Migrate(t.Context(), "test", files) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 2, ran[0]+ran[1]+ran[2])
}

func TestSetsOfMigrationsDoNotMeet(t *testing.T) {
	db := open(t, database.Config{})
	for _, name := range []string{"blog", "session"} {
		n, err := db.Migrate(t.Context(), name, set(map[string]string{"00001_first.sql": "CREATE TABLE of_" + name + " (n int);"}))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
}

func TestAnOlderReleaseGoesOnWithANewerSchema(t *testing.T) {
	db := open(t, database.Config{})
	older := map[string]string{"00001_one.sql": "CREATE TABLE one (n int);"}
	newer := map[string]string{"00001_one.sql": older["00001_one.sql"], "00002_two.sql": "ALTER TABLE one ADD COLUMN m int;"}
	for _, c := range []struct {
		files map[string]string
		want  int
	}{{newer, 2}, {older, 0}, {newer, 0}} {
		n, err := db.Migrate(t.Context(), "test", set(c.files))
		require.NoError(t, err)
		require.Equal(t, c.want, n)
	}
}

func TestABadMigrationIsNamedAndLeavesNothing(t *testing.T) {
	db := open(t, database.Config{})
	_, err := db.Migrate(t.Context(), "test", set(map[string]string{"00001_bad.sql": "CREATE TABLE one (n int); CREATE TABEL two;"}))
	require.ErrorContains(t, err, "00001_bad.sql")
	require.Equal(t, 0, number(t, db, "SELECT count(*) FROM pg_tables WHERE tablename = 'one'"))
	_, err = db.Migrate(t.Context(), "test", fstest.MapFS{})
	require.ErrorContains(t, err, "test migrations")
}

func TestSlowStatementsAreToldWithoutTheirValues(t *testing.T) {
	var out bytes.Buffer
	db := open(t, database.Config{Logger: slog.New(slog.NewTextHandler(&out, nil)), SlowQuery: 10 * time.Millisecond})
	execute(t, db, "SELECT 'quick'")
	require.Empty(t, out.String())
	execute(t, db, "SELECT pg_sleep(0.02), ?::text", "secret@example.org")
	require.Contains(t, out.String(), "slow statement")
	require.Contains(t, out.String(), "pg_sleep")
	require.NotContains(t, out.String(), "secret")
}
