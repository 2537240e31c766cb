package dataplane

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/upstream"
)

// expectKey is where an exchange waits between the owner's 100 Continue and the
// body.
type expectKey struct{}

// asked is an exchange whose client was told to send its body.
type asked struct{ *exchange }

// Close ends the exchange when the body didn't come: fasthttp calls it with the end
// of the request, and no handler.
func (a *asked) Close() error {
	if x := a.exchange; x != nil {
		a.exchange = nil
		x.abandon()
		x.status = statusGone
		x.client.counted = true
		x.end()
	}
	return nil
}

// patience is how long the owner may keep a client waiting for 100 Continue. An
// owner that knows no Expect says nothing until it has the body (RFC 9110, section
// 10.1.1).
const patience = time.Second

// expect asks the owner, before the body is read, whether it wants it. What it
// returns is 100, or the status of the answer that it has put into the response.
func (s *Server) expect(ctx *fasthttp.RequestCtx) (status int) {
	x := s.begin(ctx)
	x.interim = true
	defer func() {
		if status != fasthttp.StatusContinue {
			status = x.status
			x.end()
		}
	}()
	defer s.recovered(x)
	if x.refused() || !x.ask() {
		return x.status
	}
	x.client.until = time.Time{} // the body's time begins when it is asked for
	resetResponse(ctx)
	ctx.SetUserValue(expectKey{}, &asked{x})
	return fasthttp.StatusContinue
}

// resetResponse undoes what reading 100 Continue left.
func resetResponse(ctx *fasthttp.RequestCtx) {
	ctx.Response.Reset()
	ctx.Response.Header.DisableNormalizing()
	ctx.Response.Header.SetNoDefaultContentType(true)
}

// ask is true when the body may come; else the exchange has its answer.
func (x *exchange) ask() bool {
	if err := x.prepare(); err != nil {
		x.fail(err)
		return false
	}
	if x.body == noBody || x.mayKeep() { // what is kept is asked for before an owner is
		x.interim = false
		x.body = x.kindOfBody()
		return true
	}
	if err := x.admit(); err != nil {
		x.giveUp(err)
		return false
	}
	for {
		wanted, err := x.askOwner()
		if errors.Is(err, errElsewhere) {
			if err = x.goElsewhere(); err == nil {
				continue
			}
		}
		if err != nil {
			x.giveUp(err)
		}
		return wanted && err == nil
	}
}

// askOwner sends the head and returns the owner's word.
func (x *exchange) askOwner() (wanted bool, err error) {
	if err := x.connect(false); err != nil {
		return false, err
	}
	x.sent++
	if err := x.send(); err != nil {
		return false, err
	}
	return x.awaitWord()
}

// awaitWord reads the owner's word. No word in time is taken for a yes.
func (x *exchange) awaitWord() (wanted bool, err error) {
	x.conn.SetDeadline(time.Now().Add(min(patience, x.timeout)))
	for range maxInterims {
		err := x.readHead()
		if errors.Is(err, upstream.ErrDeadline) && !x.conn.Received() {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		switch status := x.ctx.Response.StatusCode(); {
		case status == fasthttp.StatusContinue:
			return true, nil
		case status == fasthttp.StatusMisdirectedRequest && x.isElsewhere():
			return false, errElsewhere
		case status >= 200:
			x.take()
			return false, nil
		}
		if err := x.passInterim(); err != nil {
			return false, err
		}
	}
	return false, errInterims
}

// resume goes on when the client has been told to send its body.
func (x *exchange) resume() {
	if x.conn == nil {
		if err := x.readBody(); err != nil {
			x.fail(err)
			return
		}
		x.beginAnew()
		x.answer()
		return
	}
	x.interim = false
	x.conn.SetDeadline(x.remaining())
	x.startUpload()
	err := x.receive()
	if errors.Is(err, errElsewhere) {
		err = x.goElsewhere() // never further: the body is gone
	}
	if err != nil {
		x.giveUp(err)
	}
}
