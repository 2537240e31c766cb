package lab

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// crew is the processes of a trial. It is safe for concurrent use.
type crew struct {
	self []string

	mu     sync.Mutex
	places []*place
	killed int
}

// place is where one process is, and after its death the next one.
type place struct {
	side string
	task task
	now  *process // nil while there is none
	// grown is when it may die by chance.
	grown time.Time
}

// begin starts a process for each place.
func (c *crew) begin(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range c.places {
		group.Go(func() error { return c.fill(ctx, p) })
	}
	return group.Wait()
}

func (c *crew) fill(ctx context.Context, at *place) error {
	began := time.Now()
	p, err := begin(ctx, c.self, at.task)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at.now, at.grown = p, time.Now().Add(time.Since(began))
	return nil
}

// writer is the address of some writer of a side; "" while there is none.
func (c *crew) writer(side string, pick func(n int) int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var urls []string
	for _, p := range c.places {
		if p.side == side && p.task.Kind == writing && p.now != nil {
			urls = append(urls, p.now.url)
		}
	}
	if len(urls) == 0 {
		return ""
	}
	return urls[pick(len(urls))]
}

// The pause between two kills.
const (
	killAfter  = 15 * time.Millisecond
	killWithin = 75 * time.Millisecond
)

// kill kills at random moments until ctx ends, one process after the other, and
// puts a new one in each one's place. Nobody dies before they have lived for as long
// as their birth took: else, on a slow machine, nobody would get to do anything. In
// the end all places are filled again.
func (c *crew) kill(ctx context.Context, random *rand.Rand) error {
	var births errgroup.Group
	for pause(ctx, killAfter+time.Duration(random.Int64N(int64(killWithin-killAfter)))) == nil {
		if at := c.places[random.IntN(len(c.places))]; c.adult(at) && c.strike(at) {
			births.Go(func() error { return c.fill(context.WithoutCancel(ctx), at) })
		}
	}
	return births.Wait()
}

func (c *crew) adult(at *place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().After(at.grown)
}

// strike kills the process at a place, and tells whether it did: of writers, one
// always stays at its side, as a gateway sends nobody to a side without a replica.
func (c *crew) strike(at *place) bool {
	p := c.take(at)
	if p == nil {
		return false
	}
	p.end()
	return true
}

func (c *crew) take(at *place) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := 0
	for _, p := range c.places {
		if p != at && p.now != nil && p.side == at.side && p.task.Kind == writing {
			left++
		}
	}
	p := at.now
	if p == nil || left == 0 && at.task.Kind == writing {
		return nil
	}
	at.now = nil
	c.killed++
	return p
}

// bereft does something just after a side's relay was killed, and while the next one
// begins: what was written last is still in the outbox.
func (c *crew) bereft(ctx context.Context, side string, do func() error) error {
	var birth errgroup.Group
	for _, at := range c.places {
		if at.side == side && at.task.Kind == relaying && c.strike(at) {
			birth.Go(func() error { return c.fill(ctx, at) })
		}
	}
	err := pause(ctx, bereftFor)
	if err == nil {
		err = do()
	}
	return errors.Join(err, birth.Wait())
}

// bereftFor is how long clients write when nobody relays it.
const bereftFor = 20 * time.Millisecond

// stop ends all processes.
func (c *crew) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.places {
		if p.now != nil {
			p.now.end()
			p.now = nil
		}
	}
}
