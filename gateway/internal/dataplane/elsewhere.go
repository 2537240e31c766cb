package dataplane

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
)

// errElsewhere: the owner has done nothing, because it isn't the one (RFC 9110,
// section 15.5.20), and has said who is.
var errElsewhere = errors.New("the owner is another one")

// elsewhere is what owners that aren't the one have said. While something moves behind
// the gateway its configuration may be older than the owners' own knowledge, which is
// what counts: the gateway follows it.
type elsewhere struct {
	named    string // who owns it; "" when nobody does at the moment
	epoch    int64  // since when
	followed int64  // the epoch that was followed last
	hops     int    // how often since the last pause
	pause    time.Duration
	counted  bool // as a request that waited
}

// mostHops is how often a request is handed on before it pauses. Each hop needs a later
// epoch than the one before: two owners that name each other end it sooner.
const mostHops = 4

// How long a request pauses before the route's owner is asked again: at first and at
// last. A configuration that comes in force ends the pause.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// isElsewhere tells whether the answer at hand is an owner's word that another one
// must be asked, and the gateway's to follow: whom it names must be known here, unless
// the route is about a resource, whose next owner may be known soon.
func (x *exchange) isElsewhere() bool {
	named, epoch, ok := ownerIn(&x.ctx.Response.Header)
	if !ok || x.route.Resource == "" && named != "" && x.snapshot.Table.Owner(named) == nil {
		return false
	}
	x.elsewhere.named, x.elsewhere.epoch = named, epoch
	return true
}

// ownerIn reads who owns what was asked for. It is false where the answer doesn't say.
func ownerIn(h *fasthttp.ResponseHeader) (name string, epoch int64, ok bool) {
	for header, value := range h.All() {
		switch {
		case bytes.EqualFold(header, []byte(config.HeaderOwner)):
			name, ok = string(value), true
		case bytes.EqualFold(header, []byte(config.HeaderEpoch)):
			if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n > 0 {
				epoch = n
			}
		}
	}
	return name, epoch, ok
}

// goElsewhere sees to it that the request can be sent to its next owner, or says why
// it can't be. Nothing was done so far: a client may always try again.
func (x *exchange) goElsewhere() error {
	if x.upload != nil {
		return x.loseUpload()
	}
	x.dismiss()
	if next := x.nextOwner(); next != nil {
		x.lasting.Misdirected.Resent()
		return x.handTo(next)
	}
	if x.route.Resource == "" {
		return x.refuse()
	}
	return x.awaitOwner()
}

// loseUpload gives up a request whose body was streamed: it is gone.
func (x *exchange) loseUpload() error {
	if err := x.upload.blame(); err != nil {
		return err
	}
	x.dismiss()
	if !x.upload.complete() {
		x.upload = nil // it was broken off here, which is not the client's fault
	}
	return x.refuse()
}

// refuse gives the request up. It is the gateway's answer, and none of the owners'
// that were asked.
func (x *exchange) refuse() error {
	x.lasting.Misdirected.Refused()
	x.lasting.Gate.SendAway()
	x.owner, x.foreign = nil, nil
	return errHeld
}

// dismiss ends what was between the request and an owner that isn't the one. Its word
// is an answer like any other to those who judge it.
func (x *exchange) dismiss() {
	now := time.Now()
	x.meter().Answered(fasthttp.StatusMisdirectedRequest, now.Sub(x.begun))
	x.begun, x.outcome = now, resilience.Answered
	x.judge(now)
	x.skipAnswer()
	x.outcome = resilience.Unknown
	if x.guarded {
		x.owner.Guard.Leave()
		x.guarded = false
	}
	x.copy.Abandon()
	x.copy = nil
	clear(x.tried)
	x.tried, x.sent, x.choice = x.tried[:0], 0, policy.Choice{}
}

// skipAnswer reads the body of an answer that nobody gets, if it is there already.
func (x *exchange) skipAnswer() {
	h := &x.ctx.Response.Header
	length := h.ContentLength()
	if x.ctx.IsHead() {
		length = 0
	}
	if length < 0 || x.conn.R.Buffered() < length {
		x.abandon()
		return
	}
	_, _ = x.conn.R.Discard(length)
	x.release(!h.ConnectionClose() && !x.interim)
}

// nextOwner is who was named, unless that one has sent the request away within the
// same epoch.
func (x *exchange) nextOwner() *policy.Owner {
	e := &x.elsewhere
	if e.hops >= mostHops || e.hops > 0 && e.epoch <= e.followed {
		return nil
	}
	next := x.snapshot.Table.Owner(e.named)
	if next == nil || next == x.owner {
		return nil
	}
	e.hops++
	e.followed = e.epoch
	return next
}

// handTo gives the request to another owner, which gets as much time as any.
func (x *exchange) handTo(next *policy.Owner) error {
	x.owner, x.foreign = next, nil
	x.side = policy.Side{Owner: next, Mint: x.side.Mint}
	x.timeout = x.route.Timeout
	switch canary := x.route.Canary; {
	case next == x.route.Owner:
	case canary != nil && next == canary.Owner:
		x.side.Canary, x.timeout = true, canary.Timeout
	default:
		x.foreign = x.server.metrics.Meter(x.route.Name, next.Name)
	}
	x.deadline = x.remaining()
	return x.enter()
}

// awaitOwner pauses, within what the route's hold allows, and then goes to the owner
// that is in force by then. It is behind no gate meanwhile: who holds the route waits
// for requests under way, and this one waits for them.
func (x *exchange) awaitOwner() error {
	e, gate, before := &x.elsewhere, x.lasting.Gate, x.snapshot
	x.leave()
	x.owner, x.foreign = nil, nil
	e.pause = min(max(2*e.pause, firstPause), lastPause)
	var gone func() bool
	if x.client != nil {
		gone = x.client.gone
	}
	if !e.counted {
		e.counted = true
		x.lasting.Misdirected.Waited()
	}
	switch err := gate.Pause(x.patience(), e.pause, before.Replaced(), gone); {
	case errors.Is(err, hold.ErrGone):
		return upstream.ErrGone
	case err != nil:
		return x.refuse()
	}
	e.hops, e.followed = 0, 0
	x.person.asked, x.person.token = false, nil // what was signed may be over
	x.begun = time.Now()
	if err := x.follow(x.server.current.Snapshot()); err != nil {
		return err
	}
	if err := x.passGate(); err != nil {
		return err
	}
	x.side.Mint = x.route.Side(&x.view, &x.keys).Mint // its cookie is made anew
	return x.handTo(x.route.Owner)
}
