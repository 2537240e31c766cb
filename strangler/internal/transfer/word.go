package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// Word is who owns a resource, to be told to gateways.
type Word struct {
	Resource, Owner string
	Epoch           int64
	// Out are gateways that were silent a moment ago: each is tried once.
	Out []string
}

const (
	// knowsWithin is how long a gateway that answers may refuse: it may not have read a
	// file yet that has the resource, or the owner.
	knowsWithin = 15 * time.Second
	// silentWithin is how long one that does not answer is tried again.
	silentWithin = 2 * time.Second
	// tellAgain is the pause before that.
	tellAgain = 20 * time.Millisecond
)

// errSilent is a gateway that gives no answer.
var errSilent = errors.New("it does not answer")

// Tell tells all gateways side by side, and returns when each has the epoch in force,
// or a revision of its file that says so. Only epochs are compared: that somebody steers
// a canary there does no harm. opened is called for each that knows, at once, from
// goroutines of its own; it may be nil.
//
// One that is silent is left out, with a warning: it reads the file when it comes back.
// It is an error if all are. handover.ErrOutrun is a gateway that knows a newer owner.
func Tell(ctx context.Context, fleet ramp.Gateways, w Word, opened func(gateway string), log *slog.Logger) error {
	errs := make([]error, len(fleet.URLs))
	var all sync.WaitGroup
	for i, url := range fleet.URLs {
		all.Go(func() {
			if errs[i] = w.until(ctx, fleet, url); errs[i] == nil && opened != nil {
				opened(url)
			}
		})
	}
	all.Wait()
	silent := 0
	for i, err := range errs {
		if !errors.Is(err, errSilent) {
			continue
		}
		silent++
		warn(ctx, log, "a gateway was not told who owns, and reads its file when it comes back", fleet.URLs[i], err)
		errs[i] = nil
	}
	if silent > 0 && silent == len(errs) {
		return fmt.Errorf("no gateway answers: nobody could be told that %s owns %s", w.Owner, w.Resource)
	}
	return errors.Join(errs...)
}

// until tells one gateway until it knows.
func (w Word) until(ctx context.Context, fleet ramp.Gateways, url string) error {
	began := time.Now()
	for {
		err := w.once(ctx, fleet, url)
		var answer *ramp.AnswerError
		patience := knowsWithin
		if err != nil && !errors.As(err, &answer) {
			patience = silentWithin
			if slices.Contains(w.Out, url) {
				patience = 0
			}
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, handover.ErrOutrun), errors.Is(err, handover.ErrContradiction), ctx.Err() != nil:
			return err
		case answer != nil && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden):
			return err
		case time.Since(began) > patience && answer == nil:
			return fmt.Errorf("%w: %w", errSilent, err)
		case time.Since(began) > patience:
			return fmt.Errorf("the gateway at %s does not know that %s owns %s at epoch %d: %w", url, w.Owner, w.Resource, w.Epoch, err)
		}
		if err := pause(ctx, tellAgain); err != nil {
			return err
		}
	}
}

// once tells a gateway, and compares with what it has if it refuses: its file may have
// been faster.
func (w Word) once(ctx context.Context, fleet ramp.Gateways, url string) error {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	_, refused := fleet.Give(ctx, url, w.Resource, w.Owner, w.Epoch)
	if refused == nil {
		return nil
	}
	has, err := fleet.Owned(ctx, url, w.Resource)
	if err != nil {
		return refused
	}
	if has.Owner == w.Owner && has.Epoch == w.Epoch {
		return nil
	}
	if err := Newer(w.Resource, ramp.Ownership{Owner: has.Owner, Epoch: has.Epoch}, w.Owner, w.Epoch); err != nil {
		return fmt.Errorf("the gateway at %s: %w", url, err)
	}
	return refused
}
