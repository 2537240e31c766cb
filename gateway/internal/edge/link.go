package edge

import (
	"context"
	"fmt"
	"net"
	"sync"

	"banyan.dev/gateway/internal/sock"
)

// errClosed is Dial's: the link was closed before anything was sent.
var errClosed = fmt.Errorf("the link to the data plane: %w", net.ErrClosed)

// Link joins the edge to a server in the same process: what one side dials, the
// other accepts. It is safe for concurrent use.
type Link struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

// NewLink returns an open link.
func NewLink() *Link {
	return &Link{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial opens a connection once the other side accepts it.
func (l *Link) Dial(ctx context.Context) (net.Conn, error) {
	near, far, err := sock.Pair()
	if err != nil {
		return nil, err
	}
	select {
	case l.accepted <- far:
		return near, nil
	case <-l.closed:
		err = errClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = near.Close()
	_ = far.Close()
	return nil, err
}

// Accept returns the next connection, or net.ErrClosed.
func (l *Link) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends accepting and dialling; connections stay.
func (l *Link) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr names the link in messages.
func (l *Link) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "edge"} }
