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

// lockPosition holds the partition for this transaction: of two members that both
// believe they own it, one waits here for the other.
func lockPosition(tx *gorm.DB, consumer, topic string, partition int) (position, error) {
	for range 2 {
		var rows []struct {
			NextOffset int64
			Waiting    int
			Now        time.Time
		}
		err := tx.Raw(`SELECT next_offset, waiting, clock_timestamp() AS now FROM inbox_positions
			WHERE consumer = ? AND topic = ? AND partition = ? FOR UPDATE`, consumer, topic, partition).Scan(&rows).Error
		if err != nil {
			return position{}, fmt.Errorf("lock position: %w", err)
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

// advance moves the position behind the items. It never moves it back for a member
// that is late, whose items are all duplicates; it does for a fresh event at an
// older place, since that is a topic that was made anew.
func (p *pass) advance(at position, fresh bool) error {
	next, minted := at.next, (*time.Time)(nil)
	if n := len(p.items); n > 0 {
		last := p.items[n-1]
		if behind := last.event.Offset + 1; fresh || behind > next {
			next = behind
		}
		if !last.event.Time.IsZero() {
			minted = &last.event.Time
		}
	}
	err := p.tx.Exec(`UPDATE inbox_positions SET next_offset = ?, waiting = ?, event_at = coalesce(?, event_at), updated_at = clock_timestamp()
		WHERE consumer = ? AND topic = ? AND partition = ?`, next, p.outcome.waiting, minted, p.w.cfg.Consumer, p.w.topic, p.w.id).Error
	if err != nil {
		return fmt.Errorf("move position: %w", err)
	}
	return nil
}

// Position is how far a consumer has come in one partition.
type Position struct {
	Consumer  string
	Topic     string
	Partition int
	// NextOffset is behind the last message that was passed: handled, dropped, put
	// aside as a dead letter, or waiting.
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
