package dataplane

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
)

// admit takes the request through what may stop it before an owner is asked: the
// limits of its client, a hold of its route, the owner's own protection. It chooses
// the side that answers.
func (x *exchange) admit() error {
	if err := x.limit(); err != nil {
		return err
	}
	if err := x.passGate(); err != nil {
		return err
	}
	x.side = x.route.Side(&x.view, &x.keys)
	x.owner = x.side.Owner
	if x.side.Canary {
		x.timeout = x.route.Canary.Timeout
		x.deadline = x.begun.Add(x.timeout)
	}
	if x.side.Overridden {
		x.lasting.Overridden.Inc()
	}
	if err := x.enter(); err != nil {
		return err
	}
	x.sample()
	return nil
}

// enter asks the owner's protection, and finds out who asks where the owner is told.
func (x *exchange) enter() error {
	pass, err := x.owner.Guard.Admit(x.begun)
	switch {
	case errors.Is(err, resilience.ErrOpen):
		return openFor(x.owner.Guard.RetryIn(x.begun))
	case err != nil:
		return errFull
	}
	x.pass, x.guarded = pass, true
	return x.identify()
}

// sample begins a copy for the route's shadow, for some requests that the owner
// itself answers: they can be sent again without doing anything twice.
func (x *exchange) sample() {
	if x.side.Canary || x.body != noBody || x.head.upgrade != nil {
		return
	}
	x.copy = x.lasting.Shadow.Sample(x.view.Method)
	if x.person.asked {
		x.copy.Told()
	}
}

// finishCopy hands the copy over when there is a whole answer to compare with.
func (x *exchange) finishCopy() {
	if x.whole {
		x.copy.Submit()
	} else {
		x.copy.Abandon()
	}
	x.copy = nil
}

// openFor says when the owner is asked again.
func openFor(d time.Duration) error {
	r := *errOpen
	r.retry = seconds(d)
	return &r
}

// limit holds a client to its rate: over all routes, then on this one.
func (x *exchange) limit() error {
	clients := x.snapshot.Table.Config.Clients.RateLimit
	if err := x.within(x.snapshot.Clients, clients); err != nil {
		return err
	}
	return x.within(x.lasting.Limiter, x.route.RateLimit)
}

// within asks one limiter. A client without the key it goes by is known by its
// address: leaving the key out must not be a way round.
func (x *exchange) within(limiter *resilience.Limiter, limit *config.RateLimit) error {
	if limiter == nil {
		return nil
	}
	by := limit.By
	key, known := x.keys.Known(by, &x.view)
	if !known {
		by = config.Key{Kind: config.KeyAddress}
		key, _ = x.keys.Known(by, &x.view)
	}
	// Nobody may fill an address's bucket by sending its bytes as a cookie.
	x.scratch = append(append(append(x.scratch[:0], by.Kind...), 0), key...)
	ok, after := limiter.Allow(x.scratch, x.begun)
	if ok {
		return nil
	}
	x.lasting.Baseline.Limited()
	return &refusal{
		status: fasthttp.StatusTooManyRequests, kind: "rate-limited", retry: seconds(after),
		detail: "Too many requests in a short time. Wait as long as Retry-After says.",
	}
}

// seconds rounds up: a client that comes back too early is refused once more.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// passGate waits while the route is held, and then goes by what is in force by
// then. The time waited is not the owner's.
func (x *exchange) passGate() error {
	for {
		gate := x.lasting.Gate
		if gate.Enter() {
			// A hold may have come and gone since the configuration was looked at: only
			// what is in force behind the gate tells who owns the route now.
			newest := x.server.current.Snapshot()
			if newest == x.snapshot {
				x.gate = gate
				return nil
			}
			gate.Leave()
			if err := x.follow(newest); err != nil {
				return err
			}
			continue
		}
		if err := x.wait(gate, x.patience()); err != nil {
			return err
		}
		gate.Leave() // the newest configuration may send it through another one
		x.begun = time.Now()
		if err := x.follow(x.server.current.Snapshot()); err != nil {
			return err
		}
	}
}

// patience bounds how long the request waits from here on, however often it has to.
func (x *exchange) patience() config.Hold {
	bounds := x.route.Hold
	if x.until.IsZero() {
		x.until = time.Now().Add(bounds.MaxWait)
	}
	bounds.MaxWait = time.Until(x.until)
	return bounds
}

func (x *exchange) wait(gate *hold.Gate, bounds config.Hold) error {
	var gone func() bool
	if x.client != nil {
		gone = x.client.gone
	}
	err := gate.Wait(bounds, gone)
	switch {
	case errors.Is(err, hold.ErrGone):
		return upstream.ErrGone
	case err != nil:
		return errHeld
	}
	return nil
}

// judge tells what became of the request to those who decide about the next ones:
// the owner's guard, and the replica's part in its group. The answer has begun, or
// there is none.
func (x *exchange) judge(now time.Time) {
	if !x.guarded {
		return
	}
	x.owner.Guard.Judge(x.pass, now, x.outcome)
	if x.choice.Replica != nil && x.outcome != resilience.Unknown {
		x.owner.Group.Answered(x.choice.Replica, x.outcome == resilience.Answered, now)
	}
}

// settleEarly is for what has its answer and lasts as long as it likes: an upgraded
// connection, a stream of events. It takes nobody's place, and no hold waits for it.
func (x *exchange) settleEarly() {
	x.judge(time.Now())
	x.leave()
	x.unreserve(0)
	x.content = nil
}

// leave counts the request off where it was counted in: it is over.
func (x *exchange) leave() {
	if x.guarded {
		x.owner.Guard.Leave()
		x.guarded = false
	}
	if x.gate != nil {
		x.gate.Leave()
		x.gate = nil
	}
}
