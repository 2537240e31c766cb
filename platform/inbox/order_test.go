package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
)

func (w *world) changes(change func(*inbox.Config)) *inbox.Inbox {
	cfg := w.config(calls)
	cfg.Kind, cfg.GapWait = inbox.Changes, time.Hour
	if change != nil {
		change(&cfg)
	}
	return w.inbox(cfg)
}

func (w *world) settle(b *inbox.Inbox, from int64, messages ...broker.Message) {
	w.t.Helper()
	_, err := b.Settle(w.t.Context(), w.topic.Name, 0, place(from, messages...))
	require.NoError(w.t, err)
}

func TestAChangeWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.changes(nil)
	w.settle(b, 0, w.event("a", 1), w.event("a", 3), w.event("a", 4), w.event("b", 1))
	require.Equal(t, "a1 b1", w.called())
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error {
		all, err := inbox.Positions(tx, w.consumer)
		require.NoError(t, err)
		require.Equal(t, 2, all[0].Waiting)
		require.True(t, all[0].Applied(0))
		require.False(t, all[0].Applied(1), "what waits is not applied")
		return nil
	}))
	w.settle(b, 4, w.event("a", 2), w.event("a", 5))
	require.Equal(t, "a1 b1 a2 a3 a4 a5", w.called())
	w.settle(b, 6, w.event("a", 2), w.event("a", 5))
	require.Equal(t, "a1 b1 a2 a3 a4 a5", w.called(), "what is older is dropped")
	require.Equal(t, 0, w.number(`SELECT waiting FROM inbox_positions`))
	require.Zero(t, w.number(`SELECT count(*) FROM inbox_dead_letters`))
}

func TestTheWaitEndsAndWhatComesLateIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	cfg := w.config(calls)
	cfg.Kind, cfg.GapWait = inbox.Changes, 200*time.Millisecond
	w.publish(w.event("a", 1), w.event("a", 4), w.event("a", 5))
	w.start(w.inbox(cfg))
	w.becomes(3, `SELECT count(*) FROM calls`) // though nothing else is published
	require.Equal(t, "a1 a4 a5", w.called())
	require.Equal(t, 1, w.number(`SELECT count(*) FROM inbox_gaps WHERE first_version = 2 AND last_version = 3`))
	w.publish(w.event("a", 3), w.event("a", 1), w.event("a", 6))
	w.becomes(4, `SELECT count(*) FROM calls`)
	require.Equal(t, "a1 a4 a5 a6", w.called())
	require.Equal(t, []string{"late:a"}, w.listed(inbox.Open), "the other was handled once")
	_, err := inbox.NewDeadLetters(w.db).Redrive(t.Context(), 1)
	require.NoError(t, err)
	w.becomes(5, `SELECT count(*) FROM calls`)
	require.Equal(t, "a1 a4 a5 a6 a3", w.called(), "out of its order, by someone's decision")
}

func TestWhatWaitsOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	cfg := w.config(calls)
	cfg.Kind, cfg.GapWait = inbox.Changes, time.Hour
	w.publish(w.event("a", 2))
	stop := w.start(w.inbox(cfg))
	w.becomes(1, `SELECT waiting FROM inbox_positions`)
	stop()
	require.NoError(t, w.db.Gorm(t.Context()).Exec(`UPDATE inbox_waiting SET until = now()`).Error)
	w.start(w.inbox(cfg)) // and goes on at once, without a new message
	w.becomes(1, `SELECT count(*) FROM calls`)
}

func TestOnlySoManyMayWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.changes(func(c *inbox.Config) { c.MaxWaiting = 2 })
	w.settle(b, 0, w.event("a", 2), w.event("b", 2), w.event("a", 3))
	require.Equal(t, "a2 a3", w.called(), "the oldest goes on, and takes along who waited for it")
	w.settle(b, 3, w.event("c", 2), w.event("d", 2))
	require.Equal(t, "a2 a3 b2", w.called())
}

func TestAConsumerThatBeginsMidwayDoesNotWaitForWhatWasBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.changes(func(c *inbox.Config) { c.Midway = true })
	w.settle(b, 0, w.event("a", 7), w.event("a", 9), w.event("a", 8))
	require.Equal(t, "a7 a8 a9", w.called())
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error {
		return inbox.SetVersion(tx, w.consumer, w.topic.Name, "b", 4)
	}))
	w.settle(b, 3, w.event("b", 4), w.event("b", 6), w.event("b", 5))
	require.Equal(t, "a7 a8 a9 b5 b6", w.called())
}

func TestAnEventWithoutAVersionIsHandledInItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.changes(nil)
	w.settle(b, 0, w.event("a", 1), w.event("partition/0", 0), w.event("a", 2), w.event("partition/0", 0))
	require.Equal(t, "a1 partition/00 a2 partition/00", w.called())
}

// Two members that both believe they own the partition: what the one lets wait, the
// other does not forget.
func TestTwoMembersCountTogetherWhatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.changes(nil)
	w.settle(b, 0, w.event("y", 1)) // so that the position's row is there
	done := make(chan error, 1)
	slow := w.changes(func(c *inbox.Config) {
		c.Handler = inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
			go func() {
				_, err := b.Settle(context.WithoutCancel(ctx), w.topic.Name, 0, place(2, w.event("a", 2)))
				done <- err
			}()
			for len(done) == 0 && w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
				runtime.Gosched() // until the other is through, or waits for this one
			}
			return calls(ctx, tx, e)
		})
	})
	w.settle(slow, 1, w.event("z", 1))
	require.NoError(t, <-done)
	require.Equal(t, 1, w.number(`SELECT waiting FROM inbox_positions`))
	w.settle(b, 3, w.event("a", 1))
	require.Equal(t, "y1 z1 a1 a2", w.called())
}

func TestAChangeThatWaitedAndFailsIsPutAsideItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var tries atomic.Int32
	b := w.changes(func(c *inbox.Config) {
		c.Attempts = 3
		c.Handler = inbox.Each(func(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
			if e.Version == 3 {
				tries.Add(1)
				return errors.New("it hurts")
			}
			return calls(ctx, tx, e)
		})
	})
	w.settle(b, 0, w.event("a", 3), w.event("a", 2), w.event("a", 4))
	w.settle(b, 3, w.event("a", 1), w.event("b", 1))
	require.Equal(t, "a1 a2 a4 b1", w.called())
	require.Equal(t, []string{"exhausted:a"}, w.listed(inbox.Open))
	require.Equal(t, 1, w.number(`SELECT count(*) FROM inbox_dead_letters WHERE record_offset = 0 AND attempts = 3`))
}

// model is the version rule as one would say it, for one partition.
type model struct {
	midway  bool
	max     int
	at      map[string]int64
	waiting []place1 // in the order they came
	missed  map[string]bool
	called  []string
	late    []string
}

type place1 struct {
	aggregate string
	version   int64
	due       bool
}

func (m *model) name(a string, v int64) string { return fmt.Sprintf("%s%d", a, v) }

func (m *model) arrive(a string, v int64) {
	at, known := m.at[a]
	switch {
	case v == at+1 || !known && m.midway:
		m.handle(a, v)
	case v > at:
		for _, w := range m.waiting {
			if w.aggregate == a && w.version == v {
				return
			}
		}
		m.waiting = append(m.waiting, place1{a, v, false})
	case m.missed[m.name(a, v)]:
		m.late = append(m.late, m.name(a, v))
	}
}

func (m *model) handle(a string, v int64) {
	m.called = append(m.called, m.name(a, v))
	m.at[a] = v
	for i, w := range m.waiting {
		if w.aggregate == a && w.version == v+1 {
			m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
			m.handle(a, v+1)
			return
		}
	}
}

// end is what happens after each portion.
func (m *model) end() {
	for len(m.waiting) > 0 && (len(m.waiting) > m.max || m.waiting[0].due) {
		a, first := m.waiting[0].aggregate, 0
		for i, w := range m.waiting {
			if w.aggregate == a && w.version < m.waiting[first].version {
				first = i
			}
		}
		v := m.waiting[first].version
		m.waiting = append(m.waiting[:first:first], m.waiting[first+1:]...)
		for missing := m.at[a] + 1; missing < v; missing++ {
			m.missed[m.name(a, missing)] = true
		}
		m.handle(a, v)
	}
}

// Events of a few aggregates come in any order, some twice, some as another event of
// the same version, some not at all, in portions; now and then time passes.
func TestTheVersionRuleIsItsModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &model{midway: rapid.Bool().Draw(t, "midway"), max: rapid.IntRange(1, 6).Draw(t, "max"), at: map[string]int64{}, missed: map[string]bool{}}
		cfg := w.config(calls)
		cfg.Consumer, cfg.Kind, cfg.GapWait, cfg.Midway, cfg.MaxWaiting = fmt.Sprintf("run-%d", run), inbox.Changes, time.Hour, m.midway, m.max
		b, err := inbox.New(cfg)
		require.NoError(t, err)
		require.NoError(t, w.db.Gorm(context.Background()).Exec(`DELETE FROM calls`).Error)
		var seen []broker.Message
		offset := int64(0)
		for range rapid.IntRange(1, 8).Draw(t, "portions") {
			if rapid.IntRange(0, 3).Draw(t, "time passes") == 0 {
				require.NoError(t, w.db.Gorm(context.Background()).Exec(`UPDATE inbox_waiting SET until = until - interval '2 hours'`).Error)
				for i := range m.waiting {
					m.waiting[i].due = true
				}
			}
			var portion []broker.Message
			for range rapid.IntRange(0, 8).Draw(t, "events") {
				if len(seen) > 0 && rapid.IntRange(0, 4).Draw(t, "again") == 0 {
					portion = append(portion, rapid.SampledFrom(seen).Draw(t, "which"))
					continue
				}
				a, v := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "aggregate"), rapid.Int64Range(1, 8).Draw(t, "version")
				e := w.event(a, v)
				seen, portion = append(seen, e), append(portion, e)
				m.arrive(a, v)
			}
			_, err := b.Settle(context.Background(), w.topic.Name, 0, place(offset, portion...))
			require.NoError(t, err)
			offset += int64(len(portion))
			m.end()
		}
		var called, late []string
		require.NoError(t, w.db.Gorm(context.Background()).Raw(`SELECT aggregate || version FROM calls ORDER BY n`).Scan(&called).Error)
		require.Equal(t, m.called, called)
		require.NoError(t, w.db.Gorm(context.Background()).Raw(`SELECT convert_from(key, 'UTF8') || (convert_from(payload, 'UTF8')::json ->> 'version')
			FROM inbox_dead_letters WHERE consumer = ? ORDER BY id`, cfg.Consumer).Scan(&late).Error)
		require.Equal(t, m.late, late)
		var waiting int
		require.NoError(t, w.db.Gorm(context.Background()).Raw(`SELECT count(*) FROM inbox_waiting WHERE consumer = ?`, cfg.Consumer).Scan(&waiting).Error)
		require.Len(t, m.waiting, waiting)
	})
}
