package inbox

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

const (
	trimAtOnce = 5000
	trimPause  = 100 * time.Millisecond
)

// trim deletes rows that nothing on a topic can ask for any more, a few at a time and
// with pauses, so that handlers and vacuum keep up.
func (b *Inbox) trim(ctx context.Context) error {
	if b.cfg.Retention == 0 {
		return nil
	}
	for _, table := range []string{"inbox_events", "inbox_gaps"} {
		for {
			n, err := b.trimSome(ctx, table)
			if err != nil {
				return err
			}
			b.metrics.trimmed.Add(float64(n))
			if n < trimAtOnce {
				break
			}
			if sleep(ctx, trimPause) != nil {
				return nil
			}
		}
	}
	return nil
}

// trimSome skips rows that another member deletes. A dead letter that is not settled
// keeps its inbox row, whatever its age.
func (b *Inbox) trimSome(ctx context.Context, table string) (n int64, err error) {
	keep := ""
	if table == "inbox_events" {
		keep = `AND NOT EXISTS (SELECT FROM inbox_dead_letters d WHERE d.consumer = t.consumer AND d.event_id = t.event_id AND d.state IN ('open', 'redrive'))
			AND NOT EXISTS (SELECT FROM inbox_waiting w WHERE w.consumer = t.consumer AND w.event_id = t.event_id)`
	}
	err = b.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`DELETE FROM `+table+` WHERE ctid IN (SELECT ctid FROM `+table+` t
			WHERE consumer = ? AND at < now() - ? * interval '1 second' `+keep+` LIMIT ? FOR UPDATE SKIP LOCKED)`,
			b.cfg.Consumer, b.cfg.Retention.Seconds(), trimAtOnce)
		n = done.RowsAffected
		return done.Error
	})
	if err != nil {
		return 0, fmt.Errorf("trim %s: %w", table, err)
	}
	return n, nil
}
