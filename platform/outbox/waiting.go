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
