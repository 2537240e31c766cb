package outbox

import (
	"context"
	"fmt"

	"banyan.dev/platform/database"
)

// Waiting counts the events of a topic that are not published yet, up to a bound that
// keeps it cheap. Who makes many events asks it, so that others' don't queue behind
// them for long.
func Waiting(ctx context.Context, db *database.DB, topic string, upTo int) (n int, err error) {
	err = db.SQL().QueryRowContext(ctx, `SELECT count(*) FROM (SELECT FROM outbox WHERE topic = $1 AND published_at IS NULL LIMIT $2) w`, topic, upTo).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the events that wait for %s: %w", topic, err)
	}
	return n, nil
}

// Backlog are the events that are committed and not published yet.
type Backlog struct {
	Waiting int64 `json:"waiting"`
	// First and Last are the lowest and the highest id among them; 0 without any. An
	// event that is committed later than Last was may have a lower id than it.
	First int64 `json:"first,omitempty"`
	Last  int64 `json:"last,omitempty"`
}

// Unsent is the backlog of all topics. It reads an index entry for each event that
// waits: about a second for some millions of them.
func Unsent(ctx context.Context, db *database.DB) (b Backlog, err error) {
	err = db.SQL().QueryRowContext(ctx, `SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM outbox WHERE published_at IS NULL`).Scan(&b.Waiting, &b.First, &b.Last)
	if err != nil {
		return Backlog{}, fmt.Errorf("count the events that wait to be sent: %w", err)
	}
	return b, nil
}
