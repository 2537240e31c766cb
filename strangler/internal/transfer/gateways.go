package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// Gateways holds routes at all gateways together, for a hand-over. It is safe for
// concurrent use; it knows the last hold of its own.
type Gateways struct {
	Fleet  ramp.Gateways
	Routes []string // those of the resource, and pages that write it
	Logger *slog.Logger

	mu   sync.Mutex
	last *hold
}

var _ handover.Gateways = (*Gateways)(nil)

const (
	// readyWithin is how long a gateway may take to answer while nobody waits for it.
	readyWithin = 2 * time.Second
	// answersWithin is the same while requests are held: they wait no longer than a
	// route's bound (hold.max_wait), and one silent gateway must not use it up for all.
	answersWithin = 500 * time.Millisecond
)

// Hold implements handover.Gateways. A gateway that does not answer, or is about to
// end, is left out: it is not ready, and what it would send to the wrong side is
// refused there and sent again.
func (g *Gateways) Hold(ctx context.Context, lasting time.Duration) (handover.Hold, error) {
	ready, err := Ready(ctx, g.Fleet, g.Logger)
	if err != nil {
		return nil, err
	}
	h := &hold{fleet: ready}
	// One after another, so that of two tools the one that is later finds the first
	// gateway held, and holds none.
	for _, url := range ready.URLs {
		one, err := holdOne(ctx, ready, url, g.Routes, lasting)
		var answer *ramp.AnswerError
		var lost *ramp.LostHold
		if errors.As(err, &lost) {
			h.lost = append(h.lost, lost)
		}
		switch {
		case err == nil:
			h.holds = append(h.holds, one)
		case ctx.Err() != nil || errors.As(err, &answer):
			return nil, errors.Join(g.refused(err), h.Release(context.WithoutCancel(ctx)))
		default:
			warn(ctx, g.Logger, "a gateway is left out", url, err)
		}
	}
	if len(h.holds) == 0 && len(ready.URLs) > 0 {
		return nil, fmt.Errorf("hold %s: no gateway answers any more", strings.Join(g.Routes, ", "))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = h
	return h, nil
}

func holdOne(ctx context.Context, fleet ramp.Gateways, url string, routes []string, lasting time.Duration) (ramp.Hold, error) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	return fleet.Hold(ctx, url, routes, lasting)
}

func (g *Gateways) refused(err error) error {
	var answer *ramp.AnswerError
	if errors.As(err, &answer) && answer.Status == http.StatusConflict {
		return fmt.Errorf("%w: %w", handover.ErrHeld, err)
	}
	return fmt.Errorf("hold %s: %w", strings.Join(g.Routes, ", "), err)
}

// Forget releases what another one left held: one that has died. It is for a caller
// that knows that there is no other.
func (g *Gateways) Forget(ctx context.Context) error {
	var left []ramp.Hold
	for _, s := range g.Fleet.Ask(ctx, readyWithin) {
		seen := map[string]bool{}
		for _, name := range g.Routes {
			r, err := s.Route(name)
			if s.Err == nil && err == nil && r.Hold.Held && r.Hold.ID != "" && !seen[r.Hold.ID] {
				seen[r.Hold.ID] = true
				left = append(left, ramp.Hold{Gateway: s.URL, ID: r.Hold.ID})
			}
		}
	}
	return (&hold{fleet: g.Fleet, holds: left}).Release(ctx)
}

// held is the last hold, until it is released.
func (g *Gateways) held() *hold {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last != nil && g.last.over() {
		g.last = nil
	}
	return g.last
}

// Tell tells all gateways who owns a resource, and opens each gate that is closed as
// soon as its gateway knows. Without gates it only tells.
func (g *Gateways) Tell(ctx context.Context, fleet ramp.Gateways, w Word, log *slog.Logger) error {
	if h := g.held(); h != nil {
		w.Out = h.without(fleet.URLs)
	}
	return Tell(ctx, fleet, w, func(gateway string) {
		if h := g.held(); h != nil {
			if err := h.open(ctx, gateway); err != nil {
				warn(ctx, log, "a hold is left to end by itself", gateway, err)
			}
		}
	}, log)
}

// Next is a revision above this one and what gateways report: those that are held, for
// their requests wait, or else all.
func (g *Gateways) Next(ctx context.Context, fleet ramp.Gateways, revision int64) int64 {
	within := readyWithin
	if h := g.held(); h != nil {
		fleet, within = h.fleet, answersWithin
	}
	return fleet.Highest(ctx, within, revision) + 1
}

// Ready are the gateways that answer and don't drain; none is no error where there
// are none at all. They are asked side by side.
func Ready(ctx context.Context, fleet ramp.Gateways, log *slog.Logger) (ramp.Gateways, error) {
	ready := fleet
	ready.URLs = nil
	var errs []error
	for i, l := range fleet.Ask(ctx, readyWithin) {
		err := l.Err
		if err == nil && l.Draining {
			err = errors.New("it drains")
		}
		if err != nil {
			errs = append(errs, err)
			warn(ctx, log, "a gateway is left out", fleet.URLs[i], err)
			continue
		}
		ready.URLs = append(ready.URLs, fleet.URLs[i])
	}
	if len(ready.URLs) == 0 && len(fleet.URLs) > 0 {
		return ready, fmt.Errorf("no gateway is ready: %w", errors.Join(errs...))
	}
	return ready, nil
}

func warn(ctx context.Context, log *slog.Logger, what, gateway string, err error) {
	if log != nil {
		log.WarnContext(ctx, what, "gateway", gateway, "error", err)
	}
}
