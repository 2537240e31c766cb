package session

import (
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"banyan.dev/platform/session/store"
)

// view is what is in force: settings and the stores they mean. It never changes,
// but for how far the switch to it has come. An operation takes the view when it
// begins and uses it to its end, whatever is asked for meanwhile.
type view struct {
	settings Settings
	store    store.Store
	remote   *store.Redis  // nil without Redis
	client   *redis.Client // nil without redis.url
	users    *store.Users  // nil when user records are not cached

	ready   atomic.Bool // all that began in views before has ended
	settled atomic.Bool // and what there was to copy, load or empty is done

	operations int           // guarded by gate.mu, as retired
	retired    bool          //
	drained    chan struct{} // closed when retired and the last operation has ended
}

func (v *view) mode() Mode { return v.settings.Mode }

// gate counts the operations of each view, so that a switch can wait for those
// that began before it (the rule DrainFirst).
type gate struct {
	mu      sync.Mutex
	current *view
}

// enter begins an operation in the view in force; leave ends it.
func (g *gate) enter() *view {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.current.operations++
	return g.current
}

func (g *gate) leave(v *view) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v.operations--
	v.closeIfDrained()
}

// peek is the view in force, for who only reports.
func (g *gate) peek() *view {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current
}

// swap puts next in force and returns what was. The old view's drained is closed
// when its last operation has ended.
func (g *gate) swap(next *view) (old *view) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, g.current = g.current, next
	if old != nil {
		old.retired = true
		old.closeIfDrained()
	}
	return old
}

func (v *view) closeIfDrained() {
	if v.retired && v.operations == 0 {
		close(v.drained)
	}
}
