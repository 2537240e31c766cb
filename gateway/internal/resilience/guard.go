package resilience

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// Why a Guard admits no request. Either is answered 503 at once.
var (
	// ErrFull: the owner has as many requests as it may have at once.
	ErrFull = errors.New("the owner has as many requests as it may have")
	// ErrOpen: the owner has failed too often and is left alone for a while.
	ErrOpen = errors.New("the owner fails and is not asked for a while")
)

// Outcome is what a request tells about its owner.
type Outcome uint8

// The outcomes.
const (
	// Unknown: nothing. The client went away or sent half a body, or the gateway
	// itself was in the way.
	Unknown Outcome = iota
	// Answered: the owner answered and could do its work; 404 and 501 are such
	// answers too.
	Answered
	// Failed: the owner gave no answer in time, or one of 500, 502, 503 and 504.
	Failed
)

// OutcomeOf is what an answer's status tells.
func OutcomeOf(status int) Outcome {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Failed
	}
	return Answered
}

// Guard protects one owner, over all its replicas: it bounds the requests in flight
// (a bulkhead: an owner that hangs can't take all of the gateway with it), lets none
// through while the owner fails (a circuit breaker), and bounds retries by a budget.
// Both patterns are from Nygard, Release It!, chapter 5. Guards makes it. It is
// safe for concurrent use.
type Guard struct {
	owner string
	epoch time.Time

	settings atomic.Pointer[settings]
	breaker  breaker
	budget   budget

	inFlight       atomic.Int64
	full           atomic.Uint64
	open           atomic.Uint64
	retries        atomic.Uint64
	retriesRefused atomic.Uint64
}

type settings struct {
	inFlight int64 // 0 is any number
	retries  allowance
}

// Pass is an admitted request, for Judge and Done. It must not be used twice.
type Pass struct{ phase *phase }

func newGuard(owner string) *Guard { return &Guard{owner: owner, epoch: time.Now()} }

// configure takes over what the configuration says now. What is in flight stays
// counted, and a breaker whose settings are the same stays as it is.
func (g *Guard) configure(owner config.Owner) {
	g.settings.Store(&settings{inFlight: int64(owner.MaxInFlight), retries: newAllowance(owner.Retries)})
	g.breaker.configure(owner.Breaker)
}

// since is the time on the guard's own clock, which no change of the machine's
// disturbs.
func (g *Guard) since(now time.Time) int64 { return max(int64(now.Sub(g.epoch)), 0) }

// Admit tells whether a request may go to the owner: ErrFull and ErrOpen say no.
// Otherwise it is counted in, and Done must follow, whatever becomes of it. It is
// called once for each request, not for its retries.
func (g *Guard) Admit(now time.Time) (Pass, error) {
	s, at := g.settings.Load(), g.since(now)
	if !g.enter(s.inFlight) {
		g.full.Add(1)
		return Pass{}, ErrFull
	}
	p, ok := g.breaker.admit(at)
	if !ok {
		g.inFlight.Add(-1)
		g.open.Add(1)
		return Pass{}, ErrOpen
	}
	g.budget.deposit(&s.retries, at)
	return Pass{p}, nil
}

func (g *Guard) enter(limit int64) bool {
	if limit <= 0 {
		g.inFlight.Add(1)
		return true
	}
	for {
		n := g.inFlight.Load()
		if n >= limit {
			return false
		}
		if g.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Judge tells the breaker what became of the request, once. It is for answers whose
// body takes long: the verdict is known with their head, and a trial must not wait
// for the end of a stream of events. Leave follows when the body has ended.
func (g *Guard) Judge(pass Pass, now time.Time, outcome Outcome) {
	g.breaker.judge(pass.phase, g.since(now), outcome)
}

// Leave counts out a request that was judged.
func (g *Guard) Leave() { g.inFlight.Add(-1) }

// Done is Judge and Leave.
func (g *Guard) Done(pass Pass, now time.Time, outcome Outcome) {
	g.Judge(pass, now, outcome)
	g.Leave()
}

// MayRetry tells whether a request that failed may be sent once more, and counts
// that it is. It may when the budget has room and the breaker isn't open. A
// Retries.Budget of 0 allows none, whatever the floor.
func (g *Guard) MayRetry(now time.Time) bool {
	at := g.since(now)
	state, _ := g.breaker.report(at)
	if state == Open || !g.budget.withdraw(&g.settings.Load().retries, at) {
		g.retriesRefused.Add(1)
		return false
	}
	g.retries.Add(1)
	return true
}

// RetryIn is how long a client that got ErrOpen may well wait until it asks again;
// 0 when the breaker lets requests through.
func (g *Guard) RetryIn(now time.Time) time.Duration {
	at := g.since(now)
	state, until := g.breaker.report(at)
	if state == "" || state == Closed {
		return 0
	}
	return time.Duration(max(until-at, 0))
}

// Figures are a guard's counts since its owner's name first appeared.
type Figures struct {
	InFlight, MaxInFlight int64 // at the moment; a MaxInFlight of 0 is any number
	Full, Open            uint64
	Retries               uint64
	RetriesRefused        uint64
	Breaker               State
	// Until is when an open breaker lets trials through, and a half-open one more
	// of them; zero for a closed one.
	Until  time.Time
	Opened uint64 // how often the breaker opened
}

// Figures returns the counts.
func (g *Guard) Figures(now time.Time) Figures {
	f := Figures{
		InFlight: g.inFlight.Load(), MaxInFlight: g.settings.Load().inFlight,
		Full: g.full.Load(), Open: g.open.Load(),
		Retries: g.retries.Load(), RetriesRefused: g.retriesRefused.Load(),
		Opened: g.breaker.opened.Load(),
	}
	state, until := g.breaker.report(g.since(now))
	f.Breaker = state
	if until != 0 {
		f.Until = g.epoch.Add(time.Duration(until))
	}
	return f
}
