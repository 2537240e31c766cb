package following

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// Host is comments at one of the two sides.
type Host interface {
	comments.UseCases
	Reads
}

// Reads is what lists of other features need of comments.
type Reads interface {
	// ByIDs returns those of the comments that are there, by id, whatever their status.
	ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error)
	// Latest returns the last approved comments of each post, newest first and at most
	// n of each.
	Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error)
}

// Side says what this host may do; *ownership.Side does.
type Side interface {
	Row(ctx context.Context) (ownership.Row, error)
}

// Config says who there is to ask.
type Config struct {
	Side Side
	// Here is this host's own, and There the other side's.
	Here, There Host
	// Wait bounds how long a write waits for a hand-over; 0 means 5 s.
	Wait time.Duration
	// Logger; nil means that nothing is logged.
	Logger *slog.Logger
}

// Comments is the use cases at whoever owns comments. It is safe for concurrent use.
type Comments struct {
	cfg Config
	// taken is the epoch of the last hand-over from here of which this process knows
	// that the other side has taken: until this side is demoted, its row does not tell.
	taken atomic.Int64
}

var _ Host = (*Comments)(nil)

// New returns the port.
func New(cfg Config) *Comments {
	cfg.Wait = cmp.Or(cfg.Wait, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Comments{cfg: cfg}
}

// The pauses between two looks at who owns comments. The first ones are short: a
// hand-over is a matter of milliseconds.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// write lets the owner do something. Whoever is no owner has done nothing: then it
// waits a moment, looks again who is, and asks there, until the time is over.
func (c *Comments) write(ctx context.Context, do func(Host) error) error {
	over := time.Now().Add(c.cfg.Wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		row, err := c.cfg.Side.Row(ctx)
		if err != nil {
			return fmt.Errorf("ask who owns comments: %w", err)
		}
		host := c.cfg.Here
		if row.State != ownership.Owner {
			host = c.cfg.There // also while this side is fenced: the other one may have taken
		}
		err = do(host)
		if err == nil && row.State == ownership.Fenced {
			c.taken.Store(row.Epoch)
		}
		if !mayChange(row, err) {
			return err
		}
		if time.Until(over) < pause {
			return fmt.Errorf("%w: %w", problem.New(httpkit.Unavailable, "comments are being handed over: try again"), err)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// mayChange tells whether an error is that of a hand-over: the same write may succeed
// as soon as somebody owns comments. That the other side does not answer counts while
// this one is fenced: it may get the ownership back.
func mayChange(row ownership.Row, err error) bool {
	if err == nil {
		return false
	}
	if _, _, elsewhere := ownership.Elsewhere(err); elsewhere || problem.Is(err, problem.NotOwner) {
		return true
	}
	return row.State == ownership.Fenced && problem.Is(err, httpkit.Unavailable)
}

// reader is who has all that was written. While this side is fenced that is itself,
// unless the other one is known to have taken.
func (c *Comments) reader(ctx context.Context) (Host, error) {
	row, err := c.cfg.Side.Row(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask who owns comments: %w", err)
	case row.State == ownership.Follower, row.State == ownership.Fenced && row.Epoch == c.taken.Load():
		return c.cfg.There, nil
	}
	return c.cfg.Here, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
