package deployment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// held is routes that this command holds, at every gateway.
type held struct {
	routes  []string
	began   time.Time
	before  map[string]ramp.HoldStatus // by gateway and route
	holds   []ramp.Hold
	release func() error
}

// hold lets new requests of routes wait, and returns when none is under way. The
// holds are renewed until release; should this command die, they end by themselves.
func (r *Run) hold(ctx context.Context, m steps.Move) error {
	if r.held != nil && slices.Equal(r.held.routes, m.Routes) {
		return nil
	}
	if r.held != nil {
		return fmt.Errorf("%s is held already: release it first", strings.Join(r.held.routes, ", "))
	}
	fleet := r.fleet()
	before, err := holdStatuses(ctx, fleet, m.Routes)
	if err != nil {
		return err
	}
	h := &held{routes: m.Routes, began: time.Now(), before: before}
	for _, url := range fleet.URLs {
		one, err := fleet.Hold(ctx, url, m.Routes, m.For)
		if err != nil {
			return errors.Join(fmt.Errorf("hold %s: %w", strings.Join(m.Routes, ", "), err), fleet.Release(context.WithoutCancel(ctx), h.holds...))
		}
		h.holds = append(h.holds, one)
	}
	h.release = fleet.Renew(h.holds, m.For)
	r.held = h
	ctx, cancel := context.WithTimeout(ctx, m.For)
	defer cancel()
	if err := fleet.AwaitIdle(ctx, h.holds); err != nil {
		return errors.Join(err, r.release(steps.Move{Routes: m.Routes}))
	}
	return nil
}

// release lets them go on. What is not held is no error: a command that died has let
// go of it.
func (r *Run) release(steps.Move) error {
	if r.held == nil {
		return nil
	}
	h := r.held
	r.held = nil
	if err := h.release(); err != nil {
		return fmt.Errorf("release %s: %w", strings.Join(h.routes, ", "), err)
	}
	r.waited = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	after, err := holdStatuses(ctx, r.fleet(), h.routes)
	if err != nil {
		return err
	}
	w := waitedSince(h.routes, time.Since(h.began), h.before, after)
	r.waited = &w
	return nil
}

func waitedSince(routes []string, lasted time.Duration, before, after map[string]ramp.HoldStatus) Waited {
	w := Waited{Routes: routes, Held: lasted}
	for key, now := range after {
		w.Requests += now.HeldTotal - min(now.HeldTotal, before[key].HeldTotal)
		w.Refused += now.Refused - min(now.Refused, before[key].Refused)
		w.P50, w.P99 = max(w.P50, now.P50), max(w.P99, now.P99)
	}
	return w
}

// Waited is what users noticed of a hold: nothing but a pause, unless Refused.
type Waited struct {
	Routes   []string
	Held     time.Duration
	Requests uint64
	Refused  uint64
	// P50 and P99 are upper bounds of how long requests waited, in milliseconds, at
	// the gateway where they waited longest, since it began.
	P50, P99 float64
	// Unknown says that a gateway has died meanwhile, and what it counted with it.
	Unknown bool `json:",omitempty"`
}

// String is the hold in words.
func (w Waited) String() string {
	if w.Unknown {
		return fmt.Sprintf("%s held for %.1f s; how many requests waited, only a gateway knew that doesn't answer any more", strings.Join(w.Routes, ", "), w.Held.Seconds())
	}
	text := fmt.Sprintf("%s held for %.1f s: %d requests waited", strings.Join(w.Routes, ", "), w.Held.Seconds(), w.Requests)
	if w.Requests > 0 {
		text += fmt.Sprintf(", half of them up to %.0f ms, 99 %% up to %.0f ms", w.P50, w.P99)
	}
	if w.Refused > 0 {
		return text + fmt.Sprintf(", and %d were sent away", w.Refused)
	}
	return text + ", none was sent away"
}

// LastHold is the last hold that this command released; nil before the first.
func (r *Run) LastHold() *Waited { return r.waited }

// holdStatuses are the gates of the gateways that answer, by gateway and route: they
// are for the report, and one that is away fails nothing but that.
func holdStatuses(ctx context.Context, fleet ramp.Gateways, routes []string) (map[string]ramp.HoldStatus, error) {
	found := map[string]ramp.HoldStatus{}
	var away []error
	for _, s := range fleet.Ask(ctx, inForceWithin) {
		if s.Err != nil {
			away = append(away, s.Err)
			continue
		}
		for _, name := range routes {
			route, err := s.Route(name)
			if err != nil && !s.Draining {
				return nil, err
			}
			found[s.URL+" "+name] = route.Hold
		}
	}
	if len(away) > 0 && len(away) == len(fleet.URLs) {
		return nil, fmt.Errorf("no gateway answers: %w", errors.Join(away...))
	}
	return found, nil
}

// LetGo releases what is still held, when what was to be done meanwhile has failed.
func (r *Run) LetGo() error {
	if r.held == nil {
		return nil
	}
	return r.release(steps.Move{})
}
