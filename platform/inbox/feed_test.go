package inbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/telemetry"
)

// What writers commit with an outbox row, in one database, is handled in the other:
// each change once, in its turn, in the request's trace.
func TestTheOutboxFeedsTheInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	url := prepared(t)
	source := openDB(t, url)
	require.NoError(t, outbox.Migrate(t.Context(), source))
	relay, err := outbox.NewRelay(outbox.Config{URL: url, Topics: []broker.Topic{w.topic}, Publisher: w.broker.Publisher()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	relayed := make(chan error, 1)
	go func() { relayed <- relay.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-relayed) })

	trace := telemetry.NewTrace()
	cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if got, _ := telemetry.TraceFrom(ctx); got.ID() != trace.ID() {
			return inbox.Permanent(fmt.Errorf("the trace is %s", got.ID()))
		}
		return calls(ctx, tx, e)
	}))
	cfg.Kind = inbox.Changes
	w.start(w.inbox(cfg))

	write := func(id string) error {
		return source.InTx(telemetry.WithTrace(ctx, trace), func(tx *gorm.DB) error {
			var version int64
			err := tx.Raw(`INSERT INTO things VALUES (?, 1, '') ON CONFLICT (id) DO UPDATE SET version = things.version + 1 RETURNING version`, id).Scan(&version).Error
			if err != nil {
				return err
			}
			return outbox.Append(tx, outbox.Event{Topic: w.topic, Aggregate: id, Version: version, Type: "thing.changed", Source: "/test", Data: []byte(`{}`)})
		})
	}
	var writers sync.WaitGroup
	errs := make(chan error, 4*100)
	for range 4 {
		writers.Go(func() {
			for i := range 100 {
				errs <- write(fmt.Sprintf("a%d", i%7))
			}
		})
	}
	writers.Wait()
	for range 400 {
		require.NoError(t, <-errs)
	}
	w.becomes(400, `SELECT count(*) FROM calls`)
	w.once()
	w.inOrder()
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_gaps`))
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
}
