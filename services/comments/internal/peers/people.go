package peers

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"banyan.dev/features/comments/store"
)

// The bounds of what is remembered.
const (
	nameAge   = time.Minute
	mostNames = 10_000
	askAtOnce = 100 // the monolith answers about 200
)

// People knows what authors are called: it asks the monolith and remembers the answer
// for a minute, of ten thousand people. Several who want the same names at the same
// time ask once. It is safe for concurrent use.
type People struct {
	ask  func(ctx context.Context, ids []string) (map[string]string, error)
	now  func() time.Time
	once singleflight.Group

	mu    sync.Mutex
	known map[string]known
}

// known is an answer; the empty name of an account that is gone is one too.
type known struct {
	name string
	at   time.Time
}

var _ store.People = (*People)(nil)

// NewPeople returns the names that the monolith knows.
func NewPeople(m *Monolith, now func() time.Time) *People {
	return &People{ask: m.names, now: now, known: map[string]known{}}
}

// Names is store.People's.
func (p *People) Names(ctx context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	missing := p.recall(ids, names)
	for part := range slices.Chunk(missing, askAtOnce) {
		found, err := p.fetch(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, id := range part {
			if name := found[id]; name != "" {
				names[id] = name
			}
		}
	}
	return names, nil
}

// recall fills in what is remembered and returns the others, each once and in order.
func (p *People) recall(ids []string, names map[string]string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	var missing []string
	for _, id := range ids {
		k, ok := p.known[id]
		switch {
		case !ok || now.Sub(k.at) >= nameAge:
			missing = append(missing, id)
		case k.name != "":
			names[id] = k.name
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// fetch asks, together with whoever asks for the same. It goes on when one of them
// goes away; the client's deadline bounds it.
func (p *People) fetch(ctx context.Context, ids []string) (map[string]string, error) {
	answer := p.once.DoChan(strings.Join(ids, " "), func() (any, error) {
		found, err := p.ask(context.WithoutCancel(ctx), ids)
		if err == nil {
			p.remember(ids, found)
		}
		return found, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answer:
		found, _ := a.Val.(map[string]string)
		return found, a.Err
	}
}

func (p *People) remember(ids []string, found map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for _, id := range ids {
		if _, ok := p.known[id]; !ok && len(p.known) >= mostNames {
			p.forget(now)
		}
		p.known[id] = known{found[id], now}
	}
}

// forget makes room: whatever is too old, or else some, whichever come first.
func (p *People) forget(now time.Time) {
	for id, k := range p.known {
		if now.Sub(k.at) >= nameAge {
			delete(p.known, id)
		}
	}
	for id := range p.known {
		if len(p.known) < mostNames*9/10 {
			return
		}
		delete(p.known, id)
	}
}
