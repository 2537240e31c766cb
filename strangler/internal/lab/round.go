package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"banyan.dev/strangler/internal/lab/notes"
)

// round lets clients write while processes are killed and the way does what it does,
// and returns when all that was begun has come to its end.
func (t *trial) round(ctx context.Context) error {
	life, cancel := context.WithTimeout(ctx, t.world.cfg.Length+patience)
	defer cancel()
	killing, spare := context.WithCancel(life)
	defer spare()
	stopping := make(chan struct{})
	var all, killer errgroup.Group
	killer.Go(func() error { return t.crew.kill(killing, t.random) })
	for _, p := range t.people {
		all.Go(func() error { return p.live(life, stopping) })
	}
	end := time.Now().Add(t.world.cfg.Length)
	var err error
	if t.way.meanwhile != nil {
		err = t.way.meanwhile(life, t)
	}
	err = cmp.Or(err, pause(life, time.Until(end)))
	spare()
	err = errors.Join(err, killer.Wait())
	close(stopping)
	if err = errors.Join(err, all.Wait()); err != nil {
		return err
	}
	return t.settle(life)
}

// settle waits until nothing is under way any more: no transaction of a writer, nothing
// in the outboxes, nothing on the topics.
func (t *trial) settle(ctx context.Context) error {
	quiet := 0
	var last error
	for quiet < 3 { // a statement of a dead writer may commit between two looks
		still, err := t.still(ctx)
		if quiet++; !still || err != nil {
			quiet, last = 0, err
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("what was written did not come to rest: %w", errors.Join(ctx.Err(), last))
		}
	}
	return nil
}

func (t *trial) still(ctx context.Context) (bool, error) {
	for _, side := range []string{oldSide, newSide} {
		busy, err := t.busy(ctx, side)
		if err != nil || busy > 0 {
			return false, err
		}
	}
	if t.way.oldFeeds {
		if n, err := t.behind(ctx, newSide); err != nil || n > 0 {
			return false, err
		}
	}
	if t.way.newFeeds {
		if n, err := t.behind(ctx, oldSide); err != nil || n > 0 {
			return false, err
		}
	}
	return true, nil
}

// busy counts a side's transactions under way and the events in its outbox.
func (t *trial) busy(ctx context.Context, side string) (n int, err error) {
	store := t.old
	if side == newSide {
		store = t.new
	}
	err = store.SQL().QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1 AND state <> 'idle'`, writerNamed).Scan(&n)
	if err != nil || n > 0 || t.config(side).Feed.Name == "" {
		return n, err
	}
	return store.Unpublished(ctx)
}

// behind is how many events a side's consumer has before it: the lag.
func (t *trial) behind(ctx context.Context, side string) (n int64, err error) {
	topic := t.topics[0].Name
	if side == oldSide {
		topic = t.topics[1].Name
	}
	lags, err := t.world.broker.Lag(ctx, group(topic), topic)
	for _, l := range lags {
		n += l.Behind()
	}
	return n, err
}

func (t *trial) judge(ctx context.Context) (Counts, error) {
	var sides [2]held
	for i, store := range []*notes.Store{t.old, t.new} {
		all, keys, err := store.All(ctx)
		if err != nil {
			return Counts{}, err
		}
		sides[i] = holding(all, keys)
	}
	c := judge(t.history.all, t.seeds, sides[0], sides[1])
	c.Moves = t.moves
	return c, nil
}
