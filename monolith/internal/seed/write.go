package seed

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"banyan.dev/platform/database"
)

// lock keeps two seeds apart.
const lock = 0x62616e79616e // "banyan"

// write puts what is missing into the database, by COPY.
func write(ctx context.Context, db *database.DB, b *blog) (added Result, err error) {
	conn, err := db.SQL().Conn(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("take a connection: %w", err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		raw, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("the pool's connections are not pgx's")
		}
		return pgx.BeginFunc(ctx, raw.Conn(), func(tx pgx.Tx) error {
			w := writer{ctx: ctx, tx: tx}
			added = w.all(b)
			return w.err
		})
	})
	if err != nil {
		return Result{}, fmt.Errorf("seed: %w", err)
	}
	return added, nil
}

// writer stops at its first error.
type writer struct {
	ctx context.Context
	tx  pgx.Tx
	err error
}

func (w *writer) all(b *blog) (added Result) {
	w.execute("SET LOCAL statement_timeout = 0")
	w.execute("SELECT pg_advisory_xact_lock($1)", int64(lock))
	added.Accounts = w.people(b.people)
	added.Posts = w.posts(b.posts)
	added.Comments = w.comments(b.comments)
	added.Notifications = w.notifications(b.notifications)
	added.Rules = w.rules(b.rules)
	if added.Comments > 0 {
		w.count(b.posts)
	}
	return added
}

func (w *writer) execute(statement string, args ...any) {
	if w.err != nil {
		return
	}
	if _, err := w.tx.Exec(w.ctx, statement, args...); err != nil {
		w.err = fmt.Errorf("%.60s: %w", statement, err)
	}
}

// copy adds rows to a table, and returns how many.
func (w *writer) copy(table string, rows [][]any, columns ...string) int {
	if w.err != nil || len(rows) == 0 {
		return 0
	}
	n, err := w.tx.CopyFrom(w.ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
	if err != nil {
		w.err = fmt.Errorf("copy into %s: %w", table, err)
	}
	return int(n)
}

// present is those of the ids that the query finds.
func (w *writer) present(query string, ids []uuid.UUID) map[uuid.UUID]bool {
	if w.err != nil {
		return nil
	}
	rows, err := w.tx.Query(w.ctx, query, ids)
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	}
	if err != nil {
		w.err = fmt.Errorf("look for what is there: %w", err)
		return nil
	}
	there := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	return there
}

func idsOf[T any](items []T, id func(*T) uuid.UUID) []uuid.UUID {
	ids := make([]uuid.UUID, len(items))
	for i := range items {
		ids[i] = id(&items[i])
	}
	return ids
}
