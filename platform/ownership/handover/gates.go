package handover

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// close closes the gates, unless they are.
func (w *walk) close(ctx context.Context) error {
	if w.Clock.Now().Before(w.until) {
		return nil
	}
	if !w.until.IsZero() {
		return fmt.Errorf("%w: the hold has ended, and the owner is not fenced", ErrUnfinished)
	}
	hold, err := w.Gateways.Hold(ctx, w.Bounds.Hold)
	if errors.Is(err, ErrHeld) { // by one that is at it too, or has died
		w.until = w.Clock.Now().Add(w.Bounds.Hold)
		return nil
	}
	if err != nil {
		return err
	}
	w.hold, w.held = hold, w.Clock.Now()
	w.until = w.held.Add(w.Bounds.Hold)
	w.settleHold(ctx)
	w.tell(ctx, "held", "for", w.Bounds.Hold)
	return nil
}

// settleHold spares those that passed before the detour. No error ends the walk: the fence
// waits for who writes, and turns away who comes after it.
func (w *walk) settleHold(ctx context.Context) {
	switch err := w.hold.Settle(ctx, w.Bounds.Settle); {
	case errors.Is(err, ErrUnderWay):
		w.tell(ctx, "some requests take longer, and meet the fence", "waited", w.Bounds.Settle, "left", err)
	case err != nil:
		w.Logger.WarnContext(ctx, "hand-over: requests under way are not waited for", "resource", w.Resource, "error", err)
	}
}

// route tells the gateways, and lets those go on who wait.
func (w *walk) route(ctx context.Context, owner int, epoch int64) error {
	err := w.Router.Route(ctx, w.Sides[owner].Name(), epoch)
	if errors.Is(err, ErrOutrun) {
		if w.outrun == epoch {
			return fmt.Errorf("%w: %s owns at epoch %d: %w", ErrContradiction, w.Sides[owner].Name(), epoch, err)
		}
		w.outrun = epoch // by one who has moved it on: the rows will say so
		return w.Clock.Pause(ctx, w.Bounds.Poll)
	}
	if err != nil {
		return fmt.Errorf("route %s to %s: %w", w.Resource, w.Sides[owner].Name(), err)
	}
	w.routed = epoch
	w.tell(ctx, "routed", "to", w.Sides[owner].Name(), "epoch", epoch)
	w.release(ctx)
	return nil
}

// releaseWithin bounds what is done after ctx has ended.
const releaseWithin = 5 * time.Second

// release opens the gates, if this walk closed them.
func (w *walk) release(ctx context.Context) {
	if w.hold == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	if err := w.hold.Release(ctx); err != nil {
		w.Logger.WarnContext(ctx, "hand-over: a hold is left to end by itself", "resource", w.Resource, "error", err)
	} else {
		w.tell(ctx, "released")
	}
	w.outcome.Held = w.Clock.Now().Sub(w.held)
	w.hold = nil
}
