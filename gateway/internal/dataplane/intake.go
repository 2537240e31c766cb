package dataplane

import (
	"errors"
	"os"
	"time"
)

// intake is what a client's connection knows of the request it is reading.
//
// fasthttp reads the connection through it and is given one request at a time: a
// head only when it is complete and its end is beyond doubt, a body of a known
// length to its last byte, and never a byte of what follows. So whatever fasthttp
// makes of a request, it can't find a second one in it.
type intake struct {
	framing framing
	room    []byte // pooled; holds what was read ahead
	from    int    // where in room it begins
	left    int64  // of the request, for fasthttp to read
	chunks  chunks // a body that fasthttp doesn't read
	refused *refusal
	trouble error // why the request does not go on
	tunnel  bool  // the connection has left HTTP

	until time.Time // when head and short body must be there
	limit time.Time // until when the connection may be idle
	armed time.Time // the connection's read deadline
	pace  pace
	begun bool // a first request has come
	empty int  // lines before this one
}

var (
	errMalformed = errors.New("the request's end is in doubt")
	errUnread    = errors.New("a request was left in the middle of its body")
	errParked    = errors.New("the connection is parked")
)

// parkAfter is how long a connection waits for its next request with everything at
// hand. Then it gives up all it holds and waits with next to nothing.
const parkAfter = time.Second

// roomy is the least space that a head is read into directly. fasthttp asks for
// the first byte of a connection alone.
const roomy = 1 << 10

// Read reads for fasthttp, for an upload, or for a tunnel.
func (c *client) Read(p []byte) (int, error) {
	switch {
	case c.tunnel:
		return c.next(p)
	case c.left > 0:
		n, err := c.next(p[:min(int64(len(p)), c.left)])
		c.left -= int64(n)
		return n, err
	case c.trouble != nil:
		return 0, c.trouble
	case c.chunks.open:
		return 0, errUnread
	}
	return c.begin(p)
}

// SetReadDeadline does nothing: how long a client may take depends on what it is
// sending, which fasthttp doesn't know.
func (c *client) SetReadDeadline(time.Time) error { return nil }

// next reads what was read ahead, or what comes.
func (c *client) next(p []byte) (int, error) {
	if len(c.room) > c.from {
		n := copy(p, c.room[c.from:])
		c.from += n
		if c.from == len(c.room) {
			c.leaveRoom()
		}
		return n, nil
	}
	return c.receive(p)
}

// begin reads the next request's head. In the usual case, of a whole request and
// nothing behind it, it lies where fasthttp wants it.
func (c *client) begin(p []byte) (int, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	c.framing, c.refused, c.empty = framing{}, nil, 0
	c.until, c.limit = time.Time{}, time.Time{}
	if c.room != nil || len(p) < roomy {
		return c.collect(p)
	}
	n, err := c.await(p)
	if err != nil {
		return 0, err
	}
	if p[0] == '\r' || p[0] == '\n' || !c.framing.scan(p[:n]) || c.framing.wrong != nil {
		c.framing = framing{}
		c.keep(p[:n])
		return c.collect(p)
	}
	c.settle()
	if int64(n) > c.left {
		c.keep(p[c.left:n])
		n = int(c.left)
	}
	c.left -= int64(n)
	return n, nil
}

// settle notes what the head says of the request.
func (c *client) settle() {
	c.begun = true
	c.left = c.framing.size()
	c.chunks = chunks{open: c.framing.codings > 0}
}

// collect reads a head that comes in pieces, or lies behind another request, and
// hands over what there is of it.
func (c *client) collect(p []byte) (int, error) {
	for {
		if c.skipEmptyLines(); c.framing.scan(c.room[c.from:]) || c.refused != nil {
			break
		}
		if len(c.room)-c.from >= c.server.limits.Header {
			c.refused = errHeadSize
			break
		}
		nothing := len(c.room) == c.from
		if err := c.more(nothing); err != nil {
			if nothing {
				c.leaveRoom()
				return 0, err
			}
			c.trouble = err
			break
		}
	}
	if c.framing.wrong != nil {
		c.refused = c.framing.wrong
	}
	if c.refused != nil {
		c.trouble = errMalformed
	}
	if c.settle(); c.trouble != nil { // fasthttp may look at what there is
		c.left = int64(len(c.room) - c.from)
		c.chunks.open = false
	}
	n, err := c.next(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// maxEmptyLines may come before a request (RFC 9112, section 2.2).
const maxEmptyLines = 4

func (c *client) skipEmptyLines() {
	for c.framing.at == 0 && len(c.room)-c.from >= 2 && c.room[c.from] == '\r' && c.room[c.from+1] == '\n' {
		c.from += 2
		if c.empty++; c.empty > maxEmptyLines {
			c.refused = errBroken
			return
		}
	}
}

// more reads into the room: the first bytes of a request, or more of one.
func (c *client) more(idle bool) (err error) {
	c.makeRoom()
	var n int
	if idle {
		n, err = c.await(c.room[len(c.room):cap(c.room)])
	} else {
		n, err = c.receive(c.room[len(c.room):cap(c.room)])
	}
	c.room = c.room[:len(c.room)+n]
	return err
}

// await reads the first bytes of a request, or gives up to be parked.
func (c *client) await(p []byte) (int, error) {
	now := time.Now()
	if c.limit.IsZero() {
		c.limit = now.Add(c.patience())
	}
	if ahead := c.armed.Sub(now); ahead <= parkAfter/2 || ahead > parkAfter || c.armed.After(c.limit) {
		until := now.Add(parkAfter)
		if !c.parkable || until.After(c.limit) {
			until = c.limit
		}
		if err := c.arm(until); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.armed.Before(c.limit) {
		c.parking.Store(true)
		return 0, errParked
	}
	return n, err
}

// patience is how long the connection may be silent before its next request.
func (c *client) patience() time.Duration {
	if c.begun {
		return c.server.limits.Idle
	}
	return c.server.limits.HeadTime
}

// receive reads what comes of a request that has begun.
func (c *client) receive(p []byte) (int, error) {
	if c.tunnel {
		return c.Conn.Read(p)
	}
	if c.bodyStall.Load() > 0 {
		return c.paced(p)
	}
	if c.until.IsZero() {
		c.until = time.Now().Add(c.server.limits.HeadTime)
	}
	if err := c.arm(c.until); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// arm sets the connection's read deadline, if it isn't set.
func (c *client) arm(t time.Time) error {
	if c.armed.Equal(t) {
		return nil
	}
	c.armed = t
	return c.Conn.SetReadDeadline(t)
}
