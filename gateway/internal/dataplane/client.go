package dataplane

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/sock"
)

const (
	// writeStall is how long a client may take nothing of its answer.
	writeStall = time.Minute
	// lingerFor and lingerBytes bound what is read and thrown away of a client
	// that still sends while it should read why it was refused. Closing at once
	// would reset the connection and lose the answer on its way.
	lingerFor   = time.Second
	lingerBytes = 4 << 20
)

// listener wraps accepted connections.
type listener struct {
	net.Listener
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &client{Conn: conn}
	if peer, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = peer.AddrPort().Addr().Unmap().WithZone("")
		c.address = c.peer.AppendTo(nil)
	}
	c.gone = func() bool { return sock.Look(c.Conn) == sock.Closed }
	return c, nil
}

// client is a client's connection.
type client struct {
	net.Conn
	peer    netip.Addr // without a zone, which means something to this machine only
	address []byte     // the peer, as in X-Forwarded-For
	gone    func() bool

	// bodyStall bounds each read while a body streams, in nanoseconds: an upload
	// may take long, as long as something comes. 0 leaves deadlines to fasthttp.
	bodyStall atomic.Int64
	aborted   atomic.Bool
	linger    atomic.Bool
	armed     time.Time
	closing   sync.Once
}

// Read reads for fasthttp, or for an upload.
func (c *client) Read(p []byte) (int, error) {
	if stall := c.bodyStall.Load(); stall > 0 && !c.aborted.Load() {
		if err := c.SetReadDeadline(time.Now().Add(time.Duration(stall))); err != nil {
			return 0, err
		}
		if c.aborted.Load() { // between the look and the new deadline
			c.abortRead()
		}
	}
	return c.Conn.Read(p)
}

// abortRead ends a read that another goroutine waits in, and those to come. The
// connection is of no use for another request.
func (c *client) abortRead() {
	c.aborted.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0))
}

// Write writes, unless the client takes nothing for too long. Moving the deadline
// at each write would cost more than it tells, so it is moved once a second.
func (c *client) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(c.armed) > time.Second {
		c.armed = now
		if err := c.SetWriteDeadline(now.Add(writeStall)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// halfClose tells the client that nothing more is coming.
func (c *client) halfClose() error {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		return t.CloseWrite()
	}
	return c.Conn.Close()
}

// Close closes the connection; after a refusal it lingers first.
func (c *client) Close() error {
	var err error
	c.closing.Do(func() {
		if c.linger.Load() && c.halfClose() == nil {
			_ = c.SetReadDeadline(time.Now().Add(lingerFor))
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
		err = c.Conn.Close()
	})
	return err
}
