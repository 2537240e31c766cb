package resilience

import (
	"sync"

	"banyan.dev/gateway/internal/config"
)

// Guards holds the guards of the owners that any configuration in use names. It is
// safe for concurrent use.
type Guards struct {
	mu    sync.Mutex
	known map[string]*guarded
}

type guarded struct {
	guard *Guard
	users int
}

// NewGuards returns an empty registry.
func NewGuards() *Guards { return &Guards{known: map[string]*guarded{}} }

// Open returns the guard of the owner's name, with the owner's settings from here
// on, also for requests that are under way. A configuration that follows another
// opens its guards before the other closes its own: then counts, requests in flight
// and an open breaker stay. A breaker with other settings begins closed.
func (g *Guards) Open(owner config.Owner) *Guard {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.known[owner.Name]
	if k == nil {
		k = &guarded{guard: newGuard(owner.Name)}
		g.known[owner.Name] = k
	}
	k.users++
	k.guard.configure(owner)
	return k.guard
}

// Close gives up what one Open returned. Requests that still use it may go on.
func (g *Guards) Close(guard *Guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	k := g.known[guard.owner]
	if k == nil || k.guard != guard {
		return
	}
	if k.users--; k.users == 0 {
		delete(g.known, guard.owner)
	}
}
