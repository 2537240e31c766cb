package upstream

import (
	"bufio"
	"errors"
	"math"
	"net"
	"sync/atomic"
	"time"
)

// What ends a read beside the connection's own errors.
var (
	// ErrDeadline: the owner took longer than the route allows.
	ErrDeadline = errors.New("the owner did not answer within its deadline")
	// ErrGone: nobody waits for the answer any more.
	ErrGone = errors.New("the client went away")
)

// readerSize bounds the head of an owner's answer, and is what one read takes.
const readerSize = 16 << 10

// Looking after the client costs a system call, so it is done when an answer is
// late: after the first of these to twice that, then at twice the distance, up to
// the last.
const (
	firstLook = 100 * time.Millisecond
	lastLook  = time.Second
)

// Conn is a connection to a replica, used by one request at a time. Reads end at
// the deadline, or when the client is found gone.
type Conn struct {
	net.Conn
	// R reads the connection.
	R *bufio.Reader
	// Reused tells that the connection has carried a request before: the replica
	// may have closed it meanwhile.
	Reused bool
	// Gone is asked now and then while a read waits. nil is never gone.
	Gone func() bool

	replica  *Replica
	deadline atomic.Int64 // Unix nanoseconds; 0 is none
	silence  time.Duration
	since    time.Time // when it became idle
	err      error     // why the last read failed
	received bool

	// Unix nanoseconds: the connection's own deadlines, 0 where none is set, and
	// the writer's.
	wakes, writeWakes, writeBy int64
}

// SetDeadline bounds the reads from here on, also the one that waits: an upload
// beside it gives the owner more time.
func (c *Conn) SetDeadline(t time.Time) { c.deadline.Store(t.UnixNano()) }

// SetSilence replaces the deadline by a bound on each single read; 0 is none.
func (c *Conn) SetSilence(d time.Duration) {
	c.silence = d
	c.deadline.Store(0)
}

// Sent forgets what was received before: a request begins.
func (c *Conn) Sent() { c.received, c.err = false, nil }

// Received tells whether anything came since Sent.
func (c *Conn) Received() bool { return c.received }

// Err is why the last read failed, where a reader above has wrapped or replaced
// the error.
func (c *Conn) Err() error { return c.err }

// Read reads what has come, or waits.
//
// Moving the deadline of a connection costs more than anything else that is done
// here without a system call, so it stays where it is as long as it is early enough,
// and over if it is over: it only wakes the read, which then sees what is due.
func (c *Conn) Read(p []byte) (int, error) {
	if c.silence > 0 {
		c.SetDeadline(time.Now().Add(c.silence))
	}
	if c.wakes == 0 || c.wakes > c.due() {
		if err := c.wakeIn(firstLook); err != nil {
			return 0, c.failed(err)
		}
	}
	wait := firstLook
	for first := true; ; first = false {
		n, err := c.Conn.Read(p)
		if n > 0 {
			if wait > firstLook {
				c.wakes = 0 // too late for the next read's first look
			}
			c.received = true
			return n, nil
		}
		if !isTimeout(err) {
			return 0, c.failed(err)
		}
		if c.due() <= time.Now().UnixNano() {
			return 0, c.failed(ErrDeadline)
		}
		if !first { // the first one may be left over from an earlier read
			if c.Gone != nil && c.Gone() {
				return 0, c.failed(ErrGone)
			}
			wait = min(2*wait, lastLook)
		}
		if err := c.wakeIn(wait); err != nil {
			return 0, c.failed(err)
		}
	}
}

// due is the deadline, or what never comes.
func (c *Conn) due() int64 {
	if d := c.deadline.Load(); d != 0 {
		return d
	}
	return math.MaxInt64
}

// wakeIn sets when a read wakes up, at the latest.
func (c *Conn) wakeIn(d time.Duration) error {
	c.wakes = min(time.Now().Add(d).UnixNano(), c.due())
	return c.SetReadDeadline(time.Unix(0, c.wakes))
}

// SetWriteDeadline bounds the writes from here on.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.writeBy = t.UnixNano()
	return nil
}

// Write writes all of p, or what the replica takes until the write deadline. The
// connection's own is moved as rarely as Read moves its.
func (c *Conn) Write(p []byte) (int, error) {
	for sent := 0; ; {
		if c.writeWakes == 0 || c.writeWakes > c.writeBy {
			c.writeWakes = c.writeBy
			if err := c.Conn.SetWriteDeadline(time.Unix(0, c.writeBy)); err != nil {
				return sent, err
			}
		}
		n, err := c.Conn.Write(p[sent:])
		sent += n
		if err == nil || !isTimeout(err) || c.writeBy <= time.Now().UnixNano() {
			return sent, err
		}
		c.writeWakes = 0
	}
}

func (c *Conn) failed(err error) error {
	c.err = err
	return err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Release gives the connection back for the next request, or closes it when it
// can't serve another.
func (c *Conn) Release(reusable bool) {
	c.Gone, c.silence = nil, 0
	c.deadline.Store(0)
	if !reusable || c.R.Buffered() > 0 {
		c.Discard()
		return
	}
	c.replica.pool.put(c)
}

// Discard closes the connection.
func (c *Conn) Discard() { _ = c.Close() }

// HalfClose tells the replica that nothing more is coming.
func (c *Conn) HalfClose() error {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		return t.CloseWrite()
	}
	return c.Close()
}
