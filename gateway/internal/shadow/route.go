package shadow

import (
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow/diff"
)

// HeaderName tells an owner, by the value 1, that a request is a copy: to leave it
// out of statistics, or to bill nobody for it. From outside the header is dropped.
const HeaderName = "X-Banyan-Shadow"

// stride walks through the hundredths of a percent: prime to their number, so that
// each comes once before one comes again, and near the golden section of it, so
// that those next to each other lie far apart (a Weyl sequence).
const stride = 6181

// Route is a route's shadow under one configuration. Of a nil Route no request is
// ever copied. It is safe for concurrent use.
type Route struct {
	engine   *Engine
	state    *state
	policy   config.Shadow
	target   Owner
	baseline Owner
	share    uint64
	queue    int64
	maxBody  int
	pass     pass
	rules    *diff.Rules
	wanted   []string // the headers to compare, and two that are needed
	teller   Teller   // nil tells the shadow nothing that the baseline wasn't told
}

// Teller finds out who asks. Copy returns what identity.Header says of a request whose
// head, as it was sent, is given; nothing for nobody's.
type Teller interface {
	Copy(head []byte, deadline time.Time) (token []byte, err error)
}

// ToldBy lets the shadow be told who asks, also where the baseline isn't. Call it
// before the first Sample.
func (r *Route) ToldBy(teller Teller) { r.teller = teller }

// Sample returns a Copy to fill when the request at hand is to be copied, else nil.
// Every Copy must be ended by Submit or Abandon.
//
// Of any 10000 safe requests in a row exactly the policy's share is chosen, evenly
// spread, and not in step with requests that come in turns. It costs a few
// nanoseconds and allocates nothing when the request is not chosen. When as many
// copies as the policy's Queue are pending, one that was chosen is dropped.
//
// Call it for requests without a body that ask for no upgrade and that the route's
// own owner answers: an answer of the canary would be compared with itself.
func (r *Route) Sample(method []byte) *Copy {
	if r == nil || !isSafe(method) {
		return nil
	}
	if r.state.turn.Add(1)%config.WholeShare*stride%config.WholeShare >= r.share {
		return nil
	}
	return r.begin()
}

func isSafe(method []byte) bool {
	return string(method) == "GET" || string(method) == "HEAD"
}

// begin takes a place among the pending copies. It is taken here and not in Submit,
// because from here on the copy costs memory.
func (r *Route) begin() *Copy {
	s := r.state
	if r.engine.closed.Load() {
		return nil
	}
	if s.pending.Add(1) > r.queue {
		s.pending.Add(-1)
		s.dropped.Add(1)
		return nil
	}
	c := r.engine.copies.Get().(*Copy)
	c.route = r
	return c
}

// Figures are the route's counts.
func (r *Route) Figures() Figures { return r.state.figures() }

// Mismatches are the route's last mismatches, the newest first.
func (r *Route) Mismatches() []Mismatch { return r.state.kept.list() }

// Figures are a route's counts since the gateway first knew a shadow of it. Each
// request that was chosen is in one of the counts or pending; Sent counts beside
// them.
type Figures struct {
	// Owner is who gets the copies.
	Owner string `json:"owner"`
	// Sent is copies that went to the owner, or would have if it had taken them. A
	// second look at a mismatch is not counted again.
	Sent       uint64 `json:"sent"`
	Matched    uint64 `json:"matched"`
	Mismatched uint64 `json:"mismatched"`
	// Failed is copies without an answer: refused, too late, broken off, garbage.
	Failed uint64 `json:"failed"`
	// Skipped is copies that could not be compared, see LastSkip for a reason.
	Skipped uint64 `json:"skipped"`
	// Dropped is copies for which there was no place in the queue.
	Dropped uint64 `json:"dropped"`
	// Pending is copies that are being filled, wait, or are under way.
	Pending     int64  `json:"pending"`
	LastFailure *Event `json:"last_failure,omitempty"`
	LastSkip    *Event `json:"last_skip,omitempty"`
}

// Event is why something happened, and when.
type Event struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// state is what of a route outlives configurations.
type state struct {
	engine *Engine
	name   string
	owner  atomic.Pointer[string]
	kept   kept
	queue  queue

	_       [64]byte // turn is written by every request; it shares no line
	turn    atomic.Uint64
	_       [64]byte
	pending atomic.Int64

	sent, matched, mismatched, failed, skipped, dropped atomic.Uint64
	lastFailure, lastSkip                               atomic.Pointer[Event]
}

func (s *state) figures() Figures {
	return Figures{
		Owner: *s.owner.Load(), Sent: s.sent.Load(), Matched: s.matched.Load(), Mismatched: s.mismatched.Load(),
		Failed: s.failed.Load(), Skipped: s.skipped.Load(), Dropped: s.dropped.Load(), Pending: s.pending.Load(),
		LastFailure: s.lastFailure.Load(), LastSkip: s.lastSkip.Load(),
	}
}

func (s *state) fail(reason string) {
	s.lastFailure.Store(&Event{At: time.Now(), Reason: reason})
	s.failed.Add(1)
}

func (s *state) skip(reason string) {
	s.lastSkip.Store(&Event{At: time.Now(), Reason: reason})
	s.skipped.Add(1)
}
