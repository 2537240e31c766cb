package reconcile

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// shape is a kind, and which ends a range of it has.
type shape struct {
	kind           string
	after, through bool
}

// ends are ranges of one shape, as three arrays: one statement, prepared once,
// however many they are.
type ends struct{ after, through, numbers []string }

// each runs one statement for each shape of ranges, in one transaction. take scans a
// row whose first column is the range's index.
func (t *Tables) each(ctx context.Context, ranges []Range, query func(table Table, within string) string, take func(*sql.Rows) error) error {
	shapes := map[shape]*ends{}
	for i, r := range ranges {
		if err := checkPlaces(r.After, r.Through); err != nil {
			return err
		}
		key := shape{r.Kind, r.After != "", r.Through != ""}
		if shapes[key] == nil {
			shapes[key] = &ends{}
		}
		e := shapes[key]
		e.after, e.through, e.numbers = append(e.after, r.After), append(e.through, r.Through), append(e.numbers, strconv.Itoa(i))
	}
	return t.read(ctx, func(tx *sql.Tx) error {
		for key, e := range shapes {
			table, err := t.table(key.kind)
			if err != nil {
				return err
			}
			statement := query(table, table.within(key.after, key.through))
			if err := queryEach(ctx, tx, statement, []any{array(e.after), array(e.through), array(e.numbers)}, take); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Tables) table(kind string) (Table, error) {
	for _, table := range t.tables {
		if table.Kind == kind {
			return table, nil
		}
	}
	return Table{}, fmt.Errorf("there is no kind %q", kind)
}

// settings are for one transaction. A whole table may be one range, so a statement
// has more time than a user's; compiling one costs more than it saves here; and
// texts are sent, and hashed, in the client's encoding.
const settings = "SET LOCAL statement_timeout = '5min'; SET LOCAL jit = off; SET LOCAL client_encoding = 'UTF8'"

// read runs f in a transaction that can't write. At READ COMMITTED each statement
// sees the rows as they are when it begins.
func (t *Tables) read(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := t.db.SQL().BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	for setting := range strings.SplitSeq(settings, "; ") {
		if _, err := tx.ExecContext(ctx, setting); err != nil {
			return fmt.Errorf("%s: %w", setting, err)
		}
	}
	return f(tx)
}

func queryEach(ctx context.Context, tx *sql.Tx, query string, args []any, take func(*sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// array is texts as PostgreSQL writes arrays; they are UUIDs and numbers. Empty ones
// are NULL.
func array(texts []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		if text == "" {
			text = "NULL"
		}
		b.WriteString(text)
	}
	b.WriteByte('}')
	return b.String()
}

// checkPlaces refuses what is no UUID in the one form that we write; empty ones are
// the ends that are open.
func checkPlaces(places ...string) error {
	for _, place := range places {
		if place == "" {
			continue
		}
		if id, err := uuid.Parse(place); err != nil || id.String() != place {
			return fmt.Errorf("place %q can't be: it is no UUID in lower case", place)
		}
	}
	return nil
}
