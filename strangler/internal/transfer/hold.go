package transfer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// hold implements handover.Hold.
type hold struct {
	fleet ramp.Gateways

	mu    sync.Mutex
	holds []ramp.Hold
	// lost are those of which nobody knows: such a gateway counts as one that holds
	// nothing, and is asked once more in the end.
	lost []*ramp.LostHold
}

// Settle implements handover.Hold.
func (h *hold) Settle(ctx context.Context, within time.Duration) error {
	h.mu.Lock()
	holds := h.holds
	h.mu.Unlock()
	err := h.fleet.Settle(ctx, holds, within)
	if errors.Is(err, ramp.ErrUnderWay) {
		return fmt.Errorf("%w: %w", handover.ErrUnderWay, err)
	}
	return err
}

// Release implements handover.Hold.
func (h *hold) Release(ctx context.Context) error {
	h.mu.Lock()
	holds, lost := h.holds, h.lost
	h.holds, h.lost = nil, nil
	h.mu.Unlock()
	err := release(ctx, h.fleet, holds)
	return errors.Join(err, release(ctx, h.fleet, h.find(ctx, lost)))
}

// find looks for holds that may be there. One whose gateway is still silent ends by
// itself.
func (h *hold) find(ctx context.Context, lost []*ramp.LostHold) (found []ramp.Hold) {
	for _, one := range lost {
		if there, ok, err := h.fleet.Find(ctx, one); ok && err == nil {
			found = append(found, there)
		}
	}
	return found
}

// open lets go on who waits at one gateway.
func (h *hold) open(ctx context.Context, gateway string) error {
	h.mu.Lock()
	var here, others []ramp.Hold
	for _, one := range h.holds {
		if one.Gateway == gateway {
			here = append(here, one)
		} else {
			others = append(others, one)
		}
	}
	h.holds = others
	h.mu.Unlock()
	return release(ctx, h.fleet, here)
}

// without are those of the gateways that nothing is held at.
func (h *hold) without(gateways []string) (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, url := range gateways {
		if !slices.ContainsFunc(h.holds, func(one ramp.Hold) bool { return one.Gateway == url }) {
			out = append(out, url)
		}
	}
	return out
}

func (h *hold) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.holds) == 0
}

// release ends holds side by side. One that has ended by itself is no error.
func release(ctx context.Context, fleet ramp.Gateways, holds []ramp.Hold) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	errs := make([]error, len(holds))
	var all sync.WaitGroup
	for i, one := range holds {
		all.Go(func() {
			var answer *ramp.AnswerError
			if err := fleet.Release(ctx, one); !errors.As(err, &answer) || answer.Status != http.StatusNotFound {
				errs[i] = err
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
