package reconcile

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"

	"banyan.dev/platform/database"
)

// Table is a kind of rows in a table of PostgreSQL. All but Kind is SQL, written in
// the program and never taken from outside.
type Table struct {
	// Kind names the rows in reports.
	Kind string
	// From is the table.
	From string
	// Place is the column that orders the rows: a uuid, never NULL, the first one of an
	// index. Where several rows share a place, they are few.
	Place string
	// Sub is the text that tells rows of one place apart; empty where there is one each.
	Sub string
	// Version and Epoch are numbers; empty where rows have none.
	Version, Epoch string
	// Content is what is compared, each with a type of its own that is the same on both
	// sides: cast what may not be.
	Content []string
	// About is the text that a Repairer needs of a row that only the follower has.
	About string
}

// Tables is one side of a comparison, made of tables. The database computes the
// hashes: of the row's binary form, which no setting of a session changes
// (timestamps as microseconds, texts as UTF-8 with their lengths). It is safe for
// concurrent use; each question is one read-only transaction on one connection.
type Tables struct {
	db     *database.DB
	tables []Table
}

var _ Source = (*Tables)(nil)

// NewTables returns the side whose rows are in db.
func NewTables(db *database.DB, tables ...Table) *Tables { return &Tables{db, tables} }

// hashing is how a row becomes a hash: SHA-256 (which PostgreSQL has itself, also
// where MD5 is forbidden) over record_send. Digests sum its first 64 bits, and rows
// show 128: another 64 in the sums cost half as much again as all the rest.
const hashing = "sha256 of record_send, 64 and 128 bits"

// Kinds are the tables' kinds. A kind's form changes with what is compared.
func (t *Tables) Kinds(context.Context) ([]Kind, error) {
	kinds := make([]Kind, len(t.tables))
	for i, table := range t.tables {
		sum := sha256.Sum256([]byte(strings.Join(append([]string{hashing, table.Sub, table.Version}, table.Content...), "\n")))
		kinds[i] = Kind{table.Kind, hex.EncodeToString(sum[:8])}
	}
	return kinds, nil
}

func (t Table) hash() string {
	return "sha256(record_send(ROW(" + strings.Join(t.Content, ", ") + ")))"
}

// orElse is the expression, or another value where there is none, and where it is NULL.
func orElse(expression, value string) string {
	if expression == "" {
		return value
	}
	return "coalesce(" + expression + ", " + value + ")"
}

// within is the condition on a place to be in a range whose ends are these. It is
// written for each shape of its own, because an index can't do with "or there is no
// end".
func (t Table) within(after, through bool) string {
	var conditions []string
	if after {
		conditions = append(conditions, t.Place+" > r.after_")
	}
	if through {
		conditions = append(conditions, t.Place+" <= r.through_")
	}
	return strings.Join(append(conditions, "true"), " AND ")
}

// ranged is a statement's part: the ranges as a table r, each with its number.
const ranged = `unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[]::int[]) AS r (after_, through_, n)`

// Digests is Source's.
func (t *Tables) Digests(ctx context.Context, ranges []Range) ([]Digest, error) {
	digests := make([]Digest, len(ranges))
	err := t.each(ctx, ranges, func(table Table, within string) string {
		return `SELECT r.n, d.rows, coalesce(d.sum::text, '') FROM ` + ranged + ` CROSS JOIN LATERAL (
			SELECT count(*) AS rows, sum(('x' || encode(substr(` + table.hash() + `, 1, 8), 'hex'))::bit(64)::bigint) AS sum
			FROM ` + table.From + ` WHERE ` + within + `) AS d`
	}, func(rows *sql.Rows) error {
		var n int
		var d Digest
		if err := rows.Scan(&n, &d.Rows, &d.Sum); err != nil {
			return err
		}
		digests[n] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("digest %d ranges: %w", len(ranges), err)
	}
	return digests, nil
}

// Rows is Source's.
func (t *Tables) Rows(ctx context.Context, ranges []Range) ([][]Row, error) {
	found, total := make([][]Row, len(ranges)), 0
	err := t.each(ctx, ranges, func(table Table, within string) string {
		return `SELECT r.n, d.* FROM ` + ranged + ` CROSS JOIN LATERAL (SELECT ` + table.columns() + ` FROM ` + table.From +
			` WHERE ` + within + fmt.Sprintf(` LIMIT %d) AS d`, MaxRows+1)
	}, func(rows *sql.Rows) error {
		var n int
		var r Row
		if err := rows.Scan(&n, &r.Place, &r.Sub, &r.Version, &r.Epoch, &r.Hash, &r.About); err != nil {
			return err
		}
		if total++; total > MaxRows {
			return ErrTooMany
		}
		r.Kind = ranges[n].Kind
		found[n] = append(found[n], r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows of %d ranges: %w", len(ranges), err)
	}
	return found, nil
}

func (t Table) columns() string {
	return fmt.Sprintf("%s::text AS place, %s AS sub, %s AS version, %s AS epoch, encode(substr(%s, 1, 16), 'hex') AS hash, %s AS about",
		t.Place, orElse(t.Sub, "''"), orElse(t.Version, "0"), orElse(t.Epoch, "0"), t.hash(), orElse(t.About, "''"))
}

// Find is Source's.
func (t *Tables) Find(ctx context.Context, kind string, places []string) (found []Row, err error) {
	table, err := t.table(kind)
	if err != nil {
		return nil, err
	}
	if err := checkPlaces(places...); err != nil {
		return nil, err
	}
	err = t.read(ctx, func(tx *sql.Tx) error {
		query := "SELECT " + table.columns() + " FROM " + table.From + " WHERE " + table.Place + fmt.Sprintf(" = ANY($1::text[]::uuid[]) LIMIT %d", MaxRows+1)
		return queryEach(ctx, tx, query, []any{array(places)}, func(rows *sql.Rows) error {
			r := Row{Key: Key{Kind: kind}}
			if err := rows.Scan(&r.Place, &r.Sub, &r.Version, &r.Epoch, &r.Hash, &r.About); err != nil {
				return err
			}
			if found = append(found, r); len(found) > MaxRows {
				return ErrTooMany
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows at %d places: %w", len(places), err)
	}
	return found, nil
}

// Split is Source's: it hops from place to place through the index, without reading
// the rows.
func (t *Tables) Split(ctx context.Context, ranges []Range, rows int) ([][]string, error) {
	if rows < 1 {
		return nil, fmt.Errorf("split into parts of %d rows: use at least 1", rows)
	}
	places := make([][]string, len(ranges))
	err := t.each(ctx, ranges, func(table Table, within string) string {
		hop := fmt.Sprintf("SELECT %s FROM %s WHERE %%s ORDER BY %s OFFSET %d LIMIT 1", table.Place, table.From, table.Place, rows-1)
		next := strings.ReplaceAll(within, table.Place+" > r.after_", "true")
		return `SELECT r.n, d.place::text FROM ` + ranged + ` CROSS JOIN LATERAL (
			WITH RECURSIVE hops (place, hop) AS (
				SELECT (` + fmt.Sprintf(hop, within) + `), 1
				UNION ALL SELECT (` + fmt.Sprintf(hop, table.Place+" > hops.place AND "+next) + `), hops.hop + 1 FROM hops
				WHERE hops.place IS NOT NULL AND hops.hop < ` + fmt.Sprint(MaxPlaces) + `
			) SELECT place, hop FROM hops WHERE place IS NOT NULL) AS d ORDER BY r.n, d.hop`
	}, func(rows *sql.Rows) error {
		var n int
		var place string
		if err := rows.Scan(&n, &place); err != nil {
			return err
		}
		places[n] = append(places[n], place)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("split %d ranges: %w", len(ranges), err)
	}
	return places, nil
}
