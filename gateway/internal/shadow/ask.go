package shadow

import (
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/upstream"
)

// Why an owner has no answer to a copy.
var (
	errNobody   = errors.New("no replica of the owner takes requests")
	errUnasked  = errors.New("the owner switched protocols unasked")
	errTooLong  = errors.New("the answer's body is longer than compare.max_body")
	errShutdown = errors.New("the gateway stops")
)

// asker sends copies and reads answers; it belongs to one worker at a time.
type asker struct {
	engine *Engine
	out    []byte
	res    fasthttp.Response
	shadow answer
}

func newAsker(e *Engine) *asker {
	a := &asker{engine: e}
	a.res.Header.SetNoDefaultContentType(true) // an answer without one has none
	return a
}

// rest forgets what the last copy left: credentials that were passed, and buffers
// larger than most need.
func (a *asker) rest() {
	clear(a.out)
	a.shadow.begin(0, nil)
	if cap(a.shadow.body) > keptBuffer {
		a.shadow.body = nil
	}
}

// ask sends the request in out to a replica and reads the answer, within the
// policy's timeout. The answer's body is valid until the next ask.
func (a *asker) ask(r *Route, replica *upstream.Replica, head bool, into *answer) error {
	if replica == nil {
		return errNobody
	}
	deadline := time.Now().Add(r.policy.Timeout)
	conn := replica.Idle(false)
	for {
		if conn == nil {
			var err error
			if conn, err = replica.Dial(deadline); err != nil {
				return fmt.Errorf("connect to %s: %w", replica.ServedBy, err)
			}
		}
		stale, err := a.exchange(r, replica, conn, deadline, head, into)
		if !stale {
			return err
		}
		conn = nil
	}
}

// exchange makes one attempt. It is stale when a kept connection turns out to have
// been closed by the replica meanwhile, which says nothing about it.
func (a *asker) exchange(r *Route, replica *upstream.Replica, conn *upstream.Conn, deadline time.Time, head bool, into *answer) (stale bool, err error) {
	replica.Begin()
	defer replica.End()
	conn.Sent()
	conn.SetDeadline(deadline)
	conn.Gone = a.engine.isDone
	reusable, err := a.talk(r, conn, deadline, head)
	if err == nil || errors.Is(err, errTooLong) {
		conn.Release(reusable)
		if err == nil {
			a.take(r, replica, into)
		}
		return false, err
	}
	conn.Discard()
	if errors.Is(err, upstream.ErrGone) {
		return false, errShutdown
	}
	late := errors.Is(err, upstream.ErrDeadline)
	if conn.Reused && !conn.Received() && !late && !a.engine.closed.Load() {
		return true, err
	}
	return false, fmt.Errorf("ask %s: %w", replica.ServedBy, err)
}

// talk writes the request and reads the answer.
func (a *asker) talk(r *Route, conn *upstream.Conn, deadline time.Time, head bool) (reusable bool, err error) {
	if err := conn.SetWriteDeadline(deadline); err != nil {
		return false, err
	}
	if _, err := conn.Write(a.out); err != nil {
		return false, err
	}
	if err := a.readHead(conn); err != nil {
		return false, cause(conn, err)
	}
	if head {
		a.res.ResetBody()
	} else if err := a.readBody(conn, r.maxBody); err != nil {
		return false, cause(conn, err)
	}
	return !a.res.ConnectionClose() && a.res.Header.ContentLength() != untilClose, nil
}

// The lengths that fasthttp gives bodies without one.
const (
	chunked    = -1
	untilClose = -2
)

// cause is what made a read fail: fasthttp hides it.
func cause(conn *upstream.Conn, err error) error {
	if errors.Is(err, errTooLong) {
		return err
	}
	if was := conn.Err(); was != nil {
		return was
	}
	return fmt.Errorf("the answer can't be read: %w", err)
}

// readHead reads the final answer's head; interim ones are passed over. fasthttp
// takes every failure before the first byte for an end of file, so the first byte
// is awaited here.
func (a *asker) readHead(conn *upstream.Conn) error {
	for {
		if _, err := conn.R.Peek(1); err != nil {
			return err
		}
		if err := a.res.Header.Read(conn.R); err != nil {
			return err
		}
		status := a.res.StatusCode()
		if status == fasthttp.StatusSwitchingProtocols {
			return errUnasked
		}
		if status >= fasthttp.StatusOK {
			return nil
		}
	}
}

func (a *asker) readBody(conn *upstream.Conn, limit int) error {
	a.res.ResetBody()
	status, length := a.res.StatusCode(), a.res.Header.ContentLength()
	if length == 0 || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified {
		return nil
	}
	err := a.res.ReadBody(conn.R, limit)
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		return errTooLong
	}
	if err != nil || length != chunked {
		return err
	}
	return a.res.Header.ReadTrailer(conn.R)
}

// take keeps what counts of the answer that was read.
func (a *asker) take(r *Route, replica *upstream.Replica, into *answer) {
	into.begin(a.res.StatusCode(), replica)
	for name, value := range a.res.Header.All() {
		into.keep(r.wanted, name, value)
	}
	into.body = append(into.body, a.res.Body()...)
}
