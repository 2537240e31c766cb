package shadow

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow/diff"
	"banyan.dev/gateway/internal/upstream"
)

// Owner chooses a replica for one request, or nil when none can take it. It must be
// safe for concurrent use.
type Owner interface {
	Pick() *upstream.Replica
}

// Engine holds the shadows of a gateway's routes and the work they cause. It is a
// prometheus.Collector, see Collect. It is safe for concurrent use.
type Engine struct {
	closed  atomic.Bool
	isDone  func() bool // closed.Load, made once
	copies  sync.Pool
	askers  sync.Pool
	running sync.WaitGroup
	// comparing bounds how many processors comparisons take from the real traffic.
	comparing chan struct{}

	mu     sync.Mutex
	states map[string]*state
}

// New returns an engine without routes. Close it to end what it started.
func New() *Engine {
	e := &Engine{
		comparing: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		states:    map[string]*state{},
	}
	e.isDone = e.closed.Load
	e.copies.New = func() any { return &Copy{} }
	e.askers.New = func() any { return newAsker(e) }
	return e
}

// Open returns the shadow of the route with that name under a policy. Counts,
// kept mismatches and copies under way of an earlier policy stay. target answers
// the copies; baseline is asked once more where the policy wants mismatches
// confirmed and the replica that answered first is gone.
//
// The policy is taken as checked: of its JSON Pointers, one that is malformed
// names nothing.
func (e *Engine) Open(name string, policy config.Shadow, target, baseline Owner) *Route {
	e.mu.Lock()
	s := e.states[name]
	if s == nil {
		s = &state{engine: e, name: name}
		e.states[name] = s
	}
	s.owner.Store(&policy.Owner)
	e.mu.Unlock()
	r := &Route{
		engine: e, state: s, policy: policy, target: target, baseline: baseline,
		share: uint64(max(0, policy.Sample)), queue: int64(policy.Queue),
		maxBody: int(policy.Compare.MaxBody), pass: newPass(policy.Pass),
		rules: diff.NewRules(policy.Compare.Ignore, policy.Compare.Unordered, policy.Compare.Tolerate),
	}
	if r.maxBody <= 0 {
		r.maxBody = config.DefaultCompareBody
	}
	r.wanted = append(slices.Clone(policy.Compare.Headers), "Content-Encoding", "Content-Type")
	return r
}

// Retain forgets the routes that are not among names, with their counts and what
// was kept. Without it a name that no configuration has any more is kept for ever.
func (e *Engine) Retain(names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.states {
		if !slices.Contains(names, name) {
			delete(e.states, name)
		}
	}
}

// Figures returns a route's counts. It is false when no shadow was ever opened
// under the name.
func (e *Engine) Figures(route string) (Figures, bool) {
	s := e.find(route)
	if s == nil {
		return Figures{}, false
	}
	return s.figures(), true
}

// Mismatches returns the last mismatches of a route, the newest first. It is false
// when no shadow was ever opened under the name.
func (e *Engine) Mismatches(route string) ([]Mismatch, bool) {
	s := e.find(route)
	if s == nil {
		return nil, false
	}
	return s.kept.list(), true
}

func (e *Engine) find(route string) *state {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.states[route]
}

// Close takes no more copies, drops those that wait, breaks off those under way and
// waits for the goroutines that had them, until the context ends. It may take a
// second: that is how often a wait for an answer looks up.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed.Store(true)
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.running.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close shadows: copies are still under way: %w", ctx.Err())
	}
}

// work runs a goroutine, unless the engine is closed.
func (e *Engine) work(run func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed.Load() {
		return false
	}
	e.running.Go(run)
	return true
}
