package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"banyan.dev/platform/broker"
)

// Subject is one way of doing it.
type Subject struct {
	Name string
	// Write makes a change and appends an event for each key, in one transaction, and
	// returns when it is committed. A key is a number in decimal, and becomes the
	// message's key. It is called by many goroutines.
	Write func(ctx context.Context, keys []string) error
	// Relay brings what was committed to the topic, until ctx ends.
	Relay func(ctx context.Context) error
	// Broker and Topic are where the messages arrive.
	Broker *broker.Broker
	Topic  broker.Topic
}

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
func MeasureLatency(ctx context.Context, s Subject, rate int, d time.Duration) (Latency, error) {
	n := int(d.Seconds() * float64(rate))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := running(ctx, cancel, s)
	arrived, err := watch(ctx, s, n, all)
	if err != nil {
		cancel()
		return Latency{}, errors.Join(err, all.wait())
	}
	err = warmUp(ctx, s, arrived)
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
	took := make([]time.Duration, n)
	for i := range took {
		took[i] = max(0, arrived.at[i].Sub(committed[i]))
	}
	slices.Sort(took)
	at := func(p float64) time.Duration { return took[min(n-1, int(p*float64(n)))] }
	return Latency{Events: n, P50: at(.5), P90: at(.9), P99: at(.99), Max: took[n-1], Late: behind}, nil
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
				err = errors.Join(err, failed)
				mu.Unlock()
			}
		})
	}
	for i := range n {
		if wait := time.Until(at(i)); wait > 0 {
			time.Sleep(wait)
		}
		due <- i
	}
	close(due)
	all.Wait()
	return committed, behind, err
}

// Drain is how fast a backlog was published.
type Drain struct {
	Events int
	// Took is from the relay's start to the last message's arrival on the topic.
	Took time.Duration
}

// PerSecond is the rate.
func (d Drain) PerSecond() float64 { return float64(d.Events) / d.Took.Seconds() }

// String is one line.
func (d Drain) String() string {
	return fmt.Sprintf("%d events in %v: %.0f a second", d.Events, d.Took.Round(time.Millisecond), d.PerSecond())
}

// backlogBatch is how many events a transaction of the backlog has.
const backlogBatch = 500

// MeasureDrain writes n events while nothing relays, then starts the relay and
// waits until all are on the topic.
func MeasureDrain(ctx context.Context, s Subject, n int) (Drain, error) {
	for first := 0; first < n; first += backlogBatch {
		var keys []string
		for i := first; i < min(n, first+backlogBatch); i++ {
			keys = append(keys, strconv.Itoa(i))
		}
		if err := s.Write(ctx, keys); err != nil {
			return Drain{}, fmt.Errorf("write the backlog of %s: %w", s.Name, err)
		}
	}
	before, err := end(ctx, s)
	if err != nil {
		return Drain{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	all := running(ctx, cancel, s)
	for err == nil && ctx.Err() == nil {
		var now int64
		if now, err = end(ctx, s); now-before >= int64(n) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(start)
	cancel()
	if err := errors.Join(err, all.wait()); err != nil {
		return Drain{}, fmt.Errorf("drain the backlog of %s: %w", s.Name, err)
	}
	return Drain{Events: n, Took: took}, nil
}

// end is how many messages the topic has.
func end(ctx context.Context, s Subject) (n int64, err error) {
	lags, err := s.Broker.Lag(ctx, "outboxbench", s.Topic.Name)
	for _, l := range lags {
		n += l.End
	}
	return n, err
}
