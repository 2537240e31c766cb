package inbox_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
)

// deaf ignores the events of aggregates that begin with "own".
type deaf struct{ callsAtOnce }

func (deaf) Ignores(e inbox.Event) bool {
	if e.Aggregate == "nobody knows" {
		panic("planted")
	}
	return strings.HasPrefix(e.Aggregate, "own")
}

func TestWhatIsIgnoredCostsNoRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	heard := []broker.Message{w.event("a", 1), w.event("nobody knows", 1), w.event("b", 1)}
	w.publish(w.event("own 1", 1), heard[0], w.event("own 2", 1), heard[1], w.event("own 1", 2), heard[2], w.event("own 3", 1))
	stop := w.start(w.inbox(w.config(deaf{})))
	w.becomes(len(heard), `SELECT count(*) FROM calls`)
	require.Equal(t, len(heard), w.number(`SELECT count(*) FROM inbox_events`))
	require.Equal(t, 6, w.number(`SELECT next_offset FROM inbox_positions`), "behind the last that was handled")
	require.Eventually(t, func() bool { return w.committed() == 7 }, soon, often, "Kafka knows that all are passed")
	stop()

	w.publish(w.event("own 4", 1))
	w.start(w.inbox(w.config(deaf{})))
	require.Eventually(t, func() bool { return w.committed() == 8 }, soon, often, "also when nothing else comes")
	require.Equal(t, 6, w.number(`SELECT next_offset FROM inbox_positions`))
	w.once()
}

// noted is a source that notes where fetches end, and what is committed.
type noted struct {
	inbox.Source
	*ends
}

type ends struct {
	mu               sync.Mutex
	fetched, commits []int64
}

func (n noted) Fetch(ctx context.Context, most int) ([]broker.Message, error) {
	messages, err := n.Source.Fetch(ctx, most)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(messages) > 0 {
		n.fetched = append(n.fetched, messages[len(messages)-1].Offset)
	}
	return messages, err
}

func (n noted) Commit(m broker.Message) error {
	n.mu.Lock()
	n.commits = append(n.commits, m.Offset)
	n.mu.Unlock()
	return n.Source.Commit(m)
}

// A commit is a request to Kafka: what comes at once and needs no part of its own is
// committed at once, also when its last events are ignored.
func TestAFetchThatEndsInIgnoredEventsIsCommittedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.publish(w.event("a", 1), w.event("b", 1), w.event("own 1", 1), w.event("own 2", 1))
	b, n := w.inbox(w.config(deaf{})), &ends{}
	b.Wrap(func(s inbox.Source) inbox.Source { return noted{s, n} })
	stop := w.start(b)
	require.Eventually(t, func() bool { return w.committed() == 4 }, soon, often)
	stop()
	require.Equal(t, n.fetched, n.commits)
}

// committed is how far the group is in Kafka, in all partitions together.
func (w *world) committed() (sum int64) {
	lags, err := w.broker.Lag(w.t.Context(), w.consumer, w.topic.Name)
	if err != nil {
		return -1 // the group is between two generations
	}
	for _, l := range lags {
		sum += max(0, l.Committed)
	}
	return sum
}

func TestAHandlerOfChangesIgnoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	cfg := w.config(deaf{})
	cfg.Kind = inbox.Changes
	_, err := inbox.New(cfg)
	require.ErrorContains(t, err, "each version counts there; make it of state")
}
