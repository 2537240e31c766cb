package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/inbox"
)

// picky is a handler that can't stand some aggregates until it is mended.
type picky struct{ mended atomic.Bool }

func (p *picky) Handle(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
	if p.mended.Load() {
		return calls(ctx, tx, e)
	}
	switch e.Aggregate {
	case "poison":
		return inbox.Permanent(errors.New("it hurts"))
	case "weary":
		return errors.New("again and again")
	case "panic":
		panic("no")
	case "swallows":
		_ = tx.Exec(`SELECT 1 / 0`).Error
		return nil
	case "breaks":
		return tx.Exec(`SELECT 1 / 0`).Error
	}
	return calls(ctx, tx, e)
}

// listed are a state's dead letters as "kind:aggregate".
func (w *world) listed(state string) (all []string) {
	w.t.Helper()
	letters, err := inbox.NewDeadLetters(w.db).List(w.t.Context(), inbox.Which{Resource: "things", State: state})
	require.NoError(w.t, err)
	for _, d := range letters {
		all = append(all, d.Kind+":"+string(d.Key))
	}
	return all
}

func TestPoisonIsPutAsideAndNobodyWaits(t *testing.T) {
	t.Parallel()
	for _, kind := range []inbox.Kind{inbox.State, inbox.Changes} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			var sent []broker.Message
			for _, aggregate := range []string{"a", "poison", "b", "weary", "c", "panic", "d", "swallows", "e", "breaks", "f"} {
				sent = append(sent, w.event(aggregate, 1), w.event(aggregate+"'", 1))
			}
			w.publish(sent...)
			cfg := w.config(inbox.Each((&picky{}).Handle))
			cfg.Attempts, cfg.Kind = 3, kind
			w.start(w.inbox(cfg))
			w.becomes(len(sent), `SELECT coalesce(sum(next_offset), 0) FROM inbox_positions`)
			require.Equal(t, "a1 a'1 poison'1 b1 b'1 weary'1 c1 c'1 panic'1 d1 d'1 swallows'1 e1 e'1 breaks'1 f1 f'1", w.called())
			require.Equal(t, []string{"permanent:poison", "exhausted:weary", "exhausted:panic", "exhausted:swallows", "exhausted:breaks"}, w.listed(inbox.Open))
			require.Equal(t, 4, w.number(`SELECT count(*) FROM inbox_dead_letters WHERE attempts = 3 AND kind = 'exhausted' AND last_at >= first_at`))
			require.Equal(t, 1, w.number(`SELECT count(*) FROM inbox_dead_letters WHERE reason LIKE '%panicked: no%'`))
			w.publish(w.event("poison", 2), w.event("weary'", 2))
			w.becomes(17+1, `SELECT count(*) FROM calls`)
		})
	}
}

// A handler of many at once can't say who it was.
func TestTheCulpritOfABatchIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var sent []broker.Message
	for i := range 200 {
		m := w.event(fmt.Sprintf("a%d", i), 1)
		if i == 77 || i == 150 {
			m.Value = []byte(`{"id":"` + fmt.Sprintf("a%d", i) + `","version":"many","body":""}`)
		}
		sent = append(sent, m)
	}
	w.publish(sent...)
	cfg := w.config(rows{})
	cfg.Attempts = 2
	w.start(w.inbox(cfg))
	w.becomes(200, `SELECT coalesce(sum(next_offset), 0) FROM inbox_positions`)
	require.Equal(t, 198, w.number(`SELECT count(*) FROM things`))
	require.Equal(t, []string{"exhausted:a77", "exhausted:a150"}, w.listed(inbox.Open))
}

func TestWhatIsNoEventIsADeadLetterOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	without := func(name string) broker.Message {
		m := w.event("x", 1)
		for i, h := range m.Headers {
			if h.Key == name {
				m.Headers = append(m.Headers[:i:i], m.Headers[i+1:]...)
				return m
			}
		}
		return m
	}
	with := func(name, value string) broker.Message {
		m := without(name)
		m.Headers = append(m.Headers, broker.Header{Key: name, Value: []byte(value)})
		return m
	}
	twice := w.event("x", 1)
	twice.Headers = append(twice.Headers, broker.Header{Key: broker.HeaderID, Value: []byte("again")})
	otherKey := w.event("x", 1)
	otherKey.Key = []byte("y")
	bare := broker.Message{Topic: w.topic.Name, Value: []byte{0, 0xff}, Headers: []broker.Header{{Key: "odd\x00", Value: []byte{0xff, 0}}}}
	sent := []broker.Message{
		bare, without(broker.HeaderSpecVersion), with(broker.HeaderID, "42"), without(broker.HeaderType), without(broker.HeaderSource),
		with(broker.HeaderTime, "now"), with(broker.HeaderVersion, "-1"), twice, otherKey,
	}
	place(0, sent...)
	b := w.inbox(w.config(calls))
	for range 2 { // they come again, like all else
		_, err := b.Settle(t.Context(), w.topic.Name, 0, sent)
		require.NoError(t, err)
	}
	require.Empty(t, w.called())
	letters, err := inbox.NewDeadLetters(w.db).List(t.Context(), inbox.Which{Consumer: w.consumer})
	require.NoError(t, err)
	require.Len(t, letters, len(sent))
	for i, want := range []string{"ce_specversion", "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_version", "ce_id", "ce_subject"} {
		require.Equal(t, inbox.KindMalformed, letters[i].Kind)
		require.Contains(t, letters[i].Reason, want)
		require.Equal(t, int64(i), letters[i].Offset)
	}
	require.Equal(t, []byte{0, 0xff}, letters[0].Payload)
	require.JSONEq(t, `[{"name":"odd�","base64":"/wA="}]`, string(letters[0].Headers))
	_, err = json.Marshal(letters)
	require.NoError(t, err)
}

func TestADeadLetterIsRedriven(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p := &picky{}
	registry := prometheus.NewRegistry()
	cfg := w.config(inbox.Each(p.Handle))
	cfg.Kind, cfg.Registerer = inbox.Changes, registry
	w.publish(w.event("poison", 1), w.event("poison", 2), w.event("a", 1))
	w.start(w.inbox(cfg))
	w.start(w.inbox(func() inbox.Config { c := cfg; c.Registerer = nil; return c }())) // of two members one does it
	w.becomes(2, `SELECT count(*) FROM inbox_dead_letters`)
	letters := inbox.NewDeadLetters(w.db)
	all, err := letters.List(t.Context(), inbox.Which{})
	require.NoError(t, err)

	n, err := letters.Redrive(t.Context(), all[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	w.becomes(1, `SELECT count(*) FROM inbox_dead_letters WHERE state = 'open' AND attempts = 2`) // it hurts still

	p.mended.Store(true)
	n, err = letters.Redrive(t.Context(), all[0].ID, all[1].ID, 12345)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	w.becomes(2, `SELECT count(*) FROM inbox_dead_letters WHERE state = 'redriven' AND closed_at IS NOT NULL`)
	w.becomes(3, `SELECT count(*) FROM calls`)
	require.ElementsMatch(t, []string{"a1", "poison1", "poison2"}, strings.Fields(w.called()), "in no order: each member may do one")
	w.once()
	n, err = letters.Redrive(t.Context(), all[0].ID)
	require.NoError(t, err)
	require.Zero(t, n, "it is done")
}

// alone notes whether it was ever called for two events at once. It refuses the first
// event until it is mended, and then stays in it until it is told to go on.
type alone struct {
	mended, overlapped atomic.Bool
	inside             atomic.Int32
	entered, goOn      chan struct{}
}

func (a *alone) Handle(ctx context.Context, tx *gorm.DB, e inbox.Event) error {
	if a.inside.Add(1) > 1 {
		a.overlapped.Store(true)
	}
	defer a.inside.Add(-1)
	if e.Version == 1 {
		if !a.mended.Load() {
			return inbox.Permanent(errors.New("not yet"))
		}
		close(a.entered)
		<-a.goOn
	}
	return calls.Handle(ctx, tx, []inbox.Event{e})
}

// TestARedriveWaitsForWhatIsFresh: an old state that is handled again beside a newer
// one would find no row yet, as the newer one does, and both would write theirs.
func TestARedriveWaitsForWhatIsFresh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	a := &alone{entered: make(chan struct{}), goOn: make(chan struct{})}
	w.publish(w.event("a", 1))
	w.start(w.inbox(w.config(inbox.Each(a.Handle))))
	w.becomes(1, `SELECT count(*) FROM inbox_dead_letters`)
	a.mended.Store(true)
	_, err := inbox.NewDeadLetters(w.db).Redrive(t.Context(), 1)
	require.NoError(t, err)
	<-a.entered
	w.publish(w.event("a", 2))
	require.Eventually(t, func() bool {
		waiting := w.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%inbox_positions%'`)
		return waiting > 0 || a.overlapped.Load()
	}, soon, often)
	close(a.goOn)
	w.becomes(2, `SELECT count(*) FROM calls`)
	require.False(t, a.overlapped.Load())
	require.Equal(t, "a1 a2", w.called())
}

func TestADeadLetterIsDiscardedWithAReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := w.inbox(w.config(inbox.Each((&picky{}).Handle)))
	_, err := b.Settle(t.Context(), w.topic.Name, 0, place(0, w.event("poison", 1)))
	require.NoError(t, err)
	letters := inbox.NewDeadLetters(w.db)
	all, err := letters.List(t.Context(), inbox.Which{State: inbox.Open})
	require.NoError(t, err)
	_, err = letters.Discard(t.Context(), " ", all[0].ID)
	require.ErrorContains(t, err, "say why")
	n, err := letters.Discard(t.Context(), "a test", all[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	all, err = letters.List(t.Context(), inbox.Which{State: inbox.Discarded})
	require.NoError(t, err)
	require.Equal(t, "a test", all[0].Note)
	n, err = letters.Redrive(t.Context(), all[0].ID)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = letters.Discard(t.Context(), "none")
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestTheDeadLettersOfAResourceAreCountedInATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	p := &picky{}
	b := w.inbox(w.config(inbox.Each(p.Handle)))
	_, err := b.Settle(t.Context(), w.topic.Name, 0, place(0, w.event("poison", 1), w.event("poison", 2), w.event("a", 1)))
	require.NoError(t, err)
	_, err = inbox.NewDeadLetters(w.db).Redrive(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, w.db.InTx(t.Context(), func(tx *gorm.DB) error {
		n, err := inbox.OpenDeadLetters(tx, "things")
		require.NoError(t, err)
		require.Equal(t, 2, n, "one is open, one is asked for and not done")
		n, err = inbox.OpenDeadLetters(tx, "others")
		require.NoError(t, err)
		require.Zero(t, n)
		return nil
	}))
}

func TestDeadLettersArePublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.publish(w.event("poison", 1), w.event("a", 1))
	w.start(w.inbox(w.config(inbox.Each((&picky{}).Handle))))
	w.becomes(1, `SELECT count(*) FROM inbox_dead_letters WHERE published_at IS NOT NULL`)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan broker.Message, 1)
	done := make(chan error, 1)
	go func() {
		done <- w.broker.Consume(ctx, broker.ConsumerConfig{Group: kafkatest.Unique("watch"), Topics: []string{inbox.DeadLetterTopic(w.topic.Name)}}, func(ctx context.Context, p *broker.Partition) error {
			for {
				messages, err := p.Fetch(ctx, 1)
				if err != nil {
					return nil
				}
				got <- messages[0]
			}
		})
	}()
	m := <-got
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, "poison", string(m.Key))
	require.Equal(t, "it hurts", m.Header(inbox.HeaderReason))
	require.Equal(t, inbox.KindPermanent, m.Header(inbox.HeaderKind))
	require.Equal(t, "0", m.Header(inbox.HeaderOffset))
	require.Equal(t, m.Header(broker.HeaderID), m.Header(inbox.HeaderEventID))
	require.Equal(t, "1.0", m.Header(broker.HeaderSpecVersion), "its own headers are there too")
}
