package hold

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Longest is as long as a hold may be asked for at once. Longer ones are renewed:
// a holder that died must not stop a route for long.
const Longest = time.Minute

// Errors of Gates.
var (
	// ErrHeld: a route is held by another hold.
	ErrHeld = errors.New("is held already")
	// ErrUnknown: no such hold; it was released, or ended by itself.
	ErrUnknown = errors.New("no such hold: it was released or has ended")
	// ErrBounds: the time asked for is not above 0 and at most Longest.
	ErrBounds = errors.New("out of bounds")
)

// Gates are the gates of all routes by name, and the holds on them. It is safe for
// concurrent use.
type Gates struct {
	waits *prometheus.HistogramVec

	mu    sync.Mutex
	gates map[string]*Gate
	holds map[string]*Hold
}

// New returns open gates, whose waits the registry shows.
func New(registry prometheus.Registerer) *Gates {
	g := &Gates{
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gateway_hold_seconds", Help: "How long requests of a held route waited.",
			Buckets: []float64{.005, .01, .025, .05, .1, .15, .2, .25, .35, .5, .75, 1, 2.5, 5, 10},
		}, []string{"route"}),
		gates: map[string]*Gate{}, holds: map[string]*Hold{},
	}
	registry.MustRegister(g.waits)
	return g
}

// Gate returns the gate of a route, which is the same for the same name.
func (g *Gates) Gate(route string) *Gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gate(route)
}

func (g *Gates) gate(route string) *Gate {
	gate := g.gates[route]
	if gate == nil {
		gate = &Gate{}
		if h, ok := g.waits.WithLabelValues(route).(prometheus.Histogram); ok {
			gate.waits = h
		}
		g.gates[route] = gate
	}
	return gate
}

// About is what a holder says of its hold.
type About struct {
	Resource string // whose routes are held; "" is none
	Label    string // who holds, and what for
}

// Hold is some routes' gates closed together.
type Hold struct {
	About
	ID     string
	Routes []string

	gates    []*Gate
	released chan struct{}
	timer    *time.Timer
	mu       sync.Mutex
	until    time.Time
}

// Until is when the hold ends by itself.
func (h *Hold) Until() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.until
}

// InFlight is how many requests passed the gates before they closed and are not
// answered yet.
func (h *Hold) InFlight() int64 {
	var n int64
	for _, gate := range h.gates {
		n += gate.inFlight.Load()
	}
	return n
}

// Hold closes the gates of the routes, all or none, for so long at most. It returns
// ErrHeld when one of them is closed already, and ErrBounds.
func (g *Gates) Hold(routes []string, lasting time.Duration) (*Hold, error) {
	return g.HoldFor(About{}, routes, lasting)
}

// HoldFor is Hold by somebody who says what for.
func (g *Gates) HoldFor(about About, routes []string, lasting time.Duration) (*Hold, error) {
	if err := bounded(lasting); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	names := slices.Compact(slices.Sorted(slices.Values(routes)))
	h := &Hold{About: about, ID: rand.Text(), Routes: names, released: make(chan struct{}), until: time.Now().Add(lasting)}
	for _, name := range names {
		gate := g.gate(name)
		if gate.held.Load() != nil {
			return nil, fmt.Errorf("route %q %w", name, ErrHeld)
		}
		h.gates = append(h.gates, gate)
	}
	for _, gate := range h.gates {
		gate.held.Store(h)
	}
	h.timer = time.AfterFunc(lasting, func() { _ = g.Release(h.ID) })
	g.holds[h.ID] = h
	return h, nil
}

func bounded(lasting time.Duration) error {
	if lasting <= 0 || lasting > Longest {
		return fmt.Errorf("a hold of %s is %w: ask for more than 0s and at most %s, and renew it", lasting, ErrBounds, Longest)
	}
	return nil
}

// List returns the holds, those that end first before the others.
func (g *Gates) List() []*Hold {
	g.mu.Lock()
	all := slices.Collect(maps.Values(g.holds))
	g.mu.Unlock()
	slices.SortFunc(all, func(a, b *Hold) int { return cmp.Or(a.Until().Compare(b.Until()), cmp.Compare(a.ID, b.ID)) })
	return all
}

// Find returns a hold by its id, or ErrUnknown.
func (g *Gates) Find(id string) (*Hold, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h := g.holds[id]; h != nil {
		return h, nil
	}
	return nil, ErrUnknown
}

// Renew lets a hold last so long from now on. It returns ErrUnknown when the hold
// has ended meanwhile: then requests have passed, and who moved something behind
// the route must not go on as if none had.
func (g *Gates) Renew(id string, lasting time.Duration) (*Hold, error) {
	if err := bounded(lasting); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.holds[id]
	if h == nil || !h.timer.Stop() {
		return nil, ErrUnknown
	}
	h.mu.Lock()
	h.until = time.Now().Add(lasting)
	h.mu.Unlock()
	h.timer.Reset(lasting)
	return h, nil
}

// Release opens the gates of a hold; those who wait go on. ErrUnknown says that
// they were open.
func (g *Gates) Release(id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.holds[id]
	if h == nil {
		return ErrUnknown
	}
	g.open(h)
	return nil
}

// open is called with the lock held.
func (g *Gates) open(h *Hold) {
	delete(g.holds, h.ID)
	h.timer.Stop()
	for _, gate := range h.gates {
		gate.held.Store(nil)
	}
	close(h.released)
}

// Close opens all gates: a gateway that goes away lets everybody through first.
func (g *Gates) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.holds {
		g.open(h)
	}
}

// drained is how often Drained looks.
const drained = time.Millisecond

// Drained waits until nothing is in flight behind a hold's gates, and returns how
// many requests are: 0, or more when the context ended or the hold did.
func (h *Hold) Drained(ctx context.Context) int64 {
	tick := time.NewTicker(drained)
	defer tick.Stop()
	for {
		n := h.InFlight()
		if n == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return n
		case <-h.released:
			return n
		case <-tick.C:
		}
	}
}
