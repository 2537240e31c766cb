package backfill

import (
	"context"
	"fmt"
	"time"

	"banyan.dev/platform/outbox"
)

// pace keeps a run from being faster than others can bear.
type pace struct {
	runner *Runner
	run    string
	from   time.Time // the page before was done then
	leased time.Time // the lease was last renewed then

	asked  time.Time // Behind was asked then
	behind int64
}

const (
	// lookAgain is how often the backlogs are looked at that are too long.
	lookAgain = 10 * time.Millisecond
	// askEvery bounds how often the follower's lag is asked for: that is a question to
	// the broker.
	askEvery = 50 * time.Millisecond
	// tellEvery is how often a run that waits says what for.
	tellEvery = time.Second
)

// clear waits until neither the outbox nor the follower has much to do. What can't be
// found out does not hold the run up: it paces, and decides nothing.
func (p *pace) clear(ctx context.Context) error {
	told := time.Now()
	for ctx.Err() == nil {
		why := p.queue(ctx)
		if why == "" {
			return ctx.Err()
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			p.runner.note(ctx, p.run, "it waits: "+why)
		}
		if err := p.until(ctx, time.Now().Add(lookAgain)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// queue is what live events would have to queue behind, or "".
func (p *pace) queue(ctx context.Context) string {
	cfg := p.runner.cfg
	if n, err := outbox.Waiting(ctx, p.runner.db, cfg.Topic.Name, cfg.Waiting+1); err == nil && n > cfg.Waiting {
		return fmt.Sprintf("more than %d events are not published yet", cfg.Waiting)
	}
	if cfg.Behind == nil {
		return ""
	}
	if time.Since(p.asked) >= askEvery {
		n, err := cfg.Behind(ctx)
		if err != nil {
			n = 0
		}
		p.asked, p.behind = time.Now(), n
	}
	if p.behind > int64(cfg.MaxBehind) {
		return fmt.Sprintf("the follower has %d messages still to apply", p.behind)
	}
	return ""
}

// until sleeps, and keeps the lease.
func (p *pace) until(ctx context.Context, at time.Time) error {
	for {
		d := time.Until(at)
		if d <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, min(d, p.runner.cfg.Lease/4)); err != nil {
			return err
		}
		p.renew(ctx)
	}
}

// renew keeps the lease, when it is time; false when it is another's by now.
func (p *pace) renew(ctx context.Context) bool {
	if time.Since(p.leased) < p.runner.cfg.Lease/4 {
		return true
	}
	_, ours, err := p.runner.lease(ctx)
	if ours {
		p.leased = time.Now()
	}
	return ours || err != nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
