package inbox

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

// redrive handles again what an operator asked for, one dead letter after another, so
// that one which fails keeps no other from its turn.
func (b *Inbox) redrive(ctx context.Context) error {
	for last := int64(0); ; {
		d, err := b.nextRedrive(ctx, last)
		if err != nil || d == nil {
			return err
		}
		last = d.ID
		if err := b.again(ctx, d); err != nil {
			return err
		}
	}
}

func (b *Inbox) nextRedrive(ctx context.Context, after int64) (*DeadLetter, error) {
	var found []DeadLetter
	err := b.cfg.DB.Gorm(ctx).Table("inbox_dead_letters").Where("consumer = ? AND state = 'redrive' AND id > ?", b.cfg.Consumer, after).Order("id").Limit(1).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("select dead letters to redrive: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return &found[0], nil
}

// again handles one dead letter. Its error is the database's; a handler that fails
// again leaves the letter open, with the new reason.
func (b *Inbox) again(ctx context.Context, d *DeadLetter) error {
	e, err := d.event()
	if preparer, ok := b.cfg.Handler.(Preparer); err == nil && ok && b.needs(e) {
		err = call(func() error { return preparer.Prepare(traced(ctx, e), e) })
	}
	if err == nil {
		err = b.handleAgain(ctx, d, e)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || mustWait(err) {
		return fmt.Errorf("redrive dead letter %d: %w", d.ID, err) // it stays asked for
	}
	b.log.WarnContext(ctx, "dead letter failed again", "dead_letter", d.ID, "event", d.EventID, "error", err)
	// Another member may have failed with it meanwhile, and the operator asked once more:
	// this failure is then an old one, and must not undo that.
	return b.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE inbox_dead_letters SET state = 'open', attempts = attempts + 1, last_at = now(), reason = ?
			WHERE id = ? AND state = 'redrive' AND attempts = ?`, printable(err.Error()), d.ID, d.Attempts).Error
	})
}

// handleAgain closes and handles in one transaction, with the partition's position
// locked as by who handles what is fresh: a handler that guards by a row's version
// must not run beside another that is about to write the same row for the first time.
// A second member that wants to do the same waits, and then finds it closed.
func (b *Inbox) handleAgain(ctx context.Context, d *DeadLetter, e Event) error {
	var mine bool
	err := b.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
		if _, err := movePosition(tx, b.cfg.Consumer, d.Topic, d.Partition, 0, nil); err != nil { // 0, nil: it only locks
			return err
		}
		closed := tx.Exec(`UPDATE inbox_dead_letters SET state = 'redriven', closed_at = now(), attempts = attempts + 1, last_at = now()
			WHERE id = ? AND state = 'redrive'`, d.ID)
		if mine = closed.RowsAffected == 1; closed.Error != nil || !mine {
			return closed.Error
		}
		return call(func() error { return b.cfg.Handler.Handle(traced(ctx, e), tx, []Event{e}) })
	})
	if err == nil && mine {
		b.metrics.redriven.Inc()
	}
	return err
}

// event reads the envelope again: what was malformed still is.
func (d *DeadLetter) event() (Event, error) {
	headers, err := decodeHeaders(d.Headers)
	if err != nil {
		return Event{}, err
	}
	e, err := ReadEvent(broker.Message{Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Key: d.Key, Value: d.Payload, Headers: headers})
	if err != nil && !errors.Is(err, ErrMalformed) {
		return Event{}, fmt.Errorf("read dead letter %d: %w", d.ID, err)
	}
	return e, err
}
