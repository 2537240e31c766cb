package sessiontest

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until it is moved. It is safe for concurrent
// use.
type Clock struct {
	mu    sync.Mutex
	now   time.Time
	moved []func(time.Duration)
}

// NewClock starts at the present, because a real Redis counts its own time.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Millisecond)} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock, and whatever goes with it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	moved := c.moved
	c.mu.Unlock()
	for _, f := range moved {
		f(d)
	}
}

// With makes f go with the clock: miniredis expires nothing by itself and has to
// be told by its FastForward.
func (c *Clock) With(f func(time.Duration)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = append(c.moved, f)
}
