package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is a resource of two kinds: things with a version, and marks of them without,
// several for each.
const schema = `
CREATE TABLE things (id uuid PRIMARY KEY, version int NOT NULL, body text, at timestamptz NOT NULL);
CREATE TABLE marks (name text, thing uuid NOT NULL, hash bytea NOT NULL, PRIMARY KEY (name, thing));
CREATE INDEX marks_thing ON marks (thing)`

var (
	things = reconcile.Table{
		Kind: "thing", From: "things", Place: "id", Version: "version::bigint", Epoch: "1", About: "body",
		Content: []string{"id", "version::bigint", "body::text", "at"},
	}
	marks = reconcile.Table{Kind: "mark", From: "marks", Place: "thing", Sub: "name", Content: []string{"thing", "name::text", "hash"}}
)

func open(t testing.TB, options string) *database.DB {
	t.Helper()
	url := embeddedtest.Prepared(t, "reconcile", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Gorm(ctx).Exec(schema).Error
	})
	db, err := database.Open(t.Context(), database.Config{URL: url + options, MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

var bg = context.Background()

func run(t require.TestingT, db *database.DB, statement string, args ...any) {
	require.NoError(t, db.Gorm(context.Background()).Exec(statement, args...).Error)
}

// side is the tables behind HTTP, as a host's admin port answers for them.
func side(t testing.TB, name string, source reconcile.Source, more ...string) *reconcile.Client {
	t.Helper()
	server := httptest.NewServer(reconcile.Handler(source, nil))
	client := reconcile.NewClient(reconcile.ClientConfig{Resource: "things", Name: name, URLs: append(more, server.URL)})
	t.Cleanup(func() { client.Close(); server.Close() })
	return client
}

// pair are two databases, and each as a side.
type pair struct {
	dbs   [2]*database.DB
	sides [2]*reconcile.Client
}

func newPair(t testing.TB) pair {
	t.Helper()
	var p pair
	for i, name := range []string{"owner", "follower"} {
		p.dbs[i] = open(t, "")
		p.sides[i] = side(t, name, reconcile.NewTables(p.dbs[i], things, marks))
	}
	return p
}

func (p pair) both(t require.TestingT, statement string, args ...any) {
	run(t, p.dbs[0], statement, args...)
	run(t, p.dbs[1], statement, args...)
}

// fill makes n things with two marks each, on both sides.
func (p pair) fill(t require.TestingT, n int) {
	p.both(t, `INSERT INTO things SELECT md5('thing' || i)::uuid, 1 + i % 4, 'the body of ' || i, '2026-01-01 00:00+00'::timestamptz + i * interval '1 us'
		FROM generate_series(1, ?) AS i`, n)
	p.both(t, `INSERT INTO marks SELECT 'mark-' || j || '-' || i, md5('thing' || i)::uuid, sha256((i || '/' || j)::bytea)
		FROM generate_series(1, ?) AS i, generate_series(1, 2) AS j`, n)
}

// compare compares without a second look, unless opts says otherwise.
func (p pair) compare(t require.TestingT, opts reconcile.Options) reconcile.Report {
	if opts.Again == 0 {
		opts.Again = -1
	}
	report, err := reconcile.Compare(context.Background(), p.sides[0], p.sides[1], opts)
	require.NoError(t, err)
	return report
}

// named is what a report says, a line for each difference.
func named(report reconcile.Report) []string {
	lines := []string{}
	for _, d := range report.Differences {
		lines = append(lines, line(d.Kind, d.Place, d.Sub, d.What))
	}
	return lines
}

func line(kind, place, sub string, what reconcile.What) string {
	return fmt.Sprintf("%s %s %s: %s", kind, place, sub, what)
}

// memory is a side in memory: for clocks that stand still, and for what a database
// can't be made to do.
type memory struct {
	rows map[reconcile.Key]reconcile.Row
	// before is called ahead of each question.
	before func(question string)
	form   string
}

func (m *memory) ask(question string) {
	if m.before != nil {
		m.before(question)
	}
}

func (m *memory) put(i int, version int64, content string) {
	key := reconcile.Key{Kind: "thing", Place: place(i)}
	m.rows[key] = reconcile.Row{Key: key, Version: version, Hash: content}
}

func place(i int) string { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)).String() }

func (m *memory) within(r reconcile.Range) (rows []reconcile.Row) {
	for _, key := range slices.SortedFunc(maps.Keys(m.rows), func(a, b reconcile.Key) int {
		return slices.Compare([]string{a.Place, a.Sub}, []string{b.Place, b.Sub})
	}) {
		if key.Kind == r.Kind && key.Place > r.After && (r.Through == "" || key.Place <= r.Through) {
			rows = append(rows, m.rows[key])
		}
	}
	return rows
}

func (m *memory) Kinds(context.Context) ([]reconcile.Kind, error) {
	m.ask("kinds")
	return []reconcile.Kind{{Name: "thing", Form: m.form}}, nil
}

func (m *memory) Split(_ context.Context, ranges []reconcile.Range, rows int) ([][]string, error) {
	m.ask("split")
	places := make([][]string, len(ranges))
	for i, r := range ranges {
		for j, row := range m.within(r) {
			if (j+1)%rows == 0 && len(places[i]) < reconcile.MaxPlaces {
				places[i] = append(places[i], row.Place)
			}
		}
	}
	return places, nil
}

func (m *memory) Digests(_ context.Context, ranges []reconcile.Range) ([]reconcile.Digest, error) {
	m.ask("digests")
	digests := make([]reconcile.Digest, len(ranges))
	for i, r := range ranges {
		rows := m.within(r)
		digests[i] = reconcile.Digest{Rows: int64(len(rows)), Sum: fmt.Sprint(rows)}
	}
	return digests, nil
}

func (m *memory) Rows(_ context.Context, ranges []reconcile.Range) ([][]reconcile.Row, error) {
	m.ask("rows")
	rows := make([][]reconcile.Row, len(ranges))
	for i, r := range ranges {
		rows[i] = m.within(r)
	}
	return rows, nil
}

func (m *memory) Find(_ context.Context, kind string, places []string) (found []reconcile.Row, err error) {
	m.ask("find")
	for _, place := range places {
		if row, ok := m.rows[reconcile.Key{Kind: kind, Place: place}]; ok {
			found = append(found, row)
		}
	}
	return found, nil
}
