package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Latency is how long after the commit events arrived at a consumer of the topic.
type Latency struct {
	Events             int
	P50, P90, P99, Max time.Duration
	// Late is how many events were written more than 10 ms after their time: when it is
	// more than a few, the machine did not keep up with the rate.
	Late int
}

// String is one line.
func (l Latency) String() string {
	return fmt.Sprintf("%d events: p50 %v, p90 %v, p99 %v, max %v (%d written late)",
		l.Events, l.P50.Round(10*time.Microsecond), l.P90.Round(10*time.Microsecond), l.P99.Round(10*time.Microsecond), l.Max.Round(10*time.Microsecond), l.Late)
}

const (
	writers = 32
	late    = 10 * time.Millisecond
	// arriving bounds how long the last events may take.
	arriving = time.Minute
)

// MeasureLatency writes rate events a second, each in a transaction of its own and at
// its time whatever became of those before (an open loop), for as long as d, and
// measures each from the return of its commit to its arrival.
func MeasureLatency(ctx context.Context, p Place, s Subject, rate int, d time.Duration) (Latency, error) {
	n := int(d.Seconds() * float64(rate))
	if n < 1 {
		return Latency{}, fmt.Errorf("measure the latency of %s: %d a second for %v are no events: use more of either", s.Name, rate, d)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := running(ctx, cancel, s)
	arrived, err := watch(ctx, p, n, all)
	if err == nil {
		err = warmUp(ctx, s, arrived)
	}
	var committed []time.Time
	behind := 0
	if err == nil {
		committed, behind, err = write(ctx, s, rate, n)
	}
	if err == nil {
		err = arrived.wait(ctx, arrived.done)
	}
	cancel()
	if err := errors.Join(err, all.wait()); err != nil {
		return Latency{}, fmt.Errorf("measure the latency of %s: %w", s.Name, err)
	}
	return summary(committed, arrived.at, behind), nil
}

func summary(committed, arrived []time.Time, behind int) Latency {
	n := len(committed)
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = max(0, arrived[i].Sub(committed[i]))
	}
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[min(n-1, int(p*float64(n)))] }
	return Latency{Events: n, P50: at(.5), P90: at(.9), P99: at(.99), Max: took[n-1], Late: behind}
}

const (
	warmEvents = 500
	lastWarm   = -warmEvents
)

// warmUp brings some events through that are not counted: they make the connections
// and the plans.
func warmUp(ctx context.Context, s Subject, a *arrivals) error {
	for i := range warmEvents {
		if err := s.Write(ctx, []string{strconv.Itoa(-1 - i)}); err != nil {
			return err
		}
	}
	return a.wait(ctx, a.warm)
}

// write is the open loop; it returns when each event was committed.
func write(ctx context.Context, s Subject, rate, n int) (committed []time.Time, behind int, err error) {
	committed = make([]time.Time, n)
	due := make(chan int, n) // the loop never waits for a writer
	var all sync.WaitGroup
	var mu sync.Mutex
	start := time.Now()
	at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second / time.Duration(rate)) }
	for range writers {
		all.Go(func() {
			for i := range due {
				slow := time.Since(at(i)) > late
				failed := s.Write(ctx, []string{strconv.Itoa(i)})
				committed[i] = time.Now()
				mu.Lock()
				if slow {
					behind++
				}
				if err == nil { // one says enough
					err = failed
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		if wait := time.Until(at(i)); wait > 0 {
			time.Sleep(wait)
		}
		due <- i
	}
	close(due)
	all.Wait()
	return committed, behind, errors.Join(err, ctx.Err())
}
