package ownership_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/ownership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prepare makes a database with a table that is written, and a feed for markers.
func prepare(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := ownership.Migrate(ctx, db); err != nil {
		return err
	}
	return db.Gorm(ctx).Exec(`CREATE TABLE feed (id bigserial PRIMARY KEY, text text NOT NULL);
		CREATE TABLE arrived (epoch bigint NOT NULL);
		CREATE TABLE letters (id bigserial PRIMARY KEY)`).Error
}

func open(t testing.TB, conns int) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Prepared(t, "ownership", prepare), MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// marks writes a marker, and lets a test look in before the commit.
type marks struct {
	before func(tx *gorm.DB) error
}

func (m marks) Mark(tx *gorm.DB, fenced ownership.Row) error {
	if m.before != nil {
		if err := m.before(tx); err != nil {
			return err
		}
	}
	return tx.Exec("INSERT INTO feed (text) VALUES (?)", "marker "+fenced.String()).Error
}

// asked is a requirement made of a query that counts what is missing.
type asked struct {
	text, query string
	after       func()
}

func (a asked) Missing(tx *gorm.DB, epoch int64) (string, error) {
	var n int
	query := tx.Raw(a.query, map[string]any{"epoch": epoch}).Scan(&n)
	if a.after != nil {
		a.after()
	}
	if query.Error != nil || n == 0 {
		return "", query.Error
	}
	return a.text, nil
}

var (
	drained = asked{text: "the marker is missing", query: "SELECT 1 - count(*) FROM arrived WHERE epoch = @epoch"}
	letters = asked{text: "a dead letter is open: redrive or discard it", query: "SELECT count(*) FROM letters WHERE @epoch > 0"}
)

func config() ownership.Config {
	return ownership.Config{
		Resource: "comments", Name: "monolith", Peer: "comments", Markers: marks{}, Drained: drained,
		Requires: []ownership.Requirement{letters}, LockTimeout: 20 * time.Millisecond, FenceWithin: 10 * time.Second,
	}
}

func newSide(t testing.TB, db *database.DB, cfg ownership.Config) *ownership.Side {
	t.Helper()
	s, err := ownership.New(db, cfg)
	require.NoError(t, err)
	return s
}

// owner is a side that owns at 1.
func owner(t testing.TB, db *database.DB, cfg ownership.Config) *ownership.Side {
	t.Helper()
	s := newSide(t, db, cfg)
	_, err := s.Adopt(t.Context(), ownership.Owner, "the first day")
	require.NoError(t, err)
	return s
}

func execute(t testing.TB, db *database.DB, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Exec(statement, args...).Error)
}

// put makes the row what a test begins with.
func put(t testing.TB, db *database.DB, state ownership.State, epoch int64) {
	t.Helper()
	execute(t, db, `INSERT INTO ownership (resource, state, epoch, by) VALUES ('comments', ?, ?, 'test')
		ON CONFLICT (resource) DO UPDATE SET state = excluded.state, epoch = excluded.epoch`, state, epoch)
}

func is(t testing.TB, s *ownership.Side, state ownership.State, epoch int64) {
	t.Helper()
	row, err := s.Row(t.Context())
	require.NoError(t, err)
	require.Equal(t, ownership.Row{State: state, Epoch: epoch}.String(), row.String())
}

func row(state ownership.State, epoch int64) ownership.Row {
	return ownership.Row{Resource: "comments", State: state, Epoch: epoch}
}

var firstFence = ownership.Order{Move: ownership.Fence, Epoch: 1, Other: row(ownership.Follower, 0), By: "test"}

// waiting is how many sessions wait for an advisory lock.
func waiting(t testing.TB, db *database.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Gorm(t.Context()).Raw(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n).Error)
	return n
}

func awaitWaiting(t testing.TB, db *database.DB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return waiting(t, db) == n }, 10*time.Second, time.Millisecond)
}
