package dataplane

import (
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
)

// bufferedBody is the longest body that is read before it is sent: such a request
// can be sent again to another replica. fasthttp has read as much.
const bufferedBody = 8 << 10

// body says how a request's body reaches the owner.
type body uint8

const (
	noBody body = iota
	bodyBuffered
	bodySized   // streamed, with Content-Length
	bodyChunked // streamed, with Transfer-Encoding
)

// exchange is one request and its answer. It is used by the goroutine of its
// connection, and kept for the next request afterwards.
type exchange struct {
	server *Server
	ctx    *fasthttp.RequestCtx
	client *client
	// snapshot is taken at the beginning and kept, whatever is swapped meanwhile.
	snapshot *current.Snapshot
	begun    time.Time

	head      head
	view      policy.Request
	target    []byte // path and query, as forwarded
	pathBuf   []byte
	requestID []byte
	trace     []byte // the traceparent that owners get; empty where no span is exported
	body      body
	content   []byte // of a buffered body
	reserved  int64  // of the room for kept bodies
	out       []byte // the request's bytes on their way to the owner
	scratch   []byte
	keys      policy.Keys
	route     *policy.Route
	lasting   *current.Route // the route's
	side      policy.Side
	owner     *policy.Owner   // the side's, from the moment it was chosen
	gate      *hold.Gate      // passed, and to be left
	pass      resilience.Pass // the owner's guard let it in
	guarded   bool            // and must be told when it is over
	outcome   resilience.Outcome
	foreign   *metrics.Meter // of an owner that is none of the route's; nil for most
	person    person
	elsewhere elsewhere
	until     time.Time    // how long it may wait; zero before it has waited
	copy      *shadow.Copy // for the shadow; nil for most requests
	whole     bool         // the owner's answer is complete
	choice    policy.Choice
	tried     []*upstream.Replica
	conn      *upstream.Conn
	upload    *upload
	deadline  time.Time
	streaming bool // the answer's body outlives the handler
	interim   bool // the owner has been asked for 100 Continue
	odd       bool // the request can't be trusted to end where it seems to
	status    int
	sent      int // how often
	timeout   time.Duration
	// ownTrouble tells that a connection failed for a reason of the gateway's.
	ownTrouble bool
}

// begin takes an exchange for the request at hand.
func (s *Server) begin(ctx *fasthttp.RequestCtx) *exchange {
	x := s.pool.Get().(*exchange)
	x.ctx, x.begun = ctx, time.Now()
	x.client, _ = ctx.Conn().(*client)
	x.snapshot = s.current.Snapshot()
	s.metrics.InFlight.Inc()
	return x
}

// end counts the answer and, unless a stream still needs it, lets the exchange go.
func (x *exchange) end() {
	x.mustClose()
	meter := x.server.none
	switch {
	case x.owner != nil:
		meter = x.meter()
	case x.lasting != nil:
		meter = x.lasting.Refusals
	}
	took := time.Since(x.begun)
	meter.Answered(x.status, took)
	x.judge(x.begun.Add(took))
	x.exportSpan(took)
	if x.upload != nil && x.client != nil && x.upload.complete() {
		x.client.bodyStall.Store(0)
	}
	if !x.streaming {
		x.let()
	}
}

// meter counts for the owner that answers.
func (x *exchange) meter() *metrics.Meter {
	if x.foreign != nil {
		return x.foreign
	}
	return x.lasting.Meter(x.side)
}

// let gives the exchange back. Nothing may use it afterwards.
func (x *exchange) let() {
	s := x.server
	x.leave()
	x.unreserve(0)
	x.finishCopy()
	s.metrics.InFlight.Dec()
	clear(x.tried)
	clear(x.head.lines)
	clear(x.head.cookies)
	x.head.reset()
	if cap(x.content) > largestKept {
		x.content = nil
	}
	*x = exchange{
		server: s, head: x.head, pathBuf: x.pathBuf[:0], target: x.target[:0], requestID: x.requestID[:0], trace: x.trace[:0],
		content: x.content[:0], out: x.out[:0], scratch: x.scratch[:0], tried: x.tried[:0], keys: x.keys,
	}
	s.pool.Put(x)
}

// mustClose ends the connection where the next request can't be trusted to begin
// where this one ended, where the client asked for it, and in a drain.
func (x *exchange) mustClose() {
	if x.odd || x.head.closes || x.server.draining.Load() || !x.consumed() {
		x.ctx.Response.Header.SetConnectionClose()
	}
}

// consumed tells whether the whole request was read. fasthttp would take what is
// left of a body for the next request.
func (x *exchange) consumed() bool {
	if x.body == noBody || x.body == bodyBuffered {
		return true
	}
	if x.upload != nil && x.upload.complete() {
		return true
	}
	if x.client != nil {
		x.client.linger.Store(true)
	}
	return false
}

// run answers the request.
func (x *exchange) run() {
	if err := x.prepare(); err != nil {
		x.fail(err)
		return
	}
	if err := x.readBody(); err != nil {
		x.fail(err)
		return
	}
	x.answer()
}

// answer lets the request in and forwards it.
func (x *exchange) answer() {
	if err := x.admit(); err != nil {
		x.giveUp(err)
		return
	}
	x.forward()
}

// giveUp answers that there is no answer. It counts as the replica's failure unless
// the client went away or did not send what it had announced.
func (x *exchange) giveUp(err error) {
	var told *refusal
	switch {
	case x.upload != nil && x.upload.blame() != nil:
		err = x.upload.blame()
	case errors.Is(err, upstream.ErrGone):
		x.abandon()
		x.server.metrics.Gone.Inc()
		x.status = statusGone
		x.hangUp()
		return
	case errors.Is(err, upstream.ErrDeadline):
		err = errLate
		x.choice.Replica.Failed()
	case !errors.As(err, &told):
		err = errLost
		x.choice.Replica.Failed()
	}
	x.fail(err)
}

// hangUp ends the connection without an answer. A client that has closed its side
// may still read: it must not be told that something was done.
func (x *exchange) hangUp() {
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(net.Conn) {}) // fasthttp closes it
}

// fail answers with a problem.
func (x *exchange) fail(err error) {
	x.abandon()
	var r *refusal
	if !errors.As(err, &r) {
		r = errInternal
	}
	x.status = r.status
	if r == errLost || r == errLate || r == errRefused && !x.ownTrouble || r == errNobody {
		x.outcome = resilience.Failed
	}
	r.write(x.ctx, x.view.Path, x.requestID)
	x.renewSession(&x.ctx.Response.Header)
}

// abandon ends an attempt without an answer: the connection closes, which is how
// the owner learns of it.
func (x *exchange) abandon() {
	if x.conn == nil {
		return
	}
	x.conn.Discard()
	x.stopUpload()
	x.conn = nil
	x.choice.Replica.End()
}

// release ends an attempt with its answer read.
func (x *exchange) release(reusable bool) {
	if x.upload != nil && !x.upload.complete() {
		x.abandon()
		return
	}
	x.conn.Release(reusable)
	x.conn = nil
	x.choice.Replica.End()
}
