package hold

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/config"
)

// Why a held request is not let through. Both are answered 503: it can be tried
// again.
var (
	// ErrFull: as many wait already as the route allows.
	ErrFull = errors.New("too many requests wait for this route")
	// ErrLong: the hold outlasted what one request may wait.
	ErrLong = errors.New("the route was held for too long")
	// ErrGone: the client left while it waited.
	ErrGone = errors.New("the client went away")
)

// look is how often a waiting request's client is looked after.
const look = 250 * time.Millisecond

// Gate lets a route's requests through, or makes them wait. It is safe for
// concurrent use.
type Gate struct {
	inFlight atomic.Int64
	waiting  atomic.Int64
	held     atomic.Pointer[Hold]

	heldTotal atomic.Uint64
	refused   atomic.Uint64
	waits     prometheus.Histogram
}

// Enter lets a request through at once and counts it, unless the gate is held:
// then it returns false, and Wait must be called.
//
// The request is counted before the gate is looked at: a holder that saw nothing in
// flight after it closed the gate has seen everybody who passed it open.
func (g *Gate) Enter() bool {
	g.inFlight.Add(1)
	if g.held.Load() == nil {
		return true
	}
	g.inFlight.Add(-1)
	return false
}

// Leave counts a request off that Enter or Wait let through.
func (g *Gate) Leave() { g.inFlight.Add(-1) }

// Wait waits until the gate is open, within the bounds, and counts the request as
// Enter does. It returns ErrFull, ErrLong, or ErrGone when gone says so. The caller
// takes the newest configuration afterwards.
func (g *Gate) Wait(bounds config.Hold, gone func() bool) error {
	if int(g.waiting.Add(1)) > bounds.MaxRequests {
		g.waiting.Add(-1)
		g.refused.Add(1)
		return ErrFull
	}
	defer g.waiting.Add(-1)
	g.heldTotal.Add(1)
	begun := time.Now()
	err := g.wait(begun.Add(bounds.MaxWait), gone)
	g.waits.Observe(time.Since(begun).Seconds())
	if errors.Is(err, ErrLong) {
		g.refused.Add(1)
	}
	return err
}

func (g *Gate) wait(until time.Time, gone func() bool) error {
	timer := time.NewTimer(min(look, time.Until(until)))
	defer timer.Stop()
	for !g.Enter() {
		hold := g.held.Load()
		if hold == nil {
			continue // released since
		}
		select {
		case <-hold.released:
		case <-timer.C:
			left := time.Until(until)
			if left <= 0 {
				return ErrLong
			}
			if gone != nil && gone() {
				return ErrGone
			}
			timer.Reset(min(look, left))
		}
	}
	return nil
}

// Pause makes a request wait for something else than the gate, among those that wait
// for it and within the bounds: until changed is closed, or the pause is over. It
// returns ErrFull, ErrLong when the bounds leave no time, or ErrGone. The request must
// not be counted as one that has entered.
func (g *Gate) Pause(bounds config.Hold, pause time.Duration, changed <-chan struct{}, gone func() bool) error {
	if bounds.MaxWait <= 0 {
		return ErrLong
	}
	if int(g.waiting.Add(1)) > bounds.MaxRequests {
		g.waiting.Add(-1)
		return ErrFull
	}
	defer g.waiting.Add(-1)
	until := time.Now().Add(min(pause, bounds.MaxWait))
	timer := time.NewTimer(min(look, time.Until(until)))
	defer timer.Stop()
	for {
		select {
		case <-changed:
			return nil
		case <-timer.C:
		}
		if gone != nil && gone() {
			return ErrGone
		}
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		timer.Reset(min(look, left))
	}
}

// SendAway counts a request that got 503 for what the gate is closed for, though it had
// passed.
func (g *Gate) SendAway() { g.refused.Add(1) }

// Figures are a gate at one moment. Counts are since the gateway began.
type Figures struct {
	Held     bool
	Until    time.Time // when the hold ends by itself; zero when not held
	InFlight int64
	Waiting  int64
	// HeldTotal is requests that waited; Refused those of them, and beside them,
	// that got 503.
	HeldTotal, Refused uint64
}

// Figures reads the gate.
func (g *Gate) Figures() Figures {
	f := Figures{
		InFlight: g.inFlight.Load(), Waiting: g.waiting.Load(),
		HeldTotal: g.heldTotal.Load(), Refused: g.refused.Load(),
	}
	if h := g.held.Load(); h != nil {
		f.Held, f.Until = true, h.Until()
	}
	return f
}

// Waits is the histogram of waits, in seconds.
func (g *Gate) Waits() prometheus.Histogram { return g.waits }
