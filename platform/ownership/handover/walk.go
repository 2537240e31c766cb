package handover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"banyan.dev/platform/ownership"
)

// walk is one Move under way. What it keeps is for comfort and for the report; the
// way itself is in the two rows.
type walk struct {
	Config
	wanted int // whom the caller wants
	goal   int // whom it tries for now: the other one, once it has given up
	why    error

	last    Pair
	strange bool // last was one that decides nothing

	hold    Hold
	until   time.Time // when the hold ends by itself
	held    time.Time // when it began
	ready   bool
	fenced  time.Time // when it was fenced by this walk, or found so
	mine    bool      // fenced by this walk
	reached bool      // the wanted side has owned
	routed  int64     // the epoch that the routes are of
	outrun  int64     // the epoch that they were found to be beyond
	outcome Outcome

	complaint string // the last error that was logged
	asked     string // the last move whose outcome is not known, in words
}

// run takes steps until one ends it. An error that may pass is waited out.
func (w *walk) run(ctx context.Context) (Outcome, error) {
	for {
		done, err := w.step(ctx)
		switch {
		case done:
			return w.outcome, w.why
		case ctx.Err() != nil:
			return w.outcome, w.unfinished(ctx.Err(), err)
		case final(err):
			return w.outcome, err
		case err != nil:
			w.complain(ctx, err)
			if err := w.Clock.Pause(ctx, w.Bounds.Retry); err != nil {
				return w.outcome, w.unfinished(err, nil)
			}
		}
	}
}

// complain logs an error that is waited out, unless it is the last one once more: a host
// that is away for a minute is so some hundred times.
func (w *walk) complain(ctx context.Context, err error) {
	if text := err.Error(); text != w.complaint {
		w.complaint = text
		w.Logger.WarnContext(ctx, "hand-over: tried again", "resource", w.Resource, "error", err)
	}
}

// unfinished says what users see until somebody goes on.
func (w *walk) unfinished(ended, last error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnfinished, w.meanwhile(), errors.Join(ended, last))
}

// meanwhile is what is known of the rows.
func (w *walk) meanwhile() string {
	for i, r := range w.last {
		if r.State == ownership.Fenced {
			return fmt.Sprintf("%s is %s and %s is %s: unless the latter owns, writes get 503 until this is run again",
				w.Sides[i].Name(), r, w.Sides[1-i].Name(), w.last[1-i])
		}
	}
	switch {
	case w.reached:
		return fmt.Sprintf("%s is %s and %s is %s, and only the last look at them is missing", w.Sides[0].Name(), w.last[0], w.Sides[1].Name(), w.last[1])
	case w.asked != "":
		return w.asked + ", and did not answer: if it did so, writes get 503 until this is run again"
	default:
		return "nothing was begun"
	}
}

// step reads, decides, and does one thing.
func (w *walk) step(ctx context.Context) (done bool, err error) {
	p, err := w.read(ctx)
	if err != nil {
		return false, err
	}
	next := Decide(p, w.goal)
	if w.reached && w.begins(next) {
		return false, ErrMovedOn
	}
	w.Logger.DebugContext(ctx, "hand-over", "resource", w.Resource, "step", next.Step, "epoch", next.Epoch)
	switch next.Step {
	case StepDone:
		return w.settle(ctx, next)
	case StepFence:
		return false, w.fence(ctx, p, next)
	case StepTake:
		return false, w.take(ctx, p, next)
	case StepBar:
		_, err := w.do(ctx, p, next)
		return false, err
	case StepUnfence:
		return false, w.unfence(ctx, p, next)
	case StepDemote:
		return false, w.demote(ctx, p, next)
	default:
		return false, w.Clock.Pause(ctx, w.Bounds.Poll)
	}
}

// begins tells whether a step is one of another hand-over than the one that this walk
// has seen through: whoever wants that one does it.
func (w *walk) begins(next Next) bool {
	switch next.Step {
	case StepReread:
		return false
	case StepDone:
		return next.At != w.wanted
	case StepDemote:
		return next.At == w.wanted
	default:
		return true
	}
}

// read reads the two rows, one after the other. A fenced side that does not answer is
// taken to be fenced still: old readings are no danger, and the other side can take
// without it. They prove nothing either: where such a pair decides nothing, the side
// is asked again, and no contradiction is made of it.
func (w *walk) read(ctx context.Context) (p Pair, err error) {
	var silent error
	for i, s := range w.Sides {
		if p[i], err = s.Row(ctx); err == nil {
			continue
		}
		err = fmt.Errorf("ask %s: %w", s.Name(), err)
		if w.last[i].State != ownership.Fenced || final(err) || ctx.Err() != nil {
			return p, err
		}
		p[i], silent = w.last[i], err
	}
	if silent != nil && Decide(p, w.goal).Step == StepReread {
		return p, silent
	}
	return p, w.check(p)
}

// check remembers a reading. One that decides nothing, twice, is an error.
func (w *walk) check(p Pair) error {
	strange := Decide(p, w.goal).Step == StepReread
	if strange && w.strange && same(p, w.last) {
		return fmt.Errorf("%w: %s is %s and %s is %s: stop all writes and find out which one is right",
			ErrContradiction, w.Sides[0].Name(), p[0], w.Sides[1].Name(), p[1])
	}
	w.last, w.strange = p, strange
	return nil
}

// same tells whether two readings are alike. Rows never come back to an old state and
// epoch: when the first row is the same before and after the second was read, both
// were so at one time (a double collect: Afek et al., "Atomic Snapshots of Shared
// Memory", JACM 1993).
func same(p, q Pair) bool {
	return p[0].Is(q[0].State, q[0].Epoch) && p[1].Is(q[1].State, q[1].Epoch)
}

// do tries a move. That a row has moved on is no error: the next reading tells.
func (w *walk) do(ctx context.Context, p Pair, next Next) (moved bool, err error) {
	w.asked = fmt.Sprintf("%s was asked to %s at %d", w.Sides[next.At].Name(), next.Step, next.Epoch)
	row, err := w.Sides[next.At].Do(ctx, ownership.Order{
		Move: ownership.Move(next.Step), Epoch: next.Epoch, Other: p[1-next.At], By: w.By,
	})
	switch {
	case errors.Is(err, ownership.ErrStale) || errors.Is(err, ownership.ErrUnproven):
		w.asked = ""
		return false, nil
	case err != nil:
		return false, err
	}
	w.asked = ""
	w.last[next.At] = row // should it die before it is read again
	w.tell(ctx, "moved", "move", next.Step, "side", w.Sides[next.At].Name(), "epoch", next.Epoch)
	return true, nil
}

// tell logs where it is: once for each thing that is done, right after it, and before
// the next is tried. Who wants to break it at a moment goes by these lines.
func (w *walk) tell(ctx context.Context, what string, attrs ...any) {
	w.Logger.InfoContext(ctx, "hand-over: "+what, append([]any{"resource", w.Resource}, attrs...)...)
}

// settle ends the walk when the routes say what the rows say. After routing the rows
// are read once more.
func (w *walk) settle(ctx context.Context, next Next) (done bool, err error) {
	w.reached = w.reached || next.At == w.wanted
	if w.routed != next.Epoch {
		return false, w.route(ctx, next.At, next.Epoch)
	}
	w.outcome.Owner, w.outcome.Epoch = w.Sides[next.At].Name(), next.Epoch
	return true, nil
}

// fence begins: only when the other side could take, and with the gates closed. Nobody
// owns from then on: the rows are not read again before the take, which is a swap and
// needs no more than what is known of them.
func (w *walk) fence(ctx context.Context, p Pair, next Next) error {
	if !w.ready {
		if err := w.Sides[w.wanted].Ready(ctx, next.Epoch); err != nil {
			return err
		}
		w.ready = true
		w.tell(ctx, "begins", "from", w.Sides[next.At].Name(), "to", w.Sides[w.wanted].Name(), "epoch", next.Epoch)
	}
	if err := w.close(ctx); err != nil {
		return fmt.Errorf("hold requests at the gateways: %w", err)
	}
	moved, err := w.do(ctx, p, next)
	if !moved {
		return err
	}
	w.fenced, w.mine = w.Clock.Now(), true
	p[next.At] = w.last[next.At]
	if next = Decide(p, w.goal); next.Step == StepTake {
		return w.take(ctx, p, next)
	}
	return nil
}

// take tries until all is there, or the time is up. That it is taken is told to the
// gateways at once, since people wait; and noted before that, since somebody may move
// it on meanwhile.
func (w *walk) take(ctx context.Context, p Pair, next Next) error {
	if w.fenced.IsZero() {
		w.fenced = w.Clock.Now()
	}
	for w.Clock.Now().Sub(w.fenced) <= w.Bounds.Drain {
		moved, err := w.do(ctx, p, next)
		switch {
		case errors.Is(err, ownership.ErrNotDrained):
			if err := w.Clock.Pause(ctx, w.Bounds.Poll); err != nil {
				return err
			}
			continue
		case errors.Is(err, ownership.ErrNotReady):
			w.giveUp(err)
			return nil
		case !moved:
			return err
		}
		if w.mine {
			w.outcome.Unowned = w.Clock.Now().Sub(w.fenced)
		}
		w.reached = w.reached || next.At == w.wanted
		return w.route(ctx, next.At, w.last[next.At].Epoch)
	}
	w.giveUp(fmt.Errorf("%s had not taken %s after the fence", w.Sides[next.At].Name(), w.Bounds.Drain))
	return nil
}

// giveUp turns round: from now on the walk tries for who was fenced.
func (w *walk) giveUp(why error) {
	w.why = fmt.Errorf("%w: %w", ErrGaveUp, why)
	w.goal = 1 - w.wanted
}

// unfence lets the fenced one write again; when somebody else has barred, there is no
// other way left.
func (w *walk) unfence(ctx context.Context, p Pair, next Next) error {
	if next.At != w.goal {
		w.giveUp(errors.New("another coordinator has given it up"))
	}
	_, err := w.do(ctx, p, next)
	return err
}

// demote is after the routes: users wait for these, and for a demotion nobody does.
func (w *walk) demote(ctx context.Context, p Pair, next Next) error {
	taker := 1 - next.At
	w.reached = w.reached || taker == w.wanted
	if w.routed != p[taker].Epoch {
		return w.route(ctx, taker, p[taker].Epoch)
	}
	_, err := w.do(ctx, p, next)
	return err
}
