package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"
)

// Window is what a crowd saw while it worked.
type Window struct {
	Requests int64
	// Failed counts what wasn't answered, or not with 200. Only a crowd that bears
	// failures goes on after one.
	Failed  int64
	First   error // of the failures
	Elapsed time.Duration
	// Latencies of the answered, in microseconds.
	Latencies *hdrhistogram.Histogram
}

// Rate is answered requests for each second.
func (w Window) Rate() float64 { return float64(w.Requests-w.Failed) / w.Elapsed.Seconds() }

// Quantile of the latencies in milliseconds; q is in percent.
func (w Window) Quantile(q float64) float64 { return float64(w.Latencies.ValueAtQuantile(q)) / 1000 }

// Crowd is connected clients of one target, each signed in. It is used by one
// goroutine at a time.
type Crowd struct {
	clients []*client
}

// dialing is how many clients connect at once.
const dialing = 32

// Gather connects and signs in so many clients. Close the crowd also after an
// error of something else.
func Gather(ctx context.Context, target Target, clients int) (*Crowd, error) {
	crowd := &Crowd{clients: make([]*client, clients)}
	for i := range crowd.clients {
		crowd.clients[i] = &client{target: &target, number: i}
	}
	err := crowd.each(ctx, func(ctx context.Context, c *client, buf []byte) error {
		if err := c.dial(ctx); err != nil {
			return err
		}
		return c.until(ctx, func() error { return c.signIn(buf) })
	})
	if err != nil {
		crowd.Close()
		return nil, fmt.Errorf("gather %d clients at %s: %w", clients, target.Address, err)
	}
	return crowd, nil
}

// each does something with all clients, some at once, until one of them fails.
func (c *Crowd) each(ctx context.Context, do func(context.Context, *client, []byte) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(dialing, len(c.clients)) {
		group.Go(func() error {
			buf := make([]byte, answerBuffer)
			for i := next.Add(1) - 1; i < int64(len(c.clients)); i = next.Add(1) - 1 {
				if err := do(ctx, c.clients[i], buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// Ask lets every client ask once more, and tells how many were answered.
func (c *Crowd) Ask(ctx context.Context) (answered int, err error) {
	var n atomic.Int64
	err = c.each(ctx, func(ctx context.Context, one *client, buf []byte) error {
		if one.until(ctx, func() error { return one.ask(buf, nil) }) == nil {
			n.Add(1)
		}
		return ctx.Err()
	})
	return int(n.Load()), err
}

// Close ends all connections.
func (c *Crowd) Close() {
	for _, one := range c.clients {
		one.close()
	}
}

// Shift is a crowd at work.
type Shift struct {
	began   time.Time
	workers []*worker
	over    atomic.Bool
	group   *errgroup.Group
	failed  context.Context // ends with the first error
	cut     func() error    // of the context that Begin was given
	ended   sync.Once
	err     error
	elapsed time.Duration
}

// worker is one client's record.
type worker struct {
	client    *client
	latencies *hdrhistogram.Histogram
	requests  int64
	failed    int64
	first     error
	every     time.Duration // between two requests; 0: as soon as it is answered
	due       time.Time     // the next one
}

// start is when the next request begins. A worker that had nothing to do begins when
// it wakes: that its own clock woke it late is nobody's latency.
func (w *worker) start(answered time.Time) time.Time {
	if w.every == 0 {
		return answered
	}
	due := w.due
	w.due = due.Add(w.every)
	if !answered.Before(due) {
		return due
	}
	time.Sleep(due.Sub(answered))
	return time.Now()
}

// Begin lets everybody ask, again and again. With bear a request that fails is
// counted, its connection replaced and the work goes on; else it ends the shift.
func (c *Crowd) Begin(ctx context.Context, bear bool) *Shift { return c.begin(ctx, bear, 0) }

// BeginPaced is Begin at so many requests/s of all clients together, spread evenly
// over them and over time. A request that is due while its connection still waits for
// the answer before is late, and its latency counts from when it was due: who stalls
// is not spared the questions that would have come (G. Tene's coordinated omission).
func (c *Crowd) BeginPaced(ctx context.Context, bear bool, rate float64) *Shift {
	return c.begin(ctx, bear, time.Duration(float64(len(c.clients))/rate*float64(time.Second)))
}

func (c *Crowd) begin(ctx context.Context, bear bool, every time.Duration) *Shift {
	s := &Shift{cut: ctx.Err}
	s.group, s.failed = errgroup.WithContext(ctx)
	s.began = time.Now()
	for i, one := range c.clients {
		due := s.began.Add(every / time.Duration(len(c.clients)) * time.Duration(i))
		s.workers = append(s.workers, &worker{client: one, latencies: newHistogram(), every: every, due: due})
	}
	for _, w := range s.workers {
		s.group.Go(func() error { return w.work(s.failed, &s.over, bear) })
	}
	return s
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// Failed is closed when a client has given up, or the shift's context has ended.
func (s *Shift) Failed() <-chan struct{} { return s.failed.Done() }

// End lets everybody finish the request at hand, and sums up.
func (s *Shift) End() (Window, error) {
	s.ended.Do(func() {
		s.over.Store(true)
		s.err = cmp.Or(s.group.Wait(), s.cut())
		s.elapsed = time.Since(s.began)
	})
	sum := Window{Elapsed: s.elapsed, Latencies: newHistogram()}
	for _, w := range s.workers {
		sum.Requests += w.requests
		sum.Failed += w.failed
		sum.Latencies.Merge(w.latencies)
		if sum.First == nil {
			sum.First = w.first
		}
	}
	return sum, s.err
}

func (w *worker) work(ctx context.Context, over *atomic.Bool, bear bool) error {
	buf := make([]byte, answerBuffer)
	for {
		if err := w.client.until(ctx, func() error { return w.keepAsking(buf, over, bear) }); err != nil {
			return err
		}
		if over.Load() {
			return nil
		}
		w.client.close()
		if err := w.client.dial(ctx); err != nil {
			return fmt.Errorf("connect again: %w", err)
		}
	}
}

// keepAsking returns when the shift is over or the connection can't be used any
// more. Its errors are those that end the shift.
func (w *worker) keepAsking(buf []byte, over *atomic.Bool, bear bool) error {
	for answered := time.Now(); !over.Load() && !w.client.ending; {
		began := w.start(answered)
		err := w.client.ask(buf, nil)
		now := time.Now()
		w.requests++
		if err != nil {
			w.failed++
			w.first = cmp.Or(w.first, err)
			if !bear {
				return err
			}
			if !errors.Is(err, errStatus) {
				return nil
			}
		} else {
			_ = w.latencies.RecordValue(min(now.Sub(began).Microseconds(), time.Minute.Microseconds())) // within its scale
		}
		answered = now
	}
	return nil
}
