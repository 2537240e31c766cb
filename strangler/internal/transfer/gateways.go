package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// Gateways holds routes at all gateways together, for a hand-over. It is safe for
// concurrent use.
type Gateways struct {
	Fleet  ramp.Gateways
	Routes []string // those of the resource, and pages that write it
	Logger *slog.Logger
}

var _ handover.Gateways = Gateways{}

// Hold implements handover.Gateways. A gateway that does not answer, or is about to
// end, is left out: it is not ready, and what it would send to the wrong side is
// refused there and sent again.
func (g Gateways) Hold(ctx context.Context, lasting time.Duration) (handover.Hold, error) {
	h := &hold{fleet: g.Fleet}
	ready, err := Ready(ctx, g.Fleet, g.Logger)
	if err != nil {
		return nil, err
	}
	for _, url := range ready.URLs {
		one, err := g.Fleet.Hold(ctx, url, g.Routes, lasting)
		if err != nil {
			return nil, errors.Join(g.refused(err), h.Release(context.WithoutCancel(ctx)))
		}
		h.holds = append(h.holds, one)
	}
	return h, nil
}

func (g Gateways) refused(err error) error {
	var answer *ramp.AnswerError
	if errors.As(err, &answer) && answer.Status == http.StatusConflict {
		return fmt.Errorf("%w: %w", handover.ErrHeld, err)
	}
	return fmt.Errorf("hold %s: %w", strings.Join(g.Routes, ", "), err)
}

// Forget releases what another one left held: one that has died. It is for a caller
// that knows that there is no other.
func (g Gateways) Forget(ctx context.Context) error {
	ready, err := Ready(ctx, g.Fleet, g.Logger)
	if err != nil {
		return err
	}
	all, err := ready.Status(ctx)
	if err != nil {
		return err
	}
	var left []ramp.Hold
	for _, s := range all {
		seen := map[string]bool{}
		for _, name := range g.Routes {
			r, err := s.Route(name)
			if err == nil && r.Hold.Held && r.Hold.ID != "" && !seen[r.Hold.ID] {
				seen[r.Hold.ID] = true
				left = append(left, ramp.Hold{Gateway: s.URL, ID: r.Hold.ID})
			}
		}
	}
	return (&hold{fleet: g.Fleet, holds: left}).Release(ctx)
}

// Ready are the gateways that answer and don't drain; none is no error where there
// are none at all.
func Ready(ctx context.Context, fleet ramp.Gateways, log *slog.Logger) (ramp.Gateways, error) {
	ready := fleet
	ready.URLs = nil
	var errs []error
	for _, url := range fleet.URLs {
		one := fleet
		one.URLs = []string{url}
		if _, err := one.Status(ctx); err != nil {
			errs = append(errs, err)
			if log != nil {
				log.WarnContext(ctx, "a gateway is left out", "gateway", url, "error", err)
			}
			continue
		}
		ready.URLs = append(ready.URLs, url)
	}
	if len(ready.URLs) == 0 && len(fleet.URLs) > 0 {
		return ready, fmt.Errorf("no gateway is ready: %w", errors.Join(errs...))
	}
	return ready, nil
}

// hold implements handover.Hold.
type hold struct {
	fleet ramp.Gateways
	holds []ramp.Hold
}

// Settle implements handover.Hold.
func (h *hold) Settle(ctx context.Context, within time.Duration) error {
	return h.fleet.Settle(ctx, h.holds, within)
}

// Release implements handover.Hold.
func (h *hold) Release(ctx context.Context) error {
	var errs []error
	for _, one := range h.holds {
		var answer *ramp.AnswerError
		if err := h.fleet.Release(ctx, one); !errors.As(err, &answer) || answer.Status != http.StatusNotFound {
			errs = append(errs, err)
		}
	}
	h.holds = nil
	return errors.Join(errs...)
}
