package inbox_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
)

// some prepares the events of aggregates that begin with "n", and notes all it does.
type some struct {
	callsAtOnce

	mu       sync.Mutex
	prepared []string
	sizes    map[string]int // by event, of the batch that it was handled in
}

func (s *some) Needs(e inbox.Event) bool {
	if e.Aggregate == "nobody knows" {
		panic("planted")
	}
	return strings.HasPrefix(e.Aggregate, "n")
}

func (s *some) Prepare(_ context.Context, e inbox.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prepared = append(s.prepared, e.ID)
	return nil
}

func (s *some) Handle(ctx context.Context, tx *gorm.DB, events []inbox.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.sizes[e.ID] = len(events)
	}
	return s.callsAtOnce.Handle(ctx, tx, events)
}

func TestOnlyWhatMustBePreparedComesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var sent []broker.Message
	var needed []string
	for version := range int64(30) {
		sent = append(sent, w.event("a", version+1), w.event("b", version+1))
		if version%10 == 0 {
			m := w.event("n", version+1)
			sent, needed = append(sent, m), append(needed, idOf(m))
		}
	}
	odd := w.event("nobody knows", 1)
	sent, needed = append(sent, odd), append(needed, idOf(odd))
	w.publish(sent...)
	s := &some{sizes: map[string]int{}}
	w.start(w.inbox(w.config(s)))
	w.becomes(len(sent), `SELECT coalesce(sum(next_offset), 0) FROM inbox_positions`)
	w.once()
	w.inOrder()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, needed, s.prepared, "in their order, and no others")
	together := 0
	for _, m := range sent {
		together = max(together, s.sizes[idOf(m)])
	}
	require.Greater(t, together, 1, "the others come in batches")
	for _, id := range needed {
		require.Equal(t, 1, s.sizes[id], "what is prepared comes alone")
	}
}

func idOf(m broker.Message) string {
	for _, h := range m.Headers {
		if h.Key == broker.HeaderID {
			return string(h.Value)
		}
	}
	return ""
}
