package broker

import (
	"context"
	"errors"
	"net"
	"sync"
)

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// conns are the connections that were opened and not closed yet. kafka-go closes
// those that are idle, and what waits for an answer would outlive whoever asked.
type conns struct {
	open dialFunc

	mu     sync.Mutex
	all    map[*conn]struct{}
	closed bool
}

var errClosed = errors.New("the connections to Kafka are closed")

func newConns(open dialFunc) *conns { return &conns{open: open, all: map[*conn]struct{}{}} }

func (c *conns) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	opened, err := c.open(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	kept := &conn{Conn: opened, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		opened.Close()
		return nil, errClosed
	}
	c.all[kept] = struct{}{}
	return kept, nil
}

func (c *conns) usable() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	return nil
}

// close closes what is open; nothing is opened after it.
func (c *conns) close() {
	c.mu.Lock()
	c.closed = true
	all := c.all
	c.all = nil
	c.mu.Unlock()
	for conn := range all {
		conn.Close()
	}
}

// conn is a connection that is remembered until it is closed.
type conn struct {
	net.Conn
	of *conns
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
