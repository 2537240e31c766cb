package handover_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

var (
	errKilled = errors.New("the coordinator was killed")
	errLost   = errors.New("the answer was lost on its way")
	errDown   = errors.New("connection refused")
)

// verdict is what becomes of one call of a coordinator.
type verdict int

const (
	runs verdict = iota
	losesAnswer
	diesBefore
	diesAfter
)

// tool is a coordinator as it is, in a goroutine of its own, that is let through one
// call to the outside at a time. So the test decides the order of everything.
type tool struct {
	w    *walk
	name string
	to   string

	busy   bool
	at     string // the call that it waits to make
	arrive chan string
	let    chan verdict
	done   chan error
	cancel context.CancelFunc
	dead   bool
	paused int
	seen   [2]ownership.Row // what it read, for mutants

	outcome handover.Outcome
	err     error
}

// start lets it begin to move the ownership.
func (t *tool) start(to string) {
	ctx, cancel := context.WithCancel(context.Background())
	*t = tool{w: t.w, name: t.name, to: to, busy: true, cancel: cancel, arrive: make(chan string), let: make(chan verdict), done: make(chan error, 1)}
	c, err := handover.New(handover.Config{
		Resource: "comments", Sides: [2]handover.Side{&remote{t, 0}, &remote{t, 1}}, Gateways: &gates{t}, Router: &router{t}, By: t.name, Clock: &clock{t},
		Logger: t.w.logger,
	})
	if err != nil {
		panic(err)
	}
	go func() {
		var err error
		t.outcome, err = c.Move(ctx, to)
		t.done <- err
	}()
	t.await()
}

// await returns when it stands before its next call, or has ended.
func (t *tool) await() {
	select {
	case t.at = <-t.arrive:
	case err := <-t.done:
		t.err = err
		t.cancel()
		t.busy, t.at = false, ""
		t.w.ended(t, err)
	}
}

// step lets it make one call.
func (t *tool) step(v verdict) {
	t.let <- v
	t.await()
}

// call is where a coordinator waits. A dead one does nothing any more.
func (t *tool) call(name string, do func() error) error {
	if t.dead {
		return errKilled
	}
	t.arrive <- name
	v := <-t.let
	if v == diesBefore {
		return t.die()
	}
	err := do()
	switch v {
	case diesAfter:
		return t.die()
	case losesAnswer:
		return errLost
	default:
		return err
	}
}

func (t *tool) die() error {
	t.dead = true
	t.cancel()
	return errKilled
}

// remote is a side, some network away.
type remote struct {
	t *tool
	i int
}

func (r *remote) site() *site { return r.t.w.sites[r.i] }

func (r *remote) Name() string { return r.site().name }

func (r *remote) Row(context.Context) (row ownership.Row, err error) {
	err = r.t.call("read "+r.Name(), func() (err error) {
		if r.site().down {
			return errDown
		}
		row, err = r.site().Row(context.Background())
		r.t.seen[r.i] = row
		if r.i == 1 {
			r.t.mutate()
		}
		return err
	})
	return row, err
}

func (r *remote) Ready(_ context.Context, epoch int64) error {
	return r.t.call("ask "+r.Name(), func() error { return r.site().Ready(context.Background(), epoch) })
}

func (r *remote) Do(_ context.Context, o ownership.Order) (row ownership.Row, err error) {
	err = r.t.call(string(o.Move)+" "+r.Name(), func() (err error) {
		if r.site().down {
			return errDown
		}
		if o.Move == ownership.Bar && !r.t.w.rules.bar { // unfenced at once
			o = ownership.Order{Move: ownership.Unfence, Epoch: o.Epoch, Other: ownership.Row{State: ownership.Follower, Epoch: o.Epoch + 1}}
			_, err = r.site().other.Do(context.Background(), o)
			return err
		}
		row, err = r.site().Do(context.Background(), o)
		return err
	})
	return row, err
}

// mutate does what a coordinator would that minds no epochs, right after it has read
// both rows, the second one just now.
func (t *tool) mutate() {
	a, b := t.seen[0], t.seen[1]
	o := ownership.Order{Epoch: b.Epoch}
	switch {
	case !t.w.rules.demoteByEpoch && a.State == ownership.Owner && a.Epoch != b.Epoch+1 && b.State == ownership.Fenced:
		o.Move, o.Other = ownership.Demote, ownership.Row{State: ownership.Owner, Epoch: b.Epoch + 1}
	case !t.w.rules.fenceByEpoch && a.State == ownership.Follower && a.Epoch < b.Epoch-1 && b.State == ownership.Owner:
		o.Move, o.Other = ownership.Fence, ownership.Row{State: ownership.Follower, Epoch: b.Epoch}
	default:
		return
	}
	_, _ = t.w.sites[1].Do(context.Background(), o)
}

// gates are the gateways' holds. They end by themselves.
type gates struct{ t *tool }

func (g *gates) Hold(_ context.Context, lasting time.Duration) (hold handover.Hold, err error) {
	err = g.t.call("hold", func() error {
		w := g.t.w
		if w.now.Before(w.held) {
			return handover.ErrHeld
		}
		w.held = w.now.Add(lasting)
		return nil
	})
	return &closed{g.t}, err
}

type closed struct{ t *tool }

func (h *closed) Settle(context.Context, time.Duration) error { return h.t.w.settles }

func (h *closed) Release(context.Context) error {
	return h.t.call("release", func() error { h.t.w.held = time.Time{}; return nil })
}

// router writes the file of routes; gateways learn of it late, each on its own.
type router struct{ t *tool }

func (r *router) Route(_ context.Context, owner string, epoch int64) error {
	return r.t.call("route "+owner, func() error {
		w := r.t.w
		if epoch < w.routedEpoch {
			return handover.ErrOutrun
		}
		w.routedEpoch = epoch
		w.routes = append(w.routes, slices.IndexFunc(w.sites[:], func(s *site) bool { return s.name == owner }))
		return nil
	})
}

// clock stands still but for what the test lets pass, and for pauses.
type clock struct{ t *tool }

func (c *clock) Now() time.Time { return c.t.w.now }

func (c *clock) Pause(_ context.Context, d time.Duration) error {
	return c.t.call("pause", func() error { c.t.w.now = c.t.w.now.Add(d); return nil })
}
