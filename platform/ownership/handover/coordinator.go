package handover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"banyan.dev/platform/ownership"
)

// Bounds are how long things may take. Zero values mean what is said.
type Bounds struct {
	// Hold is how long the gates are closed at most, should the coordinator die; 10 s.
	Hold time.Duration
	// Settle is how long requests are waited for that passed before; 50 ms. Those that
	// take longer meet the fence, and are sent again: a detour for these few, where all
	// others wait.
	Settle time.Duration
	// Drain is how long the other side may take to apply all there is and to take,
	// counted from the fence, or from when a coordinator found it fenced; 2 s. After it
	// the hand-over is given up. Keep it below what a gateway lets one request wait.
	Drain time.Duration
	// Poll is the pause between two looks at what is about to be; 2 ms.
	Poll time.Duration
	// Retry is the pause after an error; 100 ms.
	Retry time.Duration
}

func (b Bounds) withDefaults() Bounds {
	b.Hold = cmp.Or(b.Hold, 10*time.Second)
	b.Settle = cmp.Or(b.Settle, 50*time.Millisecond)
	b.Drain = cmp.Or(b.Drain, 2*time.Second)
	b.Poll = cmp.Or(b.Poll, 2*time.Millisecond)
	b.Retry = cmp.Or(b.Retry, 100*time.Millisecond)
	return b
}

// Clock is the time, for who needs to steer it.
type Clock interface {
	Now() time.Time
	// Pause waits, or returns the context's error.
	Pause(ctx context.Context, d time.Duration) error
}

// Config says between whom ownership is moved.
type Config struct {
	Resource string
	Sides    [2]Side
	Gateways Gateways
	Router   Router
	// By is who does it, for the record: a name, and what tells two copies apart.
	By     string
	Bounds Bounds
	// Clock may be nil: the real one. Logger may be nil: nothing is logged.
	Clock  Clock
	Logger *slog.Logger
}

// Coordinator moves the ownership of one resource. It is safe for concurrent use, and
// beside others in other processes.
type Coordinator struct{ cfg Config }

// New returns a coordinator. Its errors name the field.
func New(cfg Config) (*Coordinator, error) {
	switch {
	case cfg.Resource == "":
		return nil, errors.New("handover: Resource is empty: name it")
	case cfg.Sides[0] == nil || cfg.Sides[1] == nil:
		return nil, fmt.Errorf("hand-over of %s: a side is missing: give both", cfg.Resource)
	case cfg.Sides[0].Name() == cfg.Sides[1].Name():
		return nil, fmt.Errorf("hand-over of %s: both sides are called %q: tell them apart", cfg.Resource, cfg.Sides[0].Name())
	case cfg.Gateways == nil || cfg.Router == nil:
		return nil, fmt.Errorf("hand-over of %s: Gateways or Router is missing", cfg.Resource)
	}
	cfg.Bounds = cfg.Bounds.withDefaults()
	if cfg.Clock == nil {
		cfg.Clock = realClock{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Coordinator{cfg: cfg}, nil
}

// Outcome is how it ended: who owns, and that the routes say so.
type Outcome struct {
	Owner string `json:"owner"`
	Epoch int64  `json:"epoch"`
	// Held is how long this coordinator's hold lasted, and Unowned how long nobody
	// owned the resource, from the fence's answer to the take's; 0 when another one
	// did it.
	Held    time.Duration `json:"held"`
	Unowned time.Duration `json:"unowned"`
}

// Errors of Move.
var (
	// ErrGaveUp: the other side could not take, and the one before owns again. All is
	// well, and it may be tried again.
	ErrGaveUp = errors.New("the hand-over was given up")
	// ErrContradiction: both rows can't be. A person must look before anything is done.
	ErrContradiction = errors.New("the two rows contradict each other")
	// ErrUnfinished: the time was up in the middle. Whoever runs Move again goes on.
	ErrUnfinished = errors.New("the hand-over is unfinished")
	// ErrMovedOn: it was moved, and somebody has moved it again since.
	ErrMovedOn = errors.New("somebody else has moved it since")
)

// Move makes the side of that name the owner, whatever state it finds: nothing begun,
// or a hand-over in either direction that somebody left half done or is doing at this
// moment. It returns when the rows and the routes say so.
//
// It returns ErrGaveUp, with the outcome, when the other side did not get all events
// in time or lacks something else; ownership.ErrNotReady and ownership.ErrBusy when
// nothing was begun; ErrMovedOn, ErrContradiction; and ErrUnfinished when ctx ended
// before: then the error says what users see meanwhile. A database that can't be
// reached is waited for.
func (c *Coordinator) Move(ctx context.Context, to string) (Outcome, error) {
	w := &walk{Config: c.cfg, wanted: -1}
	for i, s := range c.cfg.Sides {
		if s.Name() == to {
			w.wanted, w.goal = i, i
		}
	}
	if w.wanted < 0 {
		return Outcome{}, fmt.Errorf("hand %s over to %q: use %s or %s", c.cfg.Resource, to, c.cfg.Sides[0].Name(), c.cfg.Sides[1].Name())
	}
	defer w.release(ctx)
	outcome, err := w.run(ctx)
	if err != nil {
		err = fmt.Errorf("hand %s over to %s: %w", c.cfg.Resource, to, err)
	}
	return outcome, err
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func (realClock) Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// final tells whether no repetition of a step could change an error.
func final(err error) bool {
	for _, kind := range []error{ownership.ErrUnknown, ownership.ErrNotReady, ownership.ErrBusy, ErrGaveUp, ErrContradiction, ErrMovedOn, ErrUnfinished} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
