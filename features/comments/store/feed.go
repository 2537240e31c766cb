package store

import (
	"encoding/hex"
	"fmt"
	"path"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// Resource is what ownership, backfill and dead letters of comments are named.
const Resource = "comments"

// FeedConfig says how a host tells of its comments.
type FeedConfig struct {
	// Source is the host in its events, as in /banyan/monolith. Its last part is the
	// side's name in the markers.
	Source string
	// Topic is contracts.CommentsTopic with its partitions.
	Topic broker.Topic
	// Done are the effects of a change that this host does in its transaction, and
	// Left those that it leaves to the monolith's inbox.
	Done, Left []contracts.Effect
	// Wake is called after each commit with events (outbox.Notifier.Wake). It may be
	// nil: then relays find events when they look by themselves.
	Wake func()
}

// Feed writes events of comments into the outbox, in the transaction of the change. It
// is what an ownership.Side writes its markers with. It is safe for concurrent use.
// A nil Feed tells nothing.
type Feed struct {
	cfg  FeedConfig
	who  comments.Arrangement
	keys func(tx *gorm.DB, ids []string) (map[string][]contracts.CommentKey, error)
}

var _ ownership.Markers = (*Feed)(nil)

// NewFeed returns the feed of a host.
func NewFeed(cfg FeedConfig) *Feed {
	return &Feed{cfg: cfg, who: comments.Arrangement{Done: cfg.Done, Left: cfg.Left}, keys: keysOf}
}

// created tells of a new comment, whose only keys are these.
func (f *Feed) created(tx *gorm.DB, epoch int64, c contracts.Comment, e comments.Effects, keys []contracts.CommentKey) error {
	if f == nil {
		return nil
	}
	return f.append(tx, f.who.Changed(c, "", e, keys, epoch))
}

// changed tells of a comment that was edited or judged.
func (f *Feed) changed(tx *gorm.DB, epoch int64, c contracts.Comment, was contracts.CommentStatus, e comments.Effects) error {
	if f == nil {
		return nil
	}
	keys, err := f.keys(tx, []string{c.ID})
	if err != nil {
		return err
	}
	return f.append(tx, f.who.Changed(c, was, e, keys[c.ID], epoch))
}

// deleted tells of comments that are gone.
func (f *Feed) deleted(tx *gorm.DB, epoch int64, gone []buried) error {
	if f == nil || len(gone) == 0 {
		return nil
	}
	ids := make([]string, len(gone))
	for i, g := range gone {
		ids[i] = g.ID
	}
	keys, err := f.keys(tx, ids)
	if err != nil {
		return err
	}
	events := make([]contracts.Event, len(gone))
	for i, g := range gone {
		events[i] = f.who.Deleted(g.tombstone(), g.Status, keys[g.ID], epoch)
	}
	return f.append(tx, events...)
}

// closed tells that a post is closed; nil is one that was before.
func (f *Feed) closed(tx *gorm.DB, epoch int64, c *contracts.ClosedPost) error {
	if f == nil || c == nil {
		return nil
	}
	return f.append(tx, contracts.CommentsClosed{PostID: c.PostID, Key: c.Key, ClosedAt: c.ClosedAt, Epoch: epoch})
}

// Mark is ownership.Markers': one marker to each partition, at the end of all that
// was written.
func (f *Feed) Mark(tx *gorm.DB, fenced ownership.Row) error {
	events := make([]outbox.Event, f.cfg.Topic.Partitions)
	for p := range events {
		marker := contracts.DrainMarker{
			Resource: fenced.Resource, Owner: path.Base(f.cfg.Source), Epoch: fenced.Epoch,
			Partition: p, Partitions: f.cfg.Topic.Partitions, FencedAt: fenced.Since.UTC(),
		}
		var err error
		if events[p], err = f.event(marker); err != nil {
			return err
		}
		events[p].Partition = &p
	}
	return outbox.Append(tx, events...)
}

// Marked is called by ownership after the markers' commit.
func (f *Feed) Marked() { f.Wake() }

// Wake tells who publishes that a transaction with events was committed.
func (f *Feed) Wake() {
	if f != nil && f.cfg.Wake != nil {
		f.cfg.Wake()
	}
}

func (f *Feed) append(tx *gorm.DB, events ...contracts.Event) error {
	rows := make([]outbox.Event, len(events))
	for i, e := range events {
		var err error
		if rows[i], err = f.event(e); err != nil {
			return err
		}
	}
	return outbox.Append(tx, rows...)
}

// event is one as the outbox takes it.
func (f *Feed) event(e contracts.Event) (outbox.Event, error) {
	data, err := contracts.Payload(e)
	if err != nil {
		return outbox.Event{}, fmt.Errorf("tell of %s: %w", e.Aggregate(), err)
	}
	return outbox.Event{
		Topic: f.cfg.Topic, Aggregate: e.Aggregate(), Version: int64(e.AggregateVersion()),
		Type: e.EventType(), Source: f.cfg.Source, Data: data,
	}, nil
}

// keysAtOnce bounds how many keys an event carries, the newest, so that a comment that
// was edited without end can still be told of. The older ones have been on events
// before; a chunk carries all.
const keysAtOnce = 500

// keyRow is a row of comment_keys.
type keyRow struct {
	AuthorID  string
	Key       string
	Hash      []byte
	CommentID string
	CreatedAt time.Time
}

func (k keyRow) toKey() contracts.CommentKey {
	return contracts.CommentKey{CommentID: k.CommentID, AuthorID: k.AuthorID, Key: k.Key, Hash: hex.EncodeToString(k.Hash), CreatedAt: k.CreatedAt.UTC()}
}

// keysOf are the newest keys of comments, by comment, the oldest of each first.
func keysOf(tx *gorm.DB, ids []string) (map[string][]contracts.CommentKey, error) {
	var rows []keyRow
	err := tx.Raw(`SELECT author_id, key, hash, comment_id, created_at FROM (
			SELECT *, row_number() OVER (PARTITION BY comment_id ORDER BY created_at DESC, author_id, key) AS age FROM comment_keys WHERE comment_id = ANY(?)
		) k WHERE age <= ? ORDER BY comment_id, age DESC`, database.UUIDs(ids), keysAtOnce).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select the comments' keys: %w", err)
	}
	keys := make(map[string][]contracts.CommentKey, len(ids))
	for _, row := range rows {
		keys[row.CommentID] = append(keys[row.CommentID], row.toKey())
	}
	return keys, nil
}
