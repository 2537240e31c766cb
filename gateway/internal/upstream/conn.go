package upstream

import (
	"bufio"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"banyan.dev/gateway/internal/sock"
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
// late: after the first of these, then at twice the distance, up to the last.
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
func (c *Conn) Read(p []byte) (int, error) {
	now := time.Now()
	if c.silence > 0 {
		c.SetDeadline(now.Add(c.silence))
	}
	for look := firstLook; ; look = min(2*look, lastLook) {
		until := now.Add(look)
		if d := c.deadline.Load(); d != 0 && d < until.UnixNano() {
			until = time.Unix(0, d)
		}
		if err := c.SetReadDeadline(until); err != nil {
			return 0, c.failed(err)
		}
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.received = true
			return n, nil
		}
		if !isTimeout(err) {
			return 0, c.failed(err)
		}
		now = time.Now()
		if d := c.deadline.Load(); d != 0 && d <= now.UnixNano() {
			return 0, c.failed(ErrDeadline)
		}
		if c.Gone != nil && c.Gone() {
			return 0, c.failed(ErrGone)
		}
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

const (
	// keepIdle is how many idle connections are kept to one replica.
	keepIdle = 512
	// keepFor is how long: short, so that a replica's own idle timeout is rarely
	// the first to act.
	keepFor = 15 * time.Second
	// dialTimeout bounds a connection attempt within the request's deadline.
	dialTimeout = 3 * time.Second
)

// pool keeps idle connections, the last used on top: those at the bottom grow old
// and are closed when the load falls.
type pool struct {
	addr    string
	mu      sync.Mutex
	idle    []*Conn
	retired bool
}

// Idle takes a kept connection, or nil. With sure the connection is looked at
// first, for a request that can't be repeated when the connection turns out dead.
func (r *Replica) Idle(sure bool) *Conn {
	for {
		c := r.pool.pop()
		if c == nil {
			return nil
		}
		if sure && sock.Look(c.Conn) != sock.Quiet {
			c.Discard()
			continue
		}
		return c
	}
}

// Dial opens a connection; it waits no longer than until the deadline. ErrDeadline
// says that the request's time ran out before a connection attempt's did.
func (r *Replica) Dial(deadline time.Time) (*Conn, error) {
	wait := dialTimeout
	if !deadline.IsZero() {
		wait = min(wait, time.Until(deadline))
	}
	if wait <= 0 {
		return nil, ErrDeadline
	}
	conn, err := net.DialTimeout("tcp", r.pool.addr, wait)
	if isTimeout(err) && wait < dialTimeout {
		return nil, ErrDeadline
	}
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: conn, replica: r}
	c.R = bufio.NewReaderSize(c, readerSize)
	return c, nil
}

// IsDown tells of Dial's error whether it is the replica's: it refused, or was
// silent for the whole of an attempt. Anything else (no descriptors, no ports, no
// route) may be the gateway's own trouble; probes find out.
func IsDown(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || isTimeout(err)
}

func (p *pool) pop() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	c.Reused = true
	return c
}

func (p *pool) put(c *Conn) {
	c.since = time.Now()
	p.mu.Lock()
	if full := p.retired || len(p.idle) >= keepIdle; full {
		p.mu.Unlock()
		c.Discard()
		return
	}
	p.idle = append(p.idle, c)
	p.mu.Unlock()
}

// trim closes what has been idle for too long.
func (p *pool) trim(now time.Time) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && now.Sub(p.idle[n].since) > keepFor {
		n++
	}
	old := append([]*Conn(nil), p.idle[:n]...)
	p.idle = append(p.idle[:0], p.idle[n:]...)
	p.mu.Unlock()
	for _, c := range old {
		c.Discard()
	}
}

func (p *pool) drop() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.Discard()
	}
}

func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	p.drop()
}
