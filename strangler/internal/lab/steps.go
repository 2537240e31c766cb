package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/lab/notes"
)

// steps is the way of this repository: feeds both ways through outbox, relay and
// inbox, a backfill through the same feed, and ownership that is handed over by epoch.
func steps() way {
	return way{
		name: "steps", title: "the way of the steps", oldFeeds: true, newFeeds: true, writesAtNew: true, guarded: true, unsown: true,
		why: "A write and its event are one transaction, so no death comes between. Each writing transaction asks who owns, and the fence " +
			"waits for it; the other side takes when it has applied the marker behind the last event. Keys travel, and a deletion is a version.",
		meanwhile: backfillAndMove,
		shows:     func(c Counts) int { return c.Moves / 2 },
	}
}

const copyAtOnce = 100

// backfillAndMove is a round: the backfill, a broker that goes away, the hand-over to
// the new side and the one back, each while relays die and inboxes lose the database.
func backfillAndMove(ctx context.Context, t *trial) error {
	if err := t.backfill(ctx); err != nil {
		return err
	}
	if err := t.world.away(ctx, t.part(6)); err != nil {
		return err
	}
	return t.thereAndBack(ctx, t.handOver)
}

func (t *trial) backfill(ctx context.Context) error {
	for after := ""; !t.copied; {
		last, err := t.old.Copy(ctx, after, copyAtOnce)
		if err != nil {
			return err
		}
		after, t.copied = last, last == ""
	}
	return nil
}

// handOver moves the ownership. One that was given up, because the broker was away or
// a relay was killed for too long, is tried again, as an operator would.
func (t *trial) handOver(ctx context.Context, to string) error {
	if err := t.cut(ctx); err != nil {
		return err
	}
	c, err := handover.New(handover.Config{
		Resource: notes.Resource, Sides: [2]handover.Side{t.old.Side(), t.new.Side()}, Gateways: t.front, Router: t.front,
		By: "lab", Bounds: handover.Bounds{Settle: 100 * time.Millisecond},
	})
	if err != nil {
		return err
	}
	for {
		_, err := c.Move(ctx, to)
		if err == nil {
			t.moves++
			return nil
		}
		if !errors.Is(err, handover.ErrGaveUp) && !errors.Is(err, ownership.ErrNotReady) && !errors.Is(err, ownership.ErrBusy) {
			return fmt.Errorf("hand over to %s: %w", to, err)
		}
		t.gaveUp++
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// cut ends this process's sessions in both databases, in the middle of whatever the
// inboxes do.
func (t *trial) cut(ctx context.Context) error {
	for _, s := range []*notes.Store{t.old, t.new} {
		_, err := s.SQL().ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`, ownNamed)
		if err != nil {
			return fmt.Errorf("cut the sessions of the inbox: %w", err)
		}
	}
	return nil
}

// adopt says who owns on the first day.
func (t *trial) adopt(ctx context.Context) error {
	_, err := t.old.Side().Adopt(ctx, ownership.Owner, "lab")
	if err == nil {
		_, err = t.new.Side().Adopt(ctx, ownership.Follower, "lab")
	}
	return err
}
