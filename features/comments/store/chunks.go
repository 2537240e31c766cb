package store

import (
	"cmp"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/outbox"
)

// Chunks reads this side's tables for a backfill: each page is a range of ids, with the
// comments, tombstones, keys and closed posts in it, as one event for each partition.
// It is safe for concurrent use.
type Chunks struct {
	owner Owner
	feed  *Feed
}

var _ backfill.Source = (*Chunks)(nil)

// NewChunks returns the source of a host that tells of its comments with this feed.
// The owner is Ports.Owner; nil: nobody else ever owns.
func NewChunks(owner Owner, feed *Feed) *Chunks { return &Chunks{owner, feed} }

// Own is backfill.Source's.
func (c *Chunks) Own(tx *gorm.DB) (epoch int64, err error) {
	if c.owner == nil {
		return 1, nil
	}
	return c.owner.Own(tx)
}

// Page is backfill.Source's.
func (c *Chunks) Page(tx *gorm.DB, at backfill.Place) (backfill.Page, error) {
	r, err := nextRange(tx, at.After, at.Limit)
	if err != nil {
		return backfill.Page{}, err
	}
	found, err := readEntries(tx, r)
	if err != nil {
		return backfill.Page{}, err
	}
	page := backfill.Page{Through: cmp.Or(r.through, at.After), Last: r.last, Sent: make([]int, c.feed.cfg.Topic.Partitions)}
	copy(page.Sent, at.Sent)
	parts := make([][]entry, len(page.Sent))
	for _, e := range found.sorted() {
		p := c.feed.cfg.Topic.Partition(e.id)
		parts[p] = append(parts[p], e)
		page.Rows += e.rows()
	}
	for p, part := range parts {
		if len(part) == 0 && !r.last {
			continue
		}
		chunk := contracts.CommentsChunk{Backfill: at.Run, Partition: p, Partitions: len(parts), After: r.after, Last: r.last, Epoch: at.Epoch}
		if !r.last {
			chunk.Through = r.through
		}
		if page.Events, err = c.add(page.Events, chunk, part, &page.Sent[p]); err != nil {
			return backfill.Page{}, err
		}
	}
	return page, nil
}

// maxChunk is how many bytes a chunk has at most, so that it is one message, with room
// for its envelope.
const maxChunk = 512 << 10

// add makes a chunk of the entries, or of each half of them when they are too many
// bytes. sent counts the partition's chunks.
func (c *Chunks) add(events []outbox.Event, chunk contracts.CommentsChunk, entries []entry, sent *int) ([]outbox.Event, error) {
	chunk.Number = *sent + 1
	whole := chunk
	for _, e := range entries {
		e.into(&whole)
	}
	data, err := json.Marshal(whole)
	if err != nil {
		return nil, fmt.Errorf("write a chunk as JSON: %w", err)
	}
	if len(data) > maxChunk && len(entries) > 1 {
		half := len(entries) / 2
		first, second := chunk, chunk
		first.Last, first.Through, second.After = false, entries[half-1].id, entries[half-1].id
		if events, err = c.add(events, first, entries[:half], sent); err != nil {
			return nil, err
		}
		return c.add(events, second, entries[half:], sent)
	}
	if err := whole.Validate(); err != nil {
		return nil, fmt.Errorf("chunk %d of partition %d: %w", whole.Number, whole.Partition, err)
	}
	*sent++
	return append(events, outbox.Event{
		Topic: c.feed.cfg.Topic, Partition: &whole.Partition, Aggregate: whole.Aggregate(), Type: whole.EventType(), Source: c.feed.cfg.Source, Data: data,
	}), nil
}
