package handover_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
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

const partitions = 2

// schema is a resource that is as small as can be and still has all that a hand-over
// is about: aggregates with versions, an idempotency key for each write, an outbox,
// an inbox, markers and dead letters. An entry is a write; its place is its version.
const schema = `
CREATE TABLE aggregates (id text PRIMARY KEY, version int NOT NULL);
CREATE TABLE entries (aggregate text, version int, key text NOT NULL, PRIMARY KEY (aggregate, version));
CREATE TABLE keys (key text PRIMARY KEY);
CREATE TABLE outbox (id bigserial PRIMARY KEY, partition int NOT NULL, aggregate text NOT NULL, version int NOT NULL,
	key text NOT NULL, epoch bigint NOT NULL, published bool NOT NULL DEFAULT false);
CREATE TABLE inbox (event bigint PRIMARY KEY);
CREATE TABLE markers (epoch bigint, partition int, PRIMARY KEY (epoch, partition));
CREATE TABLE letters (event bigint PRIMARY KEY, aggregate text NOT NULL, version int NOT NULL, key text NOT NULL)`

func prepare(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := ownership.Migrate(ctx, db); err != nil {
		return err
	}
	return db.Gorm(ctx).Exec(schema).Error
}

// site is one of the two hosts with its database. The rules that a test takes away
// are in place of the right ones here, never in the product.
type site struct {
	*ownership.Side
	name  string
	db    *database.DB
	other *site
	rules rules
	log   [partitions][]event // what it has published: a topic
	read  [partitions]int     // how far the other side's topic was handled here
	// fencing is called inside of the transaction that fences, before its commit.
	fencing func()
	down    bool
}

// event is a message: an entry, or the marker of an epoch when the aggregate is "".
type event struct {
	ID        int64
	Partition int
	Aggregate string
	Version   int
	Key       string
	Epoch     int64
}

func newSites(t testing.TB, r rules) [2]*site {
	t.Helper()
	var sites [2]*site
	for i, name := range []string{"monolith", "comments"} {
		db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Prepared(t, "handover", prepare), MaxConns: 24})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		sites[i] = &site{name: name, db: db, rules: r}
	}
	sites[0].other, sites[1].other = sites[1], sites[0]
	for _, s := range sites {
		s.open(t, 5*time.Millisecond, time.Millisecond)
	}
	return sites
}

// open makes the side; lockTimeout and within bound its fence.
func (s *site) open(t require.TestingT, lockTimeout, within time.Duration) {
	cfg := ownership.Config{
		Resource: "comments", Name: s.name, Peer: s.other.name, Markers: s, Drained: asked(s.undrained),
		LockTimeout: lockTimeout, FenceWithin: within,
	}
	if s.rules.letters {
		cfg.Requires = []ownership.Requirement{asked(s.openLetters)}
	}
	side, err := ownership.New(s.db, cfg)
	require.NoError(t, err)
	s.Side = side
}

// begin empties the database and says who owns.
func (s *site) begin(t require.TestingT, as ownership.State) {
	for _, table := range []string{"aggregates", "entries", "keys", "outbox", "inbox", "markers", "letters", "ownership", "ownership_moves"} {
		s.exec(t, "DELETE FROM "+table) // faster than TRUNCATE, which makes new files
	}
	s.log, s.read, s.down = [partitions][]event{}, [partitions]int{}, false
	_, err := s.Adopt(context.Background(), as, "the first day")
	require.NoError(t, err)
}

func (s *site) exec(t require.TestingT, statement string, args ...any) {
	require.NoError(t, s.db.Gorm(context.Background()).Exec(statement, args...).Error)
}

// asked is a requirement made of a function.
type asked func(tx *gorm.DB, epoch int64) (string, error)

func (a asked) Missing(tx *gorm.DB, epoch int64) (string, error) { return a(tx, epoch) }

func (s *site) undrained(tx *gorm.DB, epoch int64) (string, error) {
	var n int
	condition := "epoch = ?"
	if !s.rules.markerOfEpoch {
		condition = "epoch > 0 OR epoch = ?"
	}
	err := tx.Raw("SELECT count(DISTINCT partition) FROM markers WHERE "+condition, epoch).Scan(&n).Error
	need := partitions
	if !s.rules.everyPartition {
		need = 1
	}
	if err != nil || n >= need || !s.rules.drain {
		return "", err
	}
	return fmt.Sprintf("%d of %d markers of epoch %d", n, partitions, epoch), nil
}

func (s *site) openLetters(tx *gorm.DB, _ int64) (string, error) {
	var n int
	err := tx.Raw("SELECT count(*) FROM letters").Scan(&n).Error
	if err != nil || n == 0 {
		return "", err
	}
	return fmt.Sprintf("%d open dead letters", n), nil
}

// Mark writes the marker of each partition.
func (s *site) Mark(tx *gorm.DB, fenced ownership.Row) error {
	if s.fencing != nil {
		s.fencing()
	}
	for p := range partitions {
		if err := appendEvent(tx, event{Partition: p, Epoch: fenced.Epoch}); err != nil {
			return err
		}
	}
	return nil
}

// state is what a database holds at one moment.
type state struct {
	ownership.Row
	entries map[string]string // by "aggregate/version", the key
}

func (s *site) look(t require.TestingT) state {
	var got struct {
		State   ownership.State
		Epoch   int64
		Entries string
	}
	err := s.db.Gorm(context.Background()).Raw(`SELECT state, epoch,
		(SELECT coalesce(string_agg(aggregate || '/' || version || '=' || key, ' '), '') FROM entries) AS entries FROM ownership`).Scan(&got).Error
	require.NoError(t, err)
	seen := state{Row: ownership.Row{State: got.State, Epoch: got.Epoch}, entries: map[string]string{}}
	for _, text := range strings.Fields(got.Entries) {
		place, key, _ := strings.Cut(text, "=")
		seen.entries[place] = key
	}
	return seen
}

// broken says which promise is not kept, or "". acked are the keys of the writes that
// somebody was told are done.
func broken(a, b state, acked []string) string {
	if a.State == ownership.Owner && b.State == ownership.Owner {
		return fmt.Sprintf("two owners: at %d and at %d", a.Epoch, b.Epoch)
	}
	if a.State == ownership.Follower && b.State == ownership.Follower {
		return "nobody holds it"
	}
	for place, key := range a.entries {
		if there, ok := b.entries[place]; ok && there != key {
			return fmt.Sprintf("two histories: %s is %s and %s", place, key, there)
		}
	}
	for _, side := range [][2]state{{a, b}, {b, a}} {
		if why := side[0].lacks(side[1], acked); why != "" {
			return why
		}
	}
	return ""
}

// lacks looks at one side, beside the other.
func (s state) lacks(other state, acked []string) string {
	seen := map[string]string{}
	for place, key := range s.entries {
		if at, twice := seen[key]; twice {
			return fmt.Sprintf("%s was done twice: %s and %s", key, at, place)
		}
		seen[key] = place
	}
	if s.State != ownership.Owner {
		return ""
	}
	for _, place := range slices.Sorted(maps.Keys(other.entries)) {
		if s.entries[place] == "" {
			return fmt.Sprintf("the owner lacks %s, which the other side has", place)
		}
	}
	for _, key := range acked {
		if seen[key] == "" {
			return fmt.Sprintf("%s was acknowledged, and the owner does not have it", key)
		}
	}
	return ""
}
