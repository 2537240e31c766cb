package store

import (
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox"
)

// FeedConfig says how a host tells of its posts.
type FeedConfig struct {
	// Source is the host in its events, as in /banyan/monolith.
	Source string
	// Topic is contracts.PostsTopic with its partitions.
	Topic broker.Topic
	// Wake is called after each commit with events (outbox.Notifier.Wake). It may be
	// nil.
	Wake func()
}

// Feed writes events of posts into the outbox, in the transaction of the change. It is
// safe for concurrent use. A nil Feed tells nothing.
type Feed struct{ cfg FeedConfig }

// NewFeed returns the feed of a host.
func NewFeed(cfg FeedConfig) *Feed { return &Feed{cfg} }

// firstEpoch is the ownership of posts: nobody has taken it from the monolith yet.
const firstEpoch = 1

// deleted tells of a post that is gone, and whether its comments are too.
func (f *Feed) deleted(tx *gorm.DB, id string, t tombstone, withComments bool) error {
	if f == nil {
		return nil
	}
	e := contracts.PostDeleted{ID: t.ID, AuthorID: t.AuthorID, Version: t.Version, DeletedAt: t.DeletedAt.UTC(), Epoch: firstEpoch}
	if withComments {
		e.Done = []contracts.Effect{contracts.EffectComments}
	}
	data, err := contracts.Payload(e)
	if err != nil {
		return fmt.Errorf("tell of post %s: %w", t.ID, err)
	}
	return outbox.Append(tx, outbox.Event{
		Topic: f.cfg.Topic, ID: id, Aggregate: e.Aggregate(), Version: int64(e.AggregateVersion()), Type: e.EventType(), Source: f.cfg.Source, Data: data,
	})
}

// Wake tells who publishes that a transaction with events was committed.
func (f *Feed) Wake() {
	if f != nil && f.cfg.Wake != nil {
		f.cfg.Wake()
	}
}
