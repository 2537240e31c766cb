package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
)

const (
	// quickWay is how long markers should take from one side to the other: who writes
	// waits for as long. A moment at which they do is waited for during quickFor, since a
	// busy machine has such and others.
	quickWay = 100 * time.Millisecond
	quickFor = 2 * time.Second
	// shortWay is how long they may take for a hand-over to begin: half of what it waits
	// for them (handover.Bounds.Drain).
	shortWay = time.Second
	// longWay is how long a shorter one is waited for, when markers arrive.
	longWay = 30 * time.Second
	// rehearsedEvery is the pause between two looks.
	rehearsedEvery = 10 * time.Millisecond
)

// rehearse waits until what a side writes is applied by the other quickly, in every
// partition: until then a hand-over would hold writers up, and be given up. It is for the
// time before the gates close. What it sends are markers that end nothing. It returns at
// once where a hand-over is half done already, and where hosts have no rehearsals; its
// error says what was missing when ctx ended.
func (h Hosts) rehearse(ctx context.Context, sides [2]*remote.Client, to string, log *slog.Logger) error {
	from, follower := sides[0], sides[1]
	if to == h.Names[0] {
		from, follower = follower, from
	}
	began, told := time.Now(), false
	for {
		way, err := h.once(ctx, from, follower, log)
		enough := quickWay
		if time.Since(began) > quickFor {
			enough = shortWay
		}
		switch {
		case errors.Is(err, remote.ErrUntold), errors.Is(err, ownership.ErrNotOwner), errors.Is(err, ownership.ErrUnknown), errors.Is(err, errHalfDone):
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("hand %s over to %s: nothing was begun, since what %s writes does not arrive there: %w", h.Resource, to, from.Name(), err)
		case err == nil && way <= enough:
			return nil
		case err == nil && time.Since(began) > longWay:
			log.WarnContext(ctx, "events take long: the hand-over may be given up", "to", to, "way", way)
			return nil
		case !told && (err != nil || way > shortWay):
			told = true
			log.InfoContext(ctx, "the hand-over waits until events arrive quickly", "to", to, "way", way, "error", err)
		}
		_ = pause(ctx, lookEvery) // the next look finds ctx ended
	}
}

// errHalfDone is a hand-over that can only be ended.
var errHalfDone = errors.New("nobody owns it, or it is so already")

// once sends markers and waits until they are there; way is how long they took.
func (h Hosts) once(ctx context.Context, from, to *remote.Client, log *slog.Logger) (way time.Duration, err error) {
	for i, side := range []*remote.Client{from, to} {
		row, err := side.Row(ctx)
		if err != nil {
			return 0, fmt.Errorf("ask %s: %w", side.Name(), err)
		}
		if row.State != []ownership.State{ownership.Owner, ownership.Follower}[i] {
			return 0, errHalfDone
		}
	}
	began := time.Now()
	number, err := from.Rehearse(ctx)
	if err != nil {
		return 0, err
	}
	log.InfoContext(ctx, "hand-over: rehearses", "resource", h.Resource, "from", from.Name(), "to", to.Name())
	var missing error // what was last said of it: an asking that ctx cut off says nothing
	for {
		err := to.Rehearsed(ctx, number)
		switch {
		case err == nil:
			return time.Since(began), nil
		case ctx.Err() != nil:
			return time.Since(began), errors.Join(cmp.Or(missing, err), ctx.Err())
		case errors.Is(err, remote.ErrUntold) || time.Since(began) > longWay:
			return time.Since(began), err
		}
		missing = err
		_ = pause(ctx, rehearsedEvery) // the next asking finds ctx ended
	}
}
