package inbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

// source is a partition while it is this member's own: *broker.Partition.
type source interface {
	Fetch(ctx context.Context, max int) ([]broker.Message, error)
	Commit(m broker.Message) error
}

// worker handles one partition in its order.
type worker struct {
	*Inbox
	topic  string
	id     int
	source source
	wake   time.Time // when something has waited long enough; zero: nothing waits
}

// run goes on until ctx ends: the partition is taken away, or the inbox stops.
func (w *worker) run(ctx context.Context) error {
	// What waited when the last owner left may be due by now.
	if err := w.settle(ctx, nil); err != nil {
		return nil
	}
	for {
		messages, err := w.fetch(ctx)
		if err != nil {
			return nil // ctx's
		}
		if err := w.handle(ctx, messages); err != nil {
			return nil
		}
	}
}

// handle settles what was fetched. Its error is ctx's.
func (w *worker) handle(ctx context.Context, messages []broker.Message) error {
	if len(messages) == 0 { // something has waited long enough
		return w.settle(ctx, nil)
	}
	items := make([]item, len(messages))
	for i := range messages {
		items[i] = readItem(messages[i])
	}
	portions := w.portions(w.heard(items))
	for i, portion := range portions {
		if err := w.settle(ctx, portion); err != nil {
			return err
		}
		if i < len(portions)-1 {
			w.commit(ctx, portion[len(portion)-1].message)
		}
	}
	w.commit(ctx, messages[len(messages)-1]) // which may be an ignored one, behind the last portion
	return nil
}

// fetch returns nothing when something has waited long enough.
func (w *worker) fetch(ctx context.Context) ([]broker.Message, error) {
	if w.wake.IsZero() {
		return w.source.Fetch(ctx, w.cfg.Batch)
	}
	until, cancel := context.WithDeadline(ctx, w.wake)
	defer cancel()
	messages, err := w.source.Fetch(until, w.cfg.Batch)
	if err != nil && ctx.Err() == nil {
		return nil, nil
	}
	return messages, err
}

// commit tells Kafka how far the database is. Whatever becomes of it: the messages
// come again, and are duplicates.
func (w *worker) commit(ctx context.Context, last broker.Message) {
	if err := w.source.Commit(last); err != nil {
		w.metrics.commits.Inc()
		w.log.InfoContext(ctx, "offset not committed; its messages come again and are dropped", "topic", w.topic, "partition", w.id, "offset", last.Offset, "error", err)
	}
}

// settle is done when each item is handled, dropped, or put aside: then it is nil.
// Else ctx has ended, and nobody knows of the items but the database.
func (w *worker) settle(ctx context.Context, items []item) error {
	tries := tries{of: map[string]*try{}, aside: map[string]condemned{}}
	paused := 0
	defer func() { w.resume(paused > 0) }()
	for {
		err := w.pass(ctx, items, tries.aside)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var blame *blamed
		switch isBlamed := errors.As(err, &blame); {
		case mustWait(err), len(items) == 0 && !isBlamed, !isBlamed && !isUnblamed(err):
			paused++
			w.pause(ctx, paused, err)
			if sleep(ctx, w.backoff(paused)) != nil {
				return ctx.Err()
			}
		case isBlamed && (len(items) <= 1 || isPermanent(err)) && !tries.put(blame.id):
			w.metrics.retries.Inc()
			if n := tries.count(blame.id, err, w.cfg.Attempts); n > 0 && sleep(ctx, w.backoff(n)) != nil {
				return ctx.Err()
			}
		case len(items) > 1:
			if err := w.settle(ctx, items[:len(items)/2]); err != nil {
				return err
			}
			items = items[len(items)/2:]
		default:
			// A handler that blames an event which it was not given. There is one item.
			tries.condemn(items[0].event.ID, KindPermanent, err)
		}
	}
}

func isUnblamed(err error) bool {
	var u *unblamed
	return errors.As(err, &u)
}

// pass is one attempt. What it did is noted when it is committed.
func (w *worker) pass(ctx context.Context, items []item, aside map[string]condemned) error {
	if err := w.prepare(ctx, items, aside); err != nil {
		return err
	}
	var p *pass
	err := w.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
		p = &pass{w: w, tx: tx, items: items, condemned: aside}
		return p.explain(p.run(ctx))
	})
	if err != nil {
		if p != nil {
			err = p.explain(err) // what the commit said
		}
		return err
	}
	w.wake = p.outcome.wake
	w.note(ctx, &p.outcome)
	return nil
}

// tries counts failures by event, and holds who is put aside for it.
type tries struct {
	of    map[string]*try
	aside map[string]condemned
}

type try struct {
	n     int
	first time.Time
}

// put tells whether the event was put aside already.
func (t *tries) put(id string) bool {
	_, is := t.aside[id]
	return is
}

// count notes a failure and returns its number, or 0 when the event is put aside now.
func (t *tries) count(id string, err error, limit int) int {
	one := t.of[id]
	if one == nil {
		one = &try{first: time.Now().UTC()}
		t.of[id] = one
	}
	one.n++
	switch {
	case isPermanent(err):
		t.condemn(id, KindPermanent, err)
	case one.n >= limit:
		t.condemn(id, KindExhausted, err)
	default:
		return one.n
	}
	return 0
}

func (t *tries) condemn(id, kind string, err error) {
	c := condemned{kind: kind, reason: err.Error(), attempts: 1, first: time.Now().UTC()}
	if one := t.of[id]; one != nil {
		c.attempts, c.first = one.n, one.first
	}
	t.aside[id] = c
}

// backoff doubles, up to its bound; half of it is random, so that partitions which
// lost the same database don't come back at once
// (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
func (b *Inbox) backoff(n int) time.Duration {
	limit := min(b.cfg.Backoff<<min(n-1, 16), b.cfg.MaxBackoff)
	return limit/2 + rand.N(limit/2+1)
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
