package tour

import (
	"context"
	"errors"
	"fmt"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

// observer stands between a walk's actions: it tells the users what is known to
// sign them out, sends them to another address, and shows demos at marks.
type observer struct {
	tour *tour
	stop func() int
}

// Before implements plan.Observer.
func (o *observer) Before(_ context.Context, w plan.Walk, i int) error {
	a := w.Actions[i]
	o.tour.Watch.Action(a.String(), a.Because)
	o.stop = o.tour.expect(a)
	return nil
}

// After implements plan.Observer.
func (o *observer) After(ctx context.Context, w plan.Walk, i int, err error) error {
	o.stop()
	if err != nil {
		return nil // the walk ends by it
	}
	a := w.Actions[i]
	o.tour.entry.Store(o.tour.run.EntryURL())
	if a.Verb == steps.Handover {
		o.tour.handedOver(ctx)
	}
	if a.Mark == "" {
		return nil
	}
	at, err := o.tour.Path.Index(w.Step)
	if err != nil {
		return err
	}
	return o.tour.demos(ctx, o.tour.Path.Steps[at], a.Mark)
}

// handedOver is what users noticed of a hand-over: a wait, and never a refusal.
func (t *tour) handedOver(ctx context.Context) {
	h := t.run.Handed()
	if h == nil {
		return
	}
	var err error
	if h.Waited.Refused > 0 {
		err = errors.New(h.String())
	}
	t.checked(ctx, fmt.Sprintf("%s is handed over to %s, and nobody is sent away", h.Resource, h.Owner), h.String(), err)
}

// expect makes the sign-outs of an action expected, until stop.
func (t *tour) expect(a steps.Action) (stop func() int) {
	if !a.SignsOut {
		return func() int { return 0 }
	}
	going := map[string]bool{}
	for _, name := range t.run.Ends(a) {
		going[name] = true
	}
	everyone := len(going) == t.run.Replicas(a.Process)
	return t.load.ExpectSignOuts(func(servedBy string) bool { return everyone || going[lastPart(servedBy)] })
}
