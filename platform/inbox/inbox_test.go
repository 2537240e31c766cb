package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/telemetry"
)

func TestEventsAreAppliedOnceInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	var sent []broker.Message
	for version := range int64(20) {
		for a := range 10 {
			m := w.event(fmt.Sprintf("a%d", a), version+1)
			sent = append(sent, m, m) // the relay repeats
		}
	}
	w.publish(sent...)
	w.publish(sent[:100]...) // much later too
	w.start(w.inbox(w.config(calls)))
	w.becomes(500, `SELECT coalesce(sum(next_offset), 0) FROM inbox_positions`)
	require.Equal(t, 200, w.number(`SELECT count(*) FROM calls`))
	w.once()
	w.inOrder()
}

func TestThePositionIsKnownInTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.publish(w.event("a", 1), w.event("a", 2))
	p := w.topic.Partition("a")
	w.start(w.inbox(w.config(calls)))
	w.becomes(2, `SELECT next_offset FROM inbox_positions WHERE partition = ?`, p)
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error {
		all, err := inbox.Positions(tx, w.consumer)
		require.NoError(t, err)
		for _, one := range all {
			if one.Partition == p {
				require.True(t, one.Applied(1))
				require.False(t, one.Applied(2))
				require.NotNil(t, one.EventAt)
			}
		}
		return nil
	}))
}

// failing is a source whose commits fail while told so.
type failing struct {
	inbox.Source
	fails *atomic.Bool
}

func (f failing) Commit(m broker.Message) error {
	if f.fails.Load() {
		return errors.New("planted: the process died here")
	}
	return f.Source.Commit(m)
}

func TestACrashBetweenTheTwoCommitsRepeatsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.publish(w.event("a", 1), w.event("b", 1), w.event("a", 2))
	var fails atomic.Bool
	fails.Store(true)
	b := w.inbox(w.config(calls))
	b.Wrap(func(s inbox.Source) inbox.Source { return failing{s, &fails} })
	stop := w.start(b)
	w.becomes(3, `SELECT count(*) FROM calls`)
	stop() // and nothing was committed to Kafka

	lags, err := w.broker.Lag(t.Context(), w.consumer, w.topic.Name)
	require.NoError(t, err)
	require.Equal(t, int64(3), lags[0].Behind()+lags[1].Behind(), "Kafka knows of nothing")
	registry := prometheus.NewRegistry()
	cfg := w.config(calls)
	cfg.Registerer = registry
	w.start(w.inbox(cfg))
	require.Eventually(t, func() bool { return metric(t, registry, "banyan_inbox_duplicates_total") == 3 }, soon, often)
	require.Equal(t, 3, w.number(`SELECT count(*) FROM calls`))
	require.Zero(t, metric(t, registry, "banyan_inbox_applied_total"))
}

// metric is the sum of a metric over its labels.
func metric(t testing.TB, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

func TestACrashBeforeTheCommitLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.publish(w.event("a", 1), w.event("a", 2))
	inside := make(chan struct{})
	stop := w.start(w.inbox(w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if err := calls(ctx, tx, e); err != nil {
			return err
		}
		close(inside)
		<-ctx.Done() // and there it dies
		return ctx.Err()
	}))))
	<-inside
	stop()
	require.Empty(t, w.called())
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_events`))
	w.start(w.inbox(w.config(calls)))
	w.becomes(2, `SELECT count(*) FROM calls`)
	require.Equal(t, "a1 a2", w.called())
}

func TestAHandlerThatFailsForAWhileLosesNothingAndHoldsItsPartitionOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var failures atomic.Int32
	cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if e.Aggregate == "b" && failures.Add(1) < 4 {
			return errors.New("not yet")
		}
		return calls(ctx, tx, e)
	}))
	w.publish(w.event("a", 1), w.event("b", 1), w.event("a", 2), w.event("b", 2), w.event("a", 3))
	w.start(w.inbox(cfg))
	w.becomes(5, `SELECT count(*) FROM calls`)
	require.Equal(t, "a1 b1 a2 b2 a3", w.called())
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
}

func TestAnErrorThatSaysNothingAboutTheEventIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var n atomic.Int32
	registry := prometheus.NewRegistry()
	cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if n.Add(1) < 30 {
			return inbox.Wait(errors.New("the owner does not answer"))
		}
		return calls(ctx, tx, e)
	}))
	cfg.Attempts, cfg.Registerer = 2, registry
	w.publish(w.event("a", 1))
	w.start(w.inbox(cfg))
	require.Eventually(t, func() bool { return metric(t, registry, "banyan_inbox_paused_partitions") == 1 }, soon, time.Millisecond)
	w.becomes(1, `SELECT count(*) FROM calls`)
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
	require.Eventually(t, func() bool { return metric(t, registry, "banyan_inbox_paused_partitions") == 0 }, soon, often)
}

func TestTheTraceGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	trace := telemetry.NewTrace()
	m := w.event("a", 1)
	m.Headers = append(m.Headers, broker.Header{Key: broker.HeaderTraceparent, Value: []byte(trace.String())})
	got := make(chan string, 1)
	cfg := w.config(inbox.Each(func(ctx context.Context, _ *gorm.DB, _ inbox.Event) error {
		trace, _ := telemetry.TraceFrom(ctx)
		got <- trace.ID()
		return nil
	}))
	_, err := w.inbox(cfg).Settle(t.Context(), w.topic.Name, 0, place(0, m))
	require.NoError(t, err)
	require.Equal(t, trace.ID(), <-got)
}

// asking is a handler that asks another service first.
type asking struct {
	inbox.Each
	ask func(e inbox.Event) error
}

func (a asking) Prepare(_ context.Context, e inbox.Event) error { return a.ask(e) }

func TestAPreparerAsksBeforeTheTransactionAndNotForDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	asked := map[string]int{}
	var failures int
	cfg := w.config(asking{calls, func(e inbox.Event) error {
		require.Zero(t, w.db.SQL().Stats().InUse, "no transaction is open")
		asked[e.Aggregate]++
		if e.Aggregate == "never" {
			return inbox.Permanent(errors.New("there is no such thing"))
		}
		if failures++; failures < 3 {
			return inbox.Wait(errors.New("the owner does not answer"))
		}
		return nil
	}})
	b := w.inbox(cfg)
	a, never := w.event("a", 1), w.event("never", 1)
	for i, m := range []broker.Message{a, a, never, never} {
		_, err := b.Settle(t.Context(), w.topic.Name, 0, place(int64(i), m))
		require.NoError(t, err)
	}
	require.Equal(t, map[string]int{"a": 3, "never": 1}, asked)
	require.Equal(t, "a1", w.called())
	require.Equal(t, 1, w.number(`SELECT count(*) FROM inbox_dead_letters WHERE kind = 'permanent'`))
}

func TestTwoMembersOnOnePartitionApplyNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var sent []broker.Message
	for version := range int64(300) {
		sent = append(sent, w.event("a", version+1), w.event("b", version+1))
	}
	place(0, sent...)
	// Each has its own idea of where to begin and how much to take at once.
	errs := make(chan error, 3)
	for n := range 3 {
		cfg := w.config(calls)
		cfg.DB = openDB(t, w.url)
		b := w.inbox(cfg)
		go func() {
			for at := 0; at < len(sent); at += 7 + n {
				if _, err := b.Settle(t.Context(), w.topic.Name, 0, sent[at:min(at+7+n, len(sent))]); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 3 {
		require.NoError(t, <-errs)
	}
	require.Equal(t, 600, w.number(`SELECT count(*) FROM calls`))
	w.once()
	w.inOrder()
	require.Equal(t, 600, w.number(`SELECT next_offset FROM inbox_positions`))
	_, err := w.inbox(w.config(calls)).Settle(t.Context(), w.topic.Name, 0, sent[:5])
	require.NoError(t, err)
	require.Equal(t, 600, w.number(`SELECT next_offset FROM inbox_positions`), "a late member does not move it back")
}

func TestATopicMadeAnewIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.inbox(w.config(calls))
	_, err := b.Settle(t.Context(), w.topic.Name, 0, place(100, w.event("a", 1)))
	require.NoError(t, err)
	_, err = b.Settle(t.Context(), w.topic.Name, 0, place(0, w.event("a", 2)))
	require.NoError(t, err)
	require.Equal(t, "a1 a2", w.called())
	require.Equal(t, 1, w.number(`SELECT next_offset FROM inbox_positions`))
}

func TestOldInboxRowsAreTrimmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	cfg := w.config(inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
		if e.Aggregate == "poison" {
			return inbox.Permanent(errors.New("never"))
		}
		return calls(ctx, tx, e)
	}))
	cfg.Retention = time.Hour
	b := w.inbox(cfg)
	_, err := b.Settle(t.Context(), w.topic.Name, 0, place(0, w.event("a", 1), w.event("poison", 1), w.event("b", 1)))
	require.NoError(t, err)
	require.NoError(t, w.db.Gorm(t.Context()).Exec(`UPDATE inbox_events SET at = now() - interval '2 hours'`).Error)
	require.NoError(t, w.db.Gorm(t.Context()).Exec(`INSERT INTO inbox_events SELECT ?, gen_random_uuid(), now() - interval '2 hours' FROM generate_series(1, 12000)`, w.consumer).Error)
	require.NoError(t, w.db.Gorm(t.Context()).Exec(`INSERT INTO inbox_events SELECT 'another', gen_random_uuid(), now() - interval '2 hours'`).Error)
	_, err = b.Settle(t.Context(), w.topic.Name, 0, place(3, w.event("c", 1)))
	require.NoError(t, err)
	require.NoError(t, b.Trim(t.Context()))
	require.Equal(t, 2, w.number(`SELECT count(*) FROM inbox_events WHERE consumer = ?`, w.consumer), "the new one, and the open dead letter's")
	require.Equal(t, 1, w.number(`SELECT count(*) FROM inbox_events WHERE consumer = 'another'`))
}

func TestAConfigurationThatCanNotBeIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for want, change := range map[string]func(*inbox.Config){
		"name the consumer":       func(c *inbox.Config) { c.Consumer = "" },
		"at least one topic":      func(c *inbox.Config) { c.Topics = nil },
		"give all three":          func(c *inbox.Config) { c.Handler = nil },
		"Batch -1 can't be":       func(c *inbox.Config) { c.Batch = -1 },
		"Retention -1ns can't be": func(c *inbox.Config) { c.Retention = -1 },
		"make it of state":        func(c *inbox.Config) { c.Handler, c.Kind = asking{calls, nil}, inbox.Changes },
	} {
		cfg := w.config(calls)
		change(&cfg)
		_, err := inbox.New(cfg)
		require.ErrorContains(t, err, want)
	}
	registry := prometheus.NewRegistry()
	cfg := w.config(calls)
	cfg.Registerer = registry
	_, err := inbox.New(cfg)
	require.NoError(t, err)
	_, err = inbox.New(cfg)
	require.ErrorContains(t, err, "register inbox metrics")
	require.True(t, strings.HasSuffix(inbox.DeadLetterTopic("x"), ".dlq"))
}
