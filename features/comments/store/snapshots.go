package store

import (
	"math"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
)

// Snapshots tells once more of comments, deleted comments and closed posts, as they
// are here, though nothing changed: what a repair sends to a follower that differs.
// The ids may be of any of them. It runs in a transaction that was told the epoch by
// Own; wake who publishes after the commit. It returns the ids of which nothing is
// here.
func (f *Feed) Snapshots(tx *gorm.DB, epoch int64, ids []string) (unknown []string, err error) {
	found, err := readEntries(tx, func(tx *gorm.DB, column string) *gorm.DB { return tx.Where(column+" = ANY(?)", database.UUIDs(ids)) })
	if err != nil {
		return nil, err
	}
	var events []contracts.Event
	for _, e := range found.sorted(math.MaxInt) {
		events = append(events, e.snapshots(epoch)...)
	}
	for _, id := range ids {
		if found[id] == nil {
			unknown = append(unknown, id)
		}
	}
	return unknown, f.append(tx, events...)
}

// snapshots are the events that say what the entry says. Keys without a row or a
// tombstone, which no write leaves behind, are told by a chunk only.
func (e entry) snapshots(epoch int64) (events []contracts.Event) {
	keys := e.keys[max(0, len(e.keys)-keysAtOnce):]
	switch {
	case e.grave != nil:
		events = append(events, contracts.CommentDeleted{Tombstone: *e.grave, Keys: keys, Snapshot: true, Epoch: epoch})
	case e.row != nil:
		events = append(events, contracts.CommentChanged{CommentState: *e.row, Keys: keys, Snapshot: true, Epoch: epoch})
	}
	if c := e.closed; c != nil {
		events = append(events, contracts.CommentsClosed{PostID: c.PostID, Key: c.Key, ClosedAt: c.ClosedAt, Snapshot: true, Epoch: epoch})
	}
	return events
}
