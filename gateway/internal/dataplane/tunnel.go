package dataplane

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"time"

	"banyan.dev/gateway/internal/resilience"
)

// farewell is how long one side of a tunnel may go on after the other has closed.
const farewell = 10 * time.Second

// tunnels are the connections that fasthttp has let go of.
type tunnels struct {
	mu   sync.Mutex
	open map[*tunnel]struct{}
	wait sync.WaitGroup
}

// tunnel is both ends of one.
type tunnel struct{ client, owner net.Conn }

// hijack takes the client's connection away from fasthttp, which closes it when
// work returns.
func (x *exchange) hijack(work func(from net.Conn)) {
	x.streaming = true
	s := x.server
	t := &tunnel{client: x.client.Conn, owner: x.conn.Conn}
	s.tunnels.add(t)
	s.metrics.Tunnels.Inc()
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(from net.Conn) {
		defer s.tunnels.remove(t)
		defer s.metrics.Tunnels.Dec()
		x.client.moved = time.Time{} // fasthttp has taken the deadline off
		work(from)
	})
}

func (t *tunnels) add(one *tunnel) {
	t.wait.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[one] = struct{}{}
}

func (t *tunnels) remove(one *tunnel) {
	t.mu.Lock()
	delete(t.open, one)
	t.mu.Unlock()
	t.wait.Done()
}

// drain waits for the tunnels until the context ends, and then cuts them: they
// have no end of their own.
func (t *tunnels) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		t.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	for one := range t.open {
		one.cut()
	}
	t.mu.Unlock()
	<-done
	return nil
}

// cut closes both: a deadline could be moved again by who reads.
func (t *tunnel) cut() {
	_ = t.client.Close()
	_ = t.owner.Close()
}

// openTunnel passes the owner's consent to leave HTTP on, and then bytes both ways.
func (x *exchange) openTunnel() {
	x.status = x.ctx.Response.StatusCode()
	x.outcome = resilience.OutcomeOf(x.status)
	x.settleEarly()
	h := &x.ctx.Response.Header
	h.ResetConnectionClose()
	x.mark(h)
	consent := bytes.Clone(h.Header())
	_ = x.conn.Conn.SetDeadline(time.Time{})
	x.client.tunnel = true
	x.hijack(func(from net.Conn) {
		defer x.let()
		defer x.abandon()
		if _, err := x.client.Write(consent); err != nil {
			return
		}
		x.copyBoth(from)
	})
}

// copyBoth ends when both sides have closed, or one has and the other goes on for
// too long.
func (x *exchange) copyBoth(from io.Reader) {
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(x.conn.Conn, from)
		_ = x.conn.HalfClose()
		_ = x.conn.Conn.SetReadDeadline(time.Now().Add(farewell))
	}()
	x.copyDown()
	_ = x.client.halfClose()
	_ = x.client.Conn.SetReadDeadline(time.Now().Add(farewell))
	<-up
}

// copyDown passes on what was read together with the owner's consent, and then
// all that follows.
func (x *exchange) copyDown() {
	early, err := x.conn.R.Peek(x.conn.R.Buffered())
	if err != nil {
		return
	}
	if _, err := x.client.Write(early); err != nil {
		return
	}
	_, _ = io.Copy(x.client, x.conn.Conn)
}
