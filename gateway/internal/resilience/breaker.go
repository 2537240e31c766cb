package resilience

import (
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// trials is how many requests a half-open breaker lets through, and how many of
// them must be answered well before it closes.
const trials = 3

// State is a breaker's.
type State string

// The states, as the admin API spells them. An owner without a breaker has "".
const (
	Closed   State = "closed"
	Open     State = "open"
	HalfOpen State = "half_open"
)

// phase is what a breaker is until it changes its state. A new one is made for each
// change, so that a request's verdict counts only where the request was admitted
// (gobreaker's generations): one that was sent before the owner broke down, and
// fails after its recovery, says nothing about it now.
type phase struct {
	settings config.Breaker
	state    State
	// until ends an open phase. In a half-open one it is when more trials are let
	// through, should the first not have come back: an owner that hangs can't keep
	// the breaker half open for ever. Nanoseconds on the guard's clock.
	until atomic.Int64
	left  atomic.Int32 // trials to let through
	good  atomic.Int32 // trials answered well
	seen  window       // of a closed phase: requests, and how many of them failed
}

// breaker is a circuit breaker. Without a phase it lets everything through.
type breaker struct {
	phase  atomic.Pointer[phase]
	opened atomic.Uint64
}

// configure takes over new settings. The same ones change nothing.
func (b *breaker) configure(settings *config.Breaker) {
	old := b.phase.Load()
	switch {
	case settings == nil:
		b.phase.Store(nil)
	case old == nil || old.settings != *settings:
		b.phase.Store(&phase{settings: *settings, state: Closed})
	}
}

// admit tells whether a request may go to the owner, and in which phase.
func (b *breaker) admit(now int64) (*phase, bool) {
	for {
		p := b.phase.Load()
		if p == nil || p.state == Closed {
			return p, true
		}
		until := p.until.Load()
		switch {
		case now < until && p.state == Open:
			return nil, false
		case now < until:
			return p, p.takeTrial()
		case p.state == Open:
			b.move(p, HalfOpen, now)
		case p.until.CompareAndSwap(until, now+int64(p.settings.OpenFor)):
			p.left.Store(trials)
		}
	}
}

// judge counts what became of a request that was admitted in the phase.
func (b *breaker) judge(p *phase, now int64, outcome Outcome) {
	if p == nil || b.phase.Load() != p {
		return
	}
	switch {
	case p.state == HalfOpen:
		b.judgeTrial(p, now, outcome)
	case outcome == Failed && p.failed(now):
		b.move(p, Open, now)
	case outcome == Answered:
		p.seen.add(p.tick(now), 1, 0)
	}
}

func (b *breaker) judgeTrial(p *phase, now int64, outcome Outcome) {
	switch outcome {
	case Failed:
		b.move(p, Open, now)
	case Answered:
		if p.good.Add(1) >= trials {
			b.move(p, Closed, now)
		}
	default:
		p.giveTrialBack()
	}
}

// move changes the state, unless somebody else has.
func (b *breaker) move(from *phase, to State, now int64) {
	next := &phase{settings: from.settings, state: to}
	next.until.Store(now + int64(from.settings.OpenFor))
	next.left.Store(trials)
	if b.phase.CompareAndSwap(from, next) && to == Open {
		b.opened.Add(1)
	}
}

// report is the state and, unless it is closed, until when.
func (b *breaker) report(now int64) (state State, until int64) {
	p := b.phase.Load()
	if p == nil {
		return "", 0
	}
	if p.state == Closed {
		return Closed, 0
	}
	until = p.until.Load()
	if p.state == Open && now >= until {
		return HalfOpen, until // as the next request will find it
	}
	return p.state, until
}

// failed counts a failure and tells whether there are too many. Only a failure is
// looked at so: where answers follow in time, the breaker stays closed though a
// later one makes the requests enough.
func (p *phase) failed(now int64) bool {
	tick := p.tick(now)
	p.seen.add(tick, 1, 1)
	requests, failures := p.seen.sum(tick)
	return requests >= uint64(max(p.settings.Of, 1)) && failures*100 >= requests*uint64(max(p.settings.Errors, 0))
}

func (p *phase) tick(now int64) uint64 {
	return uint64(now / max(int64(p.settings.Within)/slots, int64(time.Millisecond)))
}

func (p *phase) takeTrial() bool {
	for {
		left := p.left.Load()
		if left <= 0 {
			return false
		}
		if p.left.CompareAndSwap(left, left-1) {
			return true
		}
	}
}

func (p *phase) giveTrialBack() {
	for {
		left := p.left.Load()
		if left >= trials || p.left.CompareAndSwap(left, left+1) {
			return
		}
	}
}
