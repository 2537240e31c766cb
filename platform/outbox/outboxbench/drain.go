package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

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

const (
	// backlogBatch is how many events a transaction of the backlog has.
	backlogBatch = 500
	// looking is how often the end of the topic is asked for.
	looking = 10 * time.Millisecond
	// stuck is how long nothing may arrive before it is an error.
	stuck = time.Minute
)

// MeasureDrain writes n events while nothing relays, then starts the relay and
// waits until all are on the topic. Before that the database looks at its tables, as
// it would by itself in the course of a minute: plans are made for what is there.
func MeasureDrain(ctx context.Context, p Place, s Subject, n int) (Drain, error) {
	if err := backlog(ctx, s, n); err != nil {
		return Drain{}, fmt.Errorf("write the backlog of %s: %w", s.Name, err)
	}
	if err := p.DB.Gorm(ctx).Exec("ANALYZE").Error; err != nil {
		return Drain{}, fmt.Errorf("analyse the backlog of %s: %w", s.Name, err)
	}
	before, err := end(ctx, p)
	if err != nil {
		return Drain{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	all := running(ctx, cancel, s)
	came, err := come(ctx, n, func(ctx context.Context) (int, error) {
		now, err := end(ctx, p)
		return int(now - before), err
	})
	took := time.Since(start)
	cancel()
	if err == nil && came > n {
		err = fmt.Errorf("%w: %d messages for %d events", errLost, came, n)
	}
	if err := errors.Join(err, all.wait()); err != nil {
		return Drain{}, fmt.Errorf("drain the backlog of %s: %w", s.Name, err)
	}
	return Drain{Events: n, Took: took}, nil
}

func backlog(ctx context.Context, s Subject, n int) error {
	for first := 0; first < n; first += backlogBatch {
		var keys []string
		for i := first; i < min(n, first+backlogBatch); i++ {
			keys = append(keys, strconv.Itoa(i))
		}
		if err := s.Write(ctx, keys); err != nil {
			return err
		}
	}
	return nil
}

// come waits until count is n, and fails when it stands still.
func come(ctx context.Context, n int, count func(context.Context) (int, error)) (int, error) {
	last, moved := -1, time.Now()
	for ctx.Err() == nil {
		now, err := count(ctx)
		if err != nil || now >= n {
			return now, err
		}
		if now != last {
			last, moved = now, time.Now()
		}
		if time.Since(moved) > stuck {
			return now, fmt.Errorf("%w: it stands still at %d of %d since %v", errLost, now, n, stuck)
		}
		time.Sleep(looking)
	}
	return last, ctx.Err()
}

// end is how many messages the topic has. A Kafka that has just begun refuses to tell
// of groups for a while, and is asked again.
func end(ctx context.Context, p Place) (n int64, err error) {
	for asked := time.Now(); ; time.Sleep(looking) {
		lags, err := p.Broker.Lag(ctx, "outboxbench", p.Topic.Name)
		if err != nil && ctx.Err() == nil && time.Since(asked) < arriving {
			continue
		}
		for _, l := range lags {
			n += l.End
		}
		return n, err
	}
}
