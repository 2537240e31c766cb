package ramp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Target is one route and the gateways before it.
type Target interface {
	// Share is what the route's canary has in force, at every gateway.
	Share(ctx context.Context) (Share, error)
	// Set changes it, and returns when every gateway that is ready has it. The share
	// outlives a restart of the gateways.
	Set(ctx context.Context, s Share) error
	// Read is what each gateway has counted since it began.
	Read(ctx context.Context) ([]Reading, error)
}

// Choice is what to do at a share at which the canary got too few requests to be
// judged.
type Choice string

// The choices.
const (
	GoBack Choice = "back"
	Stay   Choice = "stay"
	GoOn   Choice = "on"
)

// Config says how to ramp.
type Config struct {
	Route  string
	Shares []Share // rising; the last one is where to
	// Hold is how long each share is watched, at least.
	Hold time.Duration
	// Every is how long it is between two looks.
	Every time.Duration
	// Patience is how much longer than Hold a share is kept until the canary has got
	// enough requests.
	Patience time.Duration
	TooFew   Choice
	// BackTo is the share to go back to; nil is where the ramp began.
	BackTo *Share
	// StayWhenInterrupted leaves the share as it is when the context ends, in place
	// of going back.
	StayWhenInterrupted bool
	Limits              Limits
	// Watch hears what happens, from the goroutine that called Run. It must not be nil.
	Watch func(Event)
}

// Check says what makes no sense.
func (c Config) Check() error {
	switch {
	case len(c.Shares) == 0:
		return errors.New("there is no share to go to")
	case c.Hold <= 0 || c.Every <= 0 || c.Patience < 0:
		return fmt.Errorf("hold is %s, every %s, patience %s: the first two must be above 0s", c.Hold, c.Every, c.Patience)
	case c.TooFew != GoBack && c.TooFew != Stay && c.TooFew != GoOn:
		return fmt.Errorf("too few is %q: use %s, %s or %s", c.TooFew, GoBack, Stay, GoOn)
	default:
		return c.Limits.Check()
	}
}

// Shares is the way up to a share: those of all that lie below, and itself.
func Shares(all []Share, to Share) []Share {
	var way []Share
	for _, s := range all {
		if s < to {
			way = append(way, s)
		}
	}
	return append(way, to)
}

// Result is how a ramp ended.
type Result string

// The results. All but Done leave the route elsewhere than it was to be.
const (
	Done        Result = "done"
	Worse       Result = "worse"
	TooFew      Result = "too few requests"
	Blind       Result = "gateways did not answer"
	Changed     Result = "changed by somebody else"
	Interrupted Result = "interrupted"
)

// Outcome is a ramp that has ended.
type Outcome struct {
	Route   string  `json:"route"`
	From    Share   `json:"from"`
	Reached Share   `json:"reached"` // the highest share
	Now     Share   `json:"now"`
	Result  Result  `json:"result"`
	Why     string  `json:"why,omitempty"`
	Seconds float64 `json:"seconds"`
	// Figures are those of the last share that was watched.
	Baseline Figures  `json:"baseline"`
	Canary   Figures  `json:"canary"`
	Shadow   Shadow   `json:"shadow"`
	Verdict  *Verdict `json:"verdict,omitempty"`
	// StoppedAfter is how long the share at which it was stopped had been in force.
	StoppedAfter float64 `json:"stopped_after_seconds,omitempty"`
}

// backWithin bounds going back, which has a time of its own.
const backWithin = 30 * time.Second

// Run ramps. A ramp that was stopped is no error: the outcome says so. An error is
// that the share could not be read or set; the outcome's Now is then what was asked
// for last.
func Run(ctx context.Context, c Config, target Target) (Outcome, error) {
	if err := c.Check(); err != nil {
		return Outcome{}, err
	}
	r := &ramp{Config: c, target: target, began: time.Now(), out: Outcome{Route: c.Route, Result: Done}}
	err := r.run(ctx)
	r.out.Seconds = time.Since(r.began).Seconds()
	return r.out, err
}

// ramp is one at work.
type ramp struct {
	Config
	target Target
	began  time.Time
	out    Outcome
	shares int  // to be watched
	before Side // the baseline at the shares that lie behind
}

func (r *ramp) run(ctx context.Context) error {
	from, err := r.target.Share(ctx)
	if err != nil {
		return err
	}
	to := r.Config.Shares[len(r.Config.Shares)-1]
	r.out.From, r.out.Now, r.out.Reached = from, from, from
	if to <= from {
		return r.down(ctx, to)
	}
	var way []Share
	for _, s := range r.Config.Shares {
		if s > from {
			way = append(way, s)
		}
	}
	r.shares = len(way)
	if from > 0 || way[0] == Everybody {
		r.shares++
		if on, err := r.watch(ctx, from); !on {
			return err
		}
	}
	for _, s := range way {
		if err := r.set(ctx, s); err != nil {
			return r.setFailed(ctx, err)
		}
		if on, err := r.watch(ctx, s); !on {
			return err
		}
	}
	r.tell(Event{Kind: Ended, Text: fmt.Sprintf("%s has %s; nothing was worse", r.Route, to)})
	return nil
}

// down is at once: the owner that was there before has answered all of it already.
func (r *ramp) down(ctx context.Context, to Share) error {
	if to == r.out.From {
		r.tell(Event{Kind: Ended, Text: fmt.Sprintf("%s has %s already", r.Route, to)})
		return nil
	}
	if err := r.set(ctx, to); err != nil {
		return err
	}
	r.tell(Event{Kind: Ended, Text: fmt.Sprintf("%s went down to %s", r.Route, to)})
	return nil
}

func (r *ramp) set(ctx context.Context, s Share) error {
	r.out.Now = s
	r.out.Reached = max(r.out.Reached, s)
	r.tell(Event{Kind: Setting, Text: fmt.Sprintf("%s gets %s", r.Route, s)})
	if err := r.target.Set(ctx, s); err != nil {
		return fmt.Errorf("set %s to %s: %w", r.Route, s, err)
	}
	return nil
}

// setFailed undoes what some gateways may have taken, and says both errors.
func (r *ramp) setFailed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return r.end(ctx, Interrupted, "interrupted while the share was being set")
	}
	return errors.Join(err, r.end(ctx, Blind, err.Error()))
}

// end ends the ramp before its end, and goes back if that is what to do.
func (r *ramp) end(ctx context.Context, result Result, why string) error {
	r.out.Result, r.out.Why = result, why
	back := r.back()
	stay := result == Interrupted && r.StayWhenInterrupted || result == TooFew && r.TooFew == Stay || result == Changed
	if stay || back == r.out.Now {
		r.tell(Event{Kind: Ended, Text: fmt.Sprintf("%s; %s stays at %s", why, r.Route, r.out.Now)})
		return nil
	}
	r.tell(Event{Kind: GoingBack, Text: fmt.Sprintf("%s; going back to %s", why, back)})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backWithin)
	defer cancel()
	if err := r.set(ctx, back); err != nil {
		return err
	}
	r.tell(Event{Kind: Ended, Text: fmt.Sprintf("%s is back at %s", r.Route, back)})
	return nil
}

// back is where to go back to. What was found worse where the ramp began is not
// gone back to.
func (r *ramp) back() Share {
	switch {
	case r.BackTo != nil:
		return min(*r.BackTo, r.out.Now)
	case r.out.Now > r.out.From:
		return r.out.From
	case r.out.Result == Worse:
		return 0
	default:
		return r.out.Now
	}
}
