package dataplane

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"banyan.dev/gateway/internal/sock"
)

// lot is where connections wait that have been idle for a while. Each costs a
// goroutine with a small stack and the connection itself: no buffer, nothing of
// fasthttp's.
type lot struct {
	mu     sync.Mutex
	parked map[*client]struct{}
	closed bool
	wait   sync.WaitGroup

	let   int // connections parked since memory was given back
	timer *time.Timer
}

// A gateway allocates nothing while it proxies, so its collector hardly runs: what
// many connections let go of would stay in the process for minutes. After so many
// were parked it is given back to the system, a while later and not more often.
const (
	manyParked = 500
	giveBackIn = 5 * time.Second
)

// noteParked is called with the lock held.
func (l *lot) noteParked() {
	if l.let++; l.let < manyParked || l.timer != nil {
		return
	}
	l.timer = time.AfterFunc(giveBackIn, func() {
		runtime.GC() // pools let go at the second collection
		debug.FreeOSMemory()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.let, l.timer = 0, nil
	})
}

// park takes a connection that fasthttp has let go of, until its client sends
// something. It is false when the lot is closed.
func (s *Server) park(c *client) bool {
	l := &s.lot
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if l.parked == nil {
		l.parked = map[*client]struct{}{}
	}
	l.parked[c] = struct{}{}
	l.noteParked()
	l.wait.Add(1)
	go s.await(c)
	return true
}

// await serves the connection when it is asked again.
func (s *Server) await(c *client) {
	defer s.lot.wait.Done()
	state := sock.Await(c.Conn, c.limit)
	s.lot.mu.Lock()
	delete(s.lot.parked, c)
	s.lot.mu.Unlock()
	if state != sock.Data {
		_ = c.shut()
		return
	}
	// fasthttp closes the connection, or parks it again. What it says about how the
	// connection ended nobody can act on.
	_ = s.http.ServeConn(c)
}

// close ends what is parked; nothing is parked any more.
func (l *lot) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	for c := range l.parked {
		_ = c.shut()
	}
}

// drain waits for those that were asked again.
func (l *lot) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		l.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
