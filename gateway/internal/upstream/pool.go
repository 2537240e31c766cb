package upstream

import (
	"bufio"
	"errors"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"banyan.dev/gateway/internal/sock"
)

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

// settled is when an owner that goes on behind its answer has done so. What it sent
// then is nobody's answer, and must not become that of the connection's next user.
const settled = time.Millisecond

// Idle takes a kept connection, or nil. A connection is looked at first when it lay
// idle, and with sure in any case: for a request that can't be repeated when the
// connection turns out dead.
func (r *Replica) Idle(sure bool) *Conn {
	for {
		c := r.pool.pop()
		if c == nil {
			return nil
		}
		if (sure || time.Since(c.since) > settled) && sock.Look(c.Conn) != sock.Quiet {
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
	c := &Conn{Conn: conn, replica: r, writeBy: math.MaxInt64}
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
