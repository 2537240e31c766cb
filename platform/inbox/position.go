package inbox

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// position is a partition's row, locked.
type position struct {
	next    int64
	waiting int
	now     time.Time
}

// movePosition holds a partition for this transaction: of two members that both believe
// they own it, one waits here for the other. The same statement moves the position, since
// all of the transaction is kept, or nothing: to behind the message before it, minted
// when that was. It never moves it back for a member that is late, whose items are all
// duplicates.
func movePosition(tx *gorm.DB, consumer, topic string, partition int, behind int64, minted *time.Time) (position, error) {
	for range 2 {
		var rows []struct {
			NextOffset int64
			Waiting    int
			Now        time.Time
		}
		err := tx.Raw(`UPDATE inbox_positions SET next_offset = greatest(next_offset, ?), event_at = coalesce(?, event_at), updated_at = clock_timestamp()
			WHERE consumer = ? AND topic = ? AND partition = ? RETURNING next_offset, waiting, updated_at AS now`,
			behind, minted, consumer, topic, partition).Scan(&rows).Error
		if err != nil {
			return position{}, fmt.Errorf("move position: %w", err)
		}
		if len(rows) == 1 {
			return position{rows[0].NextOffset, rows[0].Waiting, rows[0].Now.UTC()}, nil
		}
		err = tx.Exec(`INSERT INTO inbox_positions (consumer, topic, partition, next_offset) VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING`,
			consumer, topic, partition).Error
		if err != nil {
			return position{}, fmt.Errorf("insert position: %w", err)
		}
	}
	return position{}, fmt.Errorf("position of %s in %s/%d can't be locked: somebody deletes it", consumer, topic, partition)
}

// move is movePosition's for the items of the pass.
func (p *pass) move() (position, error) {
	behind, minted := int64(0), (*time.Time)(nil)
	if n := len(p.items); n > 0 {
		last := p.items[n-1].event
		behind = last.Offset + 1
		if !last.Time.IsZero() {
			minted = &last.Time
		}
	}
	return movePosition(p.tx, p.w.cfg.Consumer, p.w.topic, p.w.id, behind, minted)
}

// correct writes of the position what was not known when it moved: how many wait now,
// and that fresh events came at an older place, since that is a topic that was made anew.
func (p *pass) correct(at position, fresh bool) error {
	next := at.next
	if fresh {
		next = p.items[len(p.items)-1].event.Offset + 1
	}
	if next == at.next && p.outcome.waiting == at.waiting {
		return nil
	}
	err := p.tx.Exec(`UPDATE inbox_positions SET next_offset = ?, waiting = ? WHERE consumer = ? AND topic = ? AND partition = ?`,
		next, p.outcome.waiting, p.w.cfg.Consumer, p.w.topic, p.w.id).Error
	if err != nil {
		return fmt.Errorf("correct position: %w", err)
	}
	return nil
}

// Position is how far a consumer has come in one partition.
type Position struct {
	Consumer  string
	Topic     string
	Partition int
	// NextOffset is behind the last message that was passed: handled, dropped, put
	// aside as a dead letter, or waiting. Those that an Ignorer ignores don't move it until
	// something later is handled: of these only the group's offset in Kafka knows, and how
	// far a consumer lags is told by package lag (/lag), not by this.
	NextOffset int64
	// Waiting is how many events wait for their turn, and FirstWaiting the offset of
	// the first one.
	Waiting      int
	FirstWaiting *int64
	// EventAt is when the last event was minted.
	EventAt *time.Time
	// UpdatedAt is when the position last moved.
	UpdatedAt time.Time
}

// Applied tells whether everything up to and with the offset is applied, or is a dead
// letter (see OpenDeadLetters).
func (p Position) Applied(offset int64) bool {
	return p.NextOffset > offset && (p.FirstWaiting == nil || *p.FirstWaiting > offset)
}

// Positions are a consumer's, by topic and partition; of partitions that it has not
// begun there is none. Asked in a transaction at READ COMMITTED, they are of that
// statement's moment: a handler's transaction that moved one is committed. A marker
// that a handler noted by then has everything of its partition before it.
func Positions(tx *gorm.DB, consumer string) ([]Position, error) {
	var all []Position
	err := tx.Raw(`SELECT p.consumer, p.topic, p.partition, p.next_offset, p.waiting, p.event_at, p.updated_at,
			(SELECT min(w.record_offset) FROM inbox_waiting w WHERE w.consumer = p.consumer AND w.topic = p.topic AND w.partition = p.partition) AS first_waiting
		FROM inbox_positions p WHERE p.consumer = ? ORDER BY p.topic, p.partition`, consumer).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("select positions of %s: %w", consumer, err)
	}
	return all, nil
}
