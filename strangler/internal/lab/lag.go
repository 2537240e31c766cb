package lab

import (
	"context"
	"time"
)

// lagZero has good feeds both ways and moves the route when the consumer's lag is 0.
func lagZero() way {
	return way{
		name: "lag-zero", title: "lag 0 taken as drained", red: true, oldFeeds: true, newFeeds: true, writesAtNew: true,
		why: "Lag counts what is on the topic. What is in the outbox, since the relay was killed, and what is in a transaction, is not " +
			"there yet: the other side writes the next version before it has the last, and one of the two is dropped as old.",
		meanwhile: func(ctx context.Context, t *trial) error {
			return t.thereAndBack(ctx, t.flipAtLagZero)
		},
		shows: func(c Counts) int { return c.Lost + c.Twice },
	}
}

// thereAndBack moves the writes to the new side and later back, each time just after
// a relay has died.
func (t *trial) thereAndBack(ctx context.Context, move func(ctx context.Context, to string) error) error {
	for _, sides := range [][2]string{{oldSide, newSide}, {newSide, oldSide}} {
		from, to := sides[0], sides[1]
		if err := t.sleep(ctx, 3); err != nil {
			return err
		}
		if err := t.crew.bereft(ctx, from, func() error { return move(ctx, to) }); err != nil {
			return err
		}
	}
	return nil
}

// flipAtLagZero holds new requests, waits for those under way and until the lag is 0,
// and lets them go on to the other side.
func (t *trial) flipAtLagZero(ctx context.Context, to string) error {
	hold, err := t.front.Hold(ctx, 10*time.Second)
	if err != nil {
		return err
	}
	_ = hold.Settle(ctx, 200*time.Millisecond) // it has no errors
	for {
		if behind, err := t.behind(ctx, to); err == nil && behind == 0 {
			break
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	t.front.flip(to)
	return hold.Release(ctx)
}
