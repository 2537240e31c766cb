package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"banyan.dev/platform/backfill"
	"banyan.dev/platform/ownership"
)

// Backfill has the owner send all its rows to who follows, and returns when the
// follower has applied every chunk. run names it: asked again for the same one, after
// a crash, it goes on. tell hears how far it has come; it may be nil.
func (h Hosts) Backfill(ctx context.Context, order backfill.Order, tell func(backfill.Status)) (backfill.Status, error) {
	owner, row, err := h.Owner(ctx)
	if err != nil {
		return backfill.Status{}, err
	}
	client := h.Filler(owner)
	defer client.Close()
	status, err := client.Start(ctx, order)
	if err != nil {
		return status, fmt.Errorf("begin the backfill at %s: %w", h.Names[owner], err)
	}
	if status.State == backfill.Done {
		return status, h.kept(ctx, 1-owner, row.Epoch, status.Run)
	}
	if status, err = h.sent(ctx, client, order.Run, tell); err != nil {
		return status, err
	}
	return status, h.applied(ctx, 1-owner, row.Epoch, status.Run)
}

// keptWithin is how long a follower may still apply what was sent before this command.
const keptWithin = 30 * time.Second

// kept waits for the rows of a run that was done before: a follower whose rows were
// discarded since would never get them again.
func (h Hosts) kept(ctx context.Context, follower int, epoch int64, run string) error {
	ctx, cancel := context.WithTimeout(ctx, keptWithin)
	defer cancel()
	if err := h.applied(ctx, follower, epoch, run); err != nil {
		return fmt.Errorf("the backfill of %s was done before, and nothing is sent again: if %s's rows were discarded since, use --anew: %w", h.Resource, h.Names[follower], err)
	}
	return nil
}

// Filler is a client of a side's backfill; close it.
func (h Hosts) Filler(i int) *backfill.Client {
	return backfill.NewClient(backfill.ClientConfig{Resource: h.Resource, Name: h.Names[i], URLs: h.URLs[i], Token: h.Token})
}

// lookEvery is the pause between two looks at a backfill.
const lookEvery = 200 * time.Millisecond

// sent waits until all pages are in the owner's outbox.
func (h Hosts) sent(ctx context.Context, client *backfill.Client, run string, tell func(backfill.Status)) (last backfill.Status, err error) {
	for {
		status, asked := client.Status(ctx)
		if asked == nil {
			last = status
			if tell != nil {
				tell(status)
			}
		}
		switch {
		case asked == nil && run != "" && status.Run != run:
			return last, fmt.Errorf("the backfill of %s was replaced by another run, %s", h.Resource, status.Run)
		case asked == nil && status.State == backfill.Done:
			return last, nil
		case asked == nil && status.State == backfill.Paused:
			return last, fmt.Errorf("the backfill of %s was paused at %d rows: start it again, and it goes on there", h.Resource, status.Rows)
		}
		if err := pause(ctx, lookEvery); err != nil {
			return last, fmt.Errorf("the backfill of %s is not done: %d rows so far: %w", h.Resource, last.Rows, errors.Join(err, asked, text(last.Error)))
		}
	}
}

func text(why string) error {
	if why == "" {
		return nil
	}
	return errors.New(why)
}

// applied waits until the follower has each chunk of the run, and could own, but for
// events that are on their way.
func (h Hosts) applied(ctx context.Context, follower int, epoch int64, run string) error {
	side, err := h.Side(follower)
	if err != nil {
		return err
	}
	defer side.Close()
	client := h.Filler(follower)
	defer client.Close()
	for {
		err := missing(ctx, client, run)
		if err == nil {
			err = side.Ready(ctx, epoch)
		}
		if err == nil || errors.Is(err, ownership.ErrNotDrained) {
			return nil
		}
		if waited := pause(ctx, lookEvery); waited != nil {
			return fmt.Errorf("%s has not applied the whole backfill: %w", h.Names[follower], errors.Join(err, waited))
		}
	}
}

// missing is an error while the follower lacks something of the run. A host of a version
// that does not tell is asked by Ready alone, which knows of the newest run that it has.
func missing(ctx context.Context, follower *backfill.Client, run string) error {
	lacks, err := follower.Missing(ctx, run)
	switch {
	case errors.Is(err, backfill.ErrUntold):
		return nil
	case err == nil && lacks != "":
		return errors.New(lacks)
	}
	return err
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
