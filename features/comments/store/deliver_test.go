package store

import (
	"context"
	"strconv"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
)

// deliveredFrom is an event as an inbox hands it on.
func deliveredFrom(source string, e outbox.Event) inbox.Event {
	p := topic.Partition(e.Aggregate)
	if e.Partition != nil {
		p = *e.Partition
	}
	d := inbox.Event{
		ID: contracts.NewID(), Type: e.Type, Source: source, Aggregate: e.Aggregate, Version: e.Version, Time: now(), Topic: topic.Name, Partition: p, Payload: e.Data,
	}
	d.Headers = map[string]string{
		broker.HeaderSpecVersion: broker.SpecVersion, broker.HeaderID: d.ID, broker.HeaderType: d.Type, broker.HeaderSource: source,
		broker.HeaderSubject: d.Aggregate, broker.HeaderTime: "2026-01-01T00:00:00Z", broker.HeaderContentType: broker.ContentJSON,
	}
	if e.Version > 0 {
		d.Headers[broker.HeaderVersion] = strconv.FormatInt(e.Version, 10)
	}
	return d
}

// delivered is an event of the other side.
func delivered(s *side, e contracts.Event) inbox.Event {
	s.t.Helper()
	row, err := s.feed.event(e)
	require.NoError(s.t, err)
	return deliveredFrom("/banyan/other", row)
}

// apply hands events to a follower over this side's database, in one transaction.
func (s *side) apply(f *Follower, events ...inbox.Event) {
	s.t.Helper()
	require.NoError(s.t, s.try(f, events...))
}

func (s *side) try(f *Follower, events ...inbox.Event) error {
	return s.db.InTx(context.Background(), func(tx *gorm.DB) error { return f.Handle(context.Background(), tx, events) })
}
