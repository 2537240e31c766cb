package dataplane

import (
	"bytes"
	"fmt"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
)

// receive reads the answer's head into the response, interim answers first, and
// arranges for its body.
func (x *exchange) receive() error {
	for range maxInterims {
		if err := x.readHead(); err != nil {
			return err
		}
		switch status := x.ctx.Response.StatusCode(); {
		case status == fasthttp.StatusSwitchingProtocols && x.head.upgrade != nil:
			x.openTunnel()
			return nil
		case status == fasthttp.StatusSwitchingProtocols:
			return fmt.Errorf("owner switched protocols unasked")
		case status == fasthttp.StatusMisdirectedRequest && x.isElsewhere():
			return errElsewhere
		case status >= 200:
			x.take()
			return nil
		case status == fasthttp.StatusContinue:
			// An upload under way was not asked to wait for it.
		default:
			if err := x.passInterim(); err != nil {
				return err
			}
		}
	}
	return errInterims
}

// passInterim writes an interim answer (103 Early Hints) to the client at once,
// past the buffer, which is empty.
func (x *exchange) passInterim() error {
	if x.client == nil || !x.ctx.Request.Header.IsHTTP11() {
		return nil
	}
	h := &x.ctx.Response.Header
	x.stripHop(h)
	h.ResetConnectionClose()
	if _, err := x.client.Write(h.Header()); err != nil {
		return upstream.ErrGone
	}
	return nil
}

// take makes the owner's answer the gateway's.
func (x *exchange) take() {
	res := &x.ctx.Response
	x.status = res.StatusCode()
	x.outcome = resilience.OutcomeOf(x.status)
	x.upload.answering()
	x.copyHead(&res.Header)
	// An owner that answers before the body it was asked about still waits for it.
	reusable := !res.Header.ConnectionClose() && !x.interim
	length := res.Header.ContentLength()
	if !x.stripHop(&res.Header) {
		reusable = false
	}
	res.Header.ResetConnectionClose()
	x.mark(&res.Header)
	uploaded := x.settleUpload()
	if x.ctx.IsHead() || length == 0 || hasNoBody(x.status) {
		res.SkipBody = true
		x.whole = true
		x.release(reusable)
		return
	}
	if length > 0 && x.conn.R.Buffered() >= length && uploaded {
		content, _ := x.conn.R.Peek(length)
		res.SetBody(content)
		x.copy.Body(content)
		x.whole = true
		_, _ = x.conn.R.Discard(length)
		x.release(reusable)
		return
	}
	x.stream(length, reusable)
}

// copyHead keeps the answer's head for the shadow, as the owner wrote it.
func (x *exchange) copyHead(h *fasthttp.ResponseHeader) {
	if x.copy == nil {
		return
	}
	x.copy.Answer(x.status, x.choice.Replica)
	for name, value := range h.All() {
		x.copy.Header(name, value)
	}
}

func hasNoBody(status int) bool {
	return status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// mark says who answered, and keeps the user at that replica where affinity asks
// for it.
func (x *exchange) mark(h *fasthttp.ResponseHeader) {
	h.SetBytesV("X-Served-By", x.choice.Replica.ServedBy)
	h.SetBytesV("X-Request-Id", x.requestID)
	x.renewSession(h)
	if x.side.Mint {
		x.scratch = policy.AppendUserCookie(x.scratch[:0], x.keys.User(), x.choice.Secure || x.head.from.https)
		h.SetBytesV("Set-Cookie", x.scratch)
	}
	owner := x.owner
	if !owner.HasAffinity() {
		return
	}
	var session []byte
	for _, value := range h.Cookies() {
		if owner.SetsSession(value) {
			session = value
		}
	}
	if session == nil && !x.choice.Repin {
		return
	}
	x.scratch = owner.AppendPin(x.scratch[:0], x.choice.Replica, session, x.choice.Secure)
	h.SetBytesV("Set-Cookie", x.scratch)
	x.choice.Replica.Pinned()
}

// stripHop removes what an answer says to the gateway alone, and what the gateway
// says itself in whatever spelling. It is false when the owner closes the
// connection.
func (x *exchange) stripHop(h *fasthttp.ResponseHeader) bool {
	open := true
	var gone [][]byte
	for name, value := range h.All() {
		switch {
		case policy.IsHopResponse(name):
			gone = append(gone, bytes.Clone(name))
			if bytes.EqualFold(name, []byte("Connection")) {
				gone = append(gone, named(h, value)...)
				open = open && !bytes.Contains(bytes.ToLower(value), []byte("close"))
			}
		case isOurs(name):
			gone = append(gone, bytes.Clone(name))
		}
	}
	for _, name := range gone {
		h.DelBytes(name)
	}
	return open
}

// isOurs finds the gateway's own names where the owner spells them otherwise; the
// usual spelling is overwritten.
func isOurs(name []byte) bool {
	switch len(name) {
	case len("X-Served-By"):
		return bytes.EqualFold(name, []byte("X-Served-By")) && string(name) != "X-Served-By"
	case len("X-Request-Id"):
		return bytes.EqualFold(name, []byte("X-Request-Id")) && string(name) != "X-Request-Id"
	}
	return false
}

// named returns the headers of h that a Connection header's value names. The
// framing is not up for removal.
func named(h *fasthttp.ResponseHeader, value []byte) [][]byte {
	var found [][]byte
	for token := range bytes.SplitSeq(value, []byte{','}) {
		token = trim(token)
		for name := range h.All() {
			if bytes.EqualFold(name, token) && policy.Kind(name) == policy.Forward {
				found = append(found, bytes.Clone(name))
			}
		}
	}
	return found
}
