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

// Config says how the owner is found.
type Config struct {
	Side Side
	// Wait bounds how long a write waits for a hand-over; 0 means 5 s.
	Wait time.Duration
	// Logger; nil means that nothing is logged.
	Logger *slog.Logger
}

// Owner knows whom to ask. It is safe for concurrent use.
type Owner struct {
	cfg Config
	// taken is the epoch of the last hand-over from here of which this process knows
	// that the other side has taken: until this side is demoted, its row does not tell.
	taken atomic.Int64
}

// New returns what finds the owner.
func New(cfg Config) *Owner {
	cfg.Wait = cmp.Or(cfg.Wait, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Owner{cfg: cfg}
}

// The pauses between two looks at who owns comments. The first ones are short: a
// hand-over is a matter of milliseconds.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// write lets the owner do something. Whoever is no owner has done nothing: then it
// waits a moment, looks again who is, and asks there, until the time is over.
func (o *Owner) write(ctx context.Context, here, there comments.UseCases, do func(comments.UseCases) error) error {
	over := time.Now().Add(o.cfg.Wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		row, err := o.cfg.Side.Row(ctx)
		if err != nil {
			return fmt.Errorf("ask who owns comments: %w", err)
		}
		host := here
		if row.State != ownership.Owner {
			host = there // also while this side is fenced: the other one may have taken
		}
		err = do(host)
		if err == nil && row.State == ownership.Fenced {
			o.taken.Store(row.Epoch)
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
func reader[T any](ctx context.Context, o *Owner, here, there T) (T, error) {
	row, err := o.cfg.Side.Row(ctx)
	switch {
	case err != nil:
		return here, fmt.Errorf("ask who owns comments: %w", err)
	case row.State == ownership.Follower, row.State == ownership.Fenced && row.Epoch == o.taken.Load():
		return there, nil
	}
	return here, nil
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
