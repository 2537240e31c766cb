package store

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/ownership"
)

// FollowerConfig says how a host hears of the other side's comments.
type FollowerConfig struct {
	// Source is the host's own, as in its FeedConfig: its own events come back to it on
	// the topic, and are dropped.
	Source string
	// Topic is contracts.CommentsTopic with its partitions.
	Topic broker.Topic
	// Effects does, within tx, what the writer has left to this host: it is called with
	// each live CommentChanged and CommentDeleted of the other side that leaves
	// something (Effects.Left), in the order of the partition and exactly once, when the
	// row is written. It is called whether or not the event was news to the row:
	// effects are the change's, not the state's. Nil: this host does none.
	Effects func(ctx context.Context, tx *gorm.DB, e contracts.Event) error
	// Repaired is called in the same way with each CommentChanged and CommentDeleted of
	// the other side that is a snapshot, when the row is written: nothing changed there,
	// but the row here may have been wrong, and what followed from it. Chunks of a
	// backfill are none. Nil: nothing follows from rows here.
	Repaired func(ctx context.Context, tx *gorm.DB, e contracts.Event) error
}

// Follower applies the other side's events to this side's tables: the handler of an
// inbox of kind State. Whatever order events come in, and however often, the tables end
// up the same: newest versions win (a live event must be newer, a snapshot may be
// equal), deletions are versions, keys are always kept. It asks nobody who owns: the
// feed may always write what the owner wrote. It is safe for concurrent use.
type Follower struct {
	cfg FollowerConfig
	sql statements
}

var (
	_ inbox.Handler = (*Follower)(nil)
	_ inbox.Ignorer = (*Follower)(nil)
)

// NewFollower returns the follower of a host.
func NewFollower(cfg FollowerConfig) *Follower { return &Follower{cfg, guarded} }

// Ignores is inbox.Ignorer's: what this host told itself is here.
func (f *Follower) Ignores(e inbox.Event) bool { return e.Source == f.cfg.Source }

// flushAt bounds how many rows are written at a time.
const flushAt = 4000

// Handle is inbox.Handler's.
func (f *Follower) Handle(ctx context.Context, tx *gorm.DB, events []inbox.Event) error {
	all := news{}
	var left []effect
	for _, e := range events {
		if f.Ignores(e) {
			continue
		}
		_, told, err := contracts.Decode(e.Headers, e.Payload)
		if err != nil {
			return inbox.Blame(e, err)
		}
		if err := f.take(tx, &all, e, told); err != nil {
			return inbox.Blame(e, err)
		}
		if do := f.follows(told); do != nil {
			left = append(left, effect{e, told, do})
		}
		if all.size() >= flushAt {
			if err := f.write(tx, &all); err != nil {
				return err
			}
			all = news{}
		}
	}
	if err := f.write(tx, &all); err != nil {
		return err
	}
	for _, one := range left {
		if err := one.run(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// write writes what was collected; what chunks say, when it is their turn.
func (f *Follower) write(tx *gorm.DB, all *news) error {
	if all.chunks {
		if err := backfill.InTurn(tx, Resource); err != nil {
			return inbox.Wait(err) // that others were slow, up to a statement_timeout, is no fault of the chunk
		}
	}
	return f.sql.write(tx, all)
}

// take collects what an event says, and notes what is about a whole partition.
func (f *Follower) take(tx *gorm.DB, all *news, e inbox.Event, told contracts.Event) error {
	switch told := told.(type) {
	case contracts.CommentChanged:
		all.row(told.CommentState, told.Snapshot)
		all.addKeys(told.Keys, told.Snapshot)
	case contracts.CommentDeleted:
		all.tombstone(told.Tombstone, told.Snapshot)
		all.addKeys(told.Keys, told.Snapshot)
	case contracts.CommentsClosed:
		all.close(contracts.ClosedPost{PostID: told.PostID, Key: told.Key, ClosedAt: told.ClosedAt}, told.Snapshot)
	case contracts.CommentsChunk:
		return f.takeChunk(tx, all, e, told)
	case contracts.DrainMarker:
		if err := f.itsPlace(e, told.Partition, told.Partitions); err != nil {
			return err
		}
		return ownership.NoteMarker(tx, told.Resource, told.Epoch, told.Partition, told.Partitions)
	default:
		return inbox.Permanent(fmt.Errorf("a %s is none of comments' events: mend who publishes to %s", e.Type, e.Topic))
	}
	return nil
}

func (f *Follower) takeChunk(tx *gorm.DB, all *news, e inbox.Event, c contracts.CommentsChunk) error {
	if err := f.itsPlace(e, c.Partition, c.Partitions); err != nil {
		return err
	}
	all.chunks = true
	for _, row := range c.Rows {
		if f.cfg.Topic.Partition(row.ID) != c.Partition {
			return inbox.Permanent(fmt.Errorf("chunk %d of partition %d has comment %s, which is of another: its live events would pass it", c.Number, c.Partition, row.ID))
		}
		all.row(row, true)
	}
	for _, t := range c.Tombstones {
		all.tombstone(t, true)
	}
	for _, closed := range c.Closed {
		all.close(closed, true)
	}
	all.addKeys(c.Keys, true)
	return backfill.Note(tx, Resource, c.Backfill, c.Partition, c.Partitions, c.Number, c.Last)
}

// itsPlace refuses what is about another partition than the one it is in, or about a
// topic with another number of them: what it says of "all before it" is not so.
func (f *Follower) itsPlace(e inbox.Event, partition, partitions int) error {
	if partitions != f.cfg.Topic.Partitions || partition != e.Partition {
		return inbox.Permanent(fmt.Errorf("a %s of partition %d of %d is in partition %d of %d: mend who publishes to %s",
			e.Type, partition, partitions, e.Partition, f.cfg.Topic.Partitions, e.Topic))
	}
	return nil
}

// hook is what this host does about an event.
type hook func(ctx context.Context, tx *gorm.DB, e contracts.Event) error

// follows is what is to be done about an event when its row is written; nil: nothing.
func (f *Follower) follows(told contracts.Event) hook {
	var effects contracts.CommentEffects
	var snapshot bool
	switch told := told.(type) {
	case contracts.CommentChanged:
		effects, snapshot = told.Effects, told.Snapshot
	case contracts.CommentDeleted:
		effects, snapshot = told.Effects, told.Snapshot
	default:
		return nil
	}
	switch {
	case snapshot:
		return f.cfg.Repaired
	case len(effects.Left) > 0:
		return f.cfg.Effects
	}
	return nil
}

// effect is an event that this host does something about.
type effect struct {
	event inbox.Event
	told  contracts.Event
	do    hook
}

// run goes through inbox.Each, which hands on the event's trace and says who failed.
func (one effect) run(ctx context.Context, tx *gorm.DB) error {
	each := inbox.Each(func(ctx context.Context, tx *gorm.DB, _ inbox.Event) error { return one.do(ctx, tx, one.told) })
	return each.Handle(ctx, tx, []inbox.Event{one.event})
}
