package edge

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// listener wraps accepted connections, and closes those beyond the limit at once:
// before the handshake there is no way to say why.
type listener struct {
	net.Listener
	limits Limits
	open   *atomic.Int64
}

func (l listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &client{Conn: conn, stall: l.limits.WriteStall, open: l.open}
		if int(l.open.Add(1)) <= l.limits.Connections {
			return c, nil
		}
		_ = c.Close()
	}
}

// client is a client's connection, below TLS. It cuts a client that takes nothing
// for too long. TLS writes a record of at most 16 KiB at a time, so who reads slowly
// is not taken for who doesn't read.
type client struct {
	net.Conn
	stall   time.Duration
	open    *atomic.Int64
	closing sync.Once

	moved atomic.Int64 // when the deadline was, in Unix nanoseconds; 0 must be again
	bound atomic.Int64 // net/http's and TLS's own deadline; 0 is none
}

// Write writes within the stall. The deadline is moved once a second, as package
// dataplane does it.
func (c *client) Write(p []byte) (int, error) {
	now := time.Now()
	if now.Sub(time.Unix(0, c.moved.Load())) > min(time.Second, c.stall/8) {
		deadline := now.Add(c.stall)
		if bound := c.bound.Load(); bound != 0 && bound < deadline.UnixNano() {
			deadline = time.Unix(0, bound)
		}
		c.moved.Store(now.UnixNano())
		if err := c.Conn.SetWriteDeadline(deadline); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// SetWriteDeadline bounds writes further: those of a handshake, and of the goodbye.
func (c *client) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		c.bound.Store(0)
	} else {
		c.bound.Store(t.UnixNano())
	}
	c.moved.Store(0)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is SetWriteDeadline and the same for reads.
func (c *client) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Close closes the connection and counts it off.
func (c *client) Close() error {
	c.closing.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// paced is an answer over HTTP/2, which has windows of its own: a client that reads
// the connection may still take nothing of one stream. The stream is then reset.
type paced struct {
	http.ResponseWriter
	stall time.Duration
	timer *time.Timer

	mu   sync.Mutex
	over bool // the handler has returned: the writer must not be touched
}

func newPaced(w http.ResponseWriter, stall time.Duration) *paced {
	p := &paced{ResponseWriter: w, stall: stall}
	p.timer = time.AfterFunc(time.Hour, p.cut)
	p.timer.Stop()
	return p
}

// cut ends the write that is under way.
func (p *paced) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
	}
}

// end is called before the handler returns.
func (p *paced) end() {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

func (p *paced) Write(b []byte) (int, error) {
	p.timer.Reset(p.stall)
	defer p.timer.Stop()
	return p.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController calls.
func (p *paced) FlushError() error {
	p.timer.Reset(p.stall)
	defer p.timer.Stop()
	return http.NewResponseController(p.ResponseWriter).Flush()
}

// Unwrap leads http.ResponseController on.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }
