package boundary

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Touched is a statement and the tables that it touches.
type Touched struct {
	Statement
	Tables   []string // sorted
	Features []string // whose they are, sorted, each once
}

// String is the statement in one line, as a test names it.
func (t Touched) String() string {
	sql := []rune(strings.Join(strings.Fields(t.SQL), " "))
	if len(sql) > 160 {
		sql = append(sql[:160], '…')
	}
	return fmt.Sprintf("%s touches %s of %s: %s", t.From, strings.Join(t.Tables, ", "), strings.Join(t.Features, ", "), string(sql))
}

// Judge asks PostgreSQL which tables the statements touch. url is a database with the
// tables, of which nothing is read or changed. A statement that PostgreSQL doesn't
// understand, and a table that doesn't say whose it is, are errors.
func Judge(ctx context.Context, url string, statements []Statement) ([]Touched, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	all := make([]Touched, len(statements))
	for i, s := range statements {
		if all[i], err = judge(ctx, conn, s); err != nil {
			return nil, fmt.Errorf("%s runs %q: %w", s.From, s.SQL, err)
		}
	}
	return all, nil
}

func judge(ctx context.Context, conn *pgx.Conn, s Statement) (Touched, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return Touched{}, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // which lets the locks go; there is nothing to lose
	if _, err := tx.Prepare(ctx, "judged", s.SQL); err != nil {
		return Touched{}, fmt.Errorf("prepare: %w", err)
	}
	defer conn.Deallocate(context.WithoutCancel(ctx), "judged") //nolint:errcheck // the next one says so
	rows, err := tx.Query(ctx, `SELECT c.relname::text, coalesce(split_part(obj_description(c.oid, 'pg_class'), ': ', 1), '')
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
		WHERE l.pid = pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f')
		ORDER BY c.relname`)
	if err != nil {
		return Touched{}, fmt.Errorf("read the locks: %w", err)
	}
	touched := Touched{Statement: s}
	var table, feature string
	_, err = pgx.ForEachRow(rows, []any{&table, &feature}, func() error {
		if feature == "" {
			return fmt.Errorf("table %s does not say whose it is: give it a comment that begins with the feature and a colon", table)
		}
		touched.Tables, touched.Features = append(touched.Tables, table), append(touched.Features, feature)
		return nil
	})
	if err != nil {
		return Touched{}, fmt.Errorf("read the locks: %w", err)
	}
	slices.Sort(touched.Features)
	touched.Features = slices.Compact(touched.Features)
	return touched, nil
}

// OfFeatures leaves out what packages of platform run by themselves: who owns a
// resource, which events wait, how far an inbox has come. Those tables are in each
// database that needs them, and no feature's.
func OfFeatures(all []Statement) []Statement {
	return slices.DeleteFunc(slices.Clone(all), func(s Statement) bool { return strings.HasPrefix(s.From, ours+"platform/") })
}

// Crossing are those that touch more than one feature's tables.
func Crossing(all []Touched) []Touched {
	return slices.DeleteFunc(slices.Clone(all), func(t Touched) bool { return len(t.Features) < 2 })
}

// Strays are those that are not where they belong: a statement touches tables of one
// feature and is run by that feature's store.
func Strays(all []Touched) []Touched {
	return slices.DeleteFunc(slices.Clone(all), func(t Touched) bool {
		return len(t.Features) == 1 && t.Package() == ours+"features/"+t.Features[0]+"/store"
	})
}
