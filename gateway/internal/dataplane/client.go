package dataplane

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/sock"
)

const (
	// lingerFor and lingerBytes bound what is read and thrown away of a client
	// that still sends while it should read why it was refused. Closing at once
	// would reset the connection and lose the answer on its way.
	lingerFor   = time.Second
	lingerBytes = 4 << 20
)

// listener wraps accepted connections.
type listener struct {
	net.Listener
	server *Server
	// inside tells that only package edge can connect: EdgeHeader says who asks.
	inside bool
}

// Accept waits for a connection that is within the limit. A shortage of the
// system's, of descriptors above all, is waited out: fasthttp would end at it.
func (l listener) Accept() (net.Conn, error) {
	for pause := time.Duration(0); ; {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			pause = 0
			if c := l.server.welcome(conn, l.inside); c != nil {
				return c, nil
			}
		case errors.Is(err, net.ErrClosed):
			return nil, err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			l.server.logger.Warn("no connection can be accepted", "error", err.Error(), "again_in", pause.String())
			time.Sleep(pause)
		}
	}
}

// welcome takes a connection in, or tells it that there are too many.
func (s *Server) welcome(conn net.Conn, inside bool) *client {
	c := &client{Conn: conn, server: s, inside: inside}
	open := s.open.Add(1)
	if peer, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.peer = peer.AddrPort().Addr().Unmap().WithZone("")
		c.address = c.peer.AppendTo(nil)
	}
	c.parkable = sock.CanAwait(conn)
	c.gone = func() bool { return sock.Look(c.Conn) == sock.Closed }
	if int(open) > s.limits.Connections {
		s.turnAway(c)
		return nil
	}
	return c
}

// turnAway answers that there are too many connections. The client may be about to
// send its request: a few at a time are lingered for, so that they read the answer.
func (s *Server) turnAway(c *client) {
	_ = c.Conn.SetWriteDeadline(time.Now().Add(lingerFor))
	_, _ = io.WriteString(c.Conn, crowded)
	s.none.Answered(fasthttp.StatusServiceUnavailable, 0)
	select {
	case s.lingering <- struct{}{}:
		c.linger.Store(true)
		go func() {
			defer func() { <-s.lingering }()
			_ = c.shut()
		}()
	default:
		_ = c.shut()
	}
}

// lingerers is how many connections that were turned away are lingered for at once.
const lingerers = 64

// client is a client's connection.
type client struct {
	net.Conn
	server  *Server
	peer    netip.Addr // without a zone, which means something to this machine only
	address []byte     // the peer, as in X-Forwarded-For
	inside  bool
	gone    func() bool
	intake

	// bodyStall bounds each read while a body streams, in nanoseconds: an upload
	// may take long, as long as something comes. 0 leaves deadlines to the intake.
	bodyStall atomic.Int64
	aborted   atomic.Bool
	linger    atomic.Bool
	parking   atomic.Bool // it is to be parked instead of closed
	parkable  bool
	counted   bool // the request that goes wrong is in the figures
	outlet
	closing sync.Once
}

// abortRead ends a read that another goroutine waits in, and those to come. The
// connection is of no use for another request.
func (c *client) abortRead() {
	c.aborted.Store(true)
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
}

// halfClose tells the client that nothing more is coming.
func (c *client) halfClose() error {
	if t, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return c.Conn.Close()
}

// Close parks the connection when it is idle, and else closes it.
func (c *client) Close() error {
	if c.parking.CompareAndSwap(true, false) && c.server.park(c) {
		return nil
	}
	return c.shut()
}

// shut closes the connection; after a refusal it lingers first.
func (c *client) shut() error {
	var err error
	c.closing.Do(func() {
		defer c.server.open.Add(-1)
		_ = c.flush()
		if c.linger.Load() && c.halfClose() == nil {
			_ = c.Conn.SetReadDeadline(time.Now().Add(lingerFor))
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
		err = c.Conn.Close()
	})
	return err
}

// crowded is the answer to a connection too many.
var crowded = func() string {
	const body = `{"type":"urn:banyan:problem:unavailable","title":"Service Unavailable","status":503,"detail":"Too many connections at the moment. Try again soon."}`
	return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nX-Served-By: gateway\r\n" +
		"Retry-After: 1\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}()
