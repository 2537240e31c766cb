package comments

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// Version is how far a side has come with one comment.
type Version struct {
	Number  int
	Deleted bool
}

// has tells whether the side's version is the written one or newer.
func (v Version) has(w wrote) bool {
	return v.Deleted || w.version != deleted && v.Number >= w.version
}

// Versions tells how far this side has come; the store's Rows do.
type Versions interface {
	// Versions returns, by id, the version of each comment that is here, as a row or as a
	// tombstone.
	Versions(ctx context.Context, ids []string) (map[string]Version, error)
}

// Side is what this side may do: *ownership.Side.
type Side interface {
	Row(ctx context.Context) (ownership.Row, error)
}

// Gate stands before the routes of a host that may not own comments: writes are for
// the owner, and who reads sees what he wrote.
type Gate struct {
	Versions Versions
	Side     Side
	// Peer is who owns comments when this side does not.
	Peer string
	// Within is how long a read waits; 0 means 300 ms.
	Within time.Duration
	// AtOnce bounds how many wait; 0 means 64. Beyond it nobody waits.
	AtOnce int
}

// Middleware refuses a write before anything is looked up for it, when this side does
// not own comments: a follower might not know yet what it is about, and would say that
// it is not there. It holds a read back until this side has what the reader wrote. An
// owner has it, and nobody waits there. Both answer NotOwner with the name of who is
// to be asked; the gateway asks there. It is safe for concurrent use.
func (g Gate) Middleware() echo.MiddlewareFunc {
	if g.Within == 0 {
		g.Within = 300 * time.Millisecond
	}
	if g.AtOnce == 0 {
		g.AtOnce = 64
	}
	waiting := make(chan struct{}, g.AtOnce)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, pass := c.Request(), g.write
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				pass = func(ctx context.Context) error { return g.read(ctx, writesOf(r), waiting) }
			}
			if err := pass(r.Context()); err != nil {
				return err
			}
			return next(c)
		}
	}
}

// write lets the owner's writes pass. They ask again in their transaction: that counts.
func (g Gate) write(ctx context.Context) error {
	row, err := g.Side.Row(ctx)
	switch {
	case err != nil:
		return err
	case row.State == ownership.Owner:
		return nil
	case row.State == ownership.Follower:
		return problem.Elsewhere(g.Peer, row.Epoch, "comments are written at %s: nothing was done here", g.Peer)
	}
	return problem.Elsewhere("", row.Epoch, "comments are being handed over: nothing was done here")
}

// looks is how often a read that waits looks again.
const looks = 15 * time.Millisecond

func (g Gate) read(ctx context.Context, writes []wrote, waiting chan struct{}) error {
	here, err := g.here(ctx, writes)
	if here || err != nil {
		return err
	}
	row, err := g.Side.Row(ctx)
	if err != nil {
		return err
	}
	if row.State == ownership.Owner {
		return nil // what the cookie says was never so
	}
	select {
	case waiting <- struct{}{}:
		defer func() { <-waiting }()
		if here, err = g.arrive(ctx, writes); here || err != nil {
			return err
		}
	default:
	}
	return problem.Elsewhere(g.Peer, row.Epoch, "what you wrote last is not here yet: %s has it", g.Peer)
}

// arrive looks until the writes are here, or the time is over.
func (g Gate) arrive(ctx context.Context, writes []wrote) (bool, error) {
	over := time.NewTimer(g.Within)
	defer over.Stop()
	again := time.NewTicker(looks)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over.C:
			return g.here(ctx, writes)
		case <-again.C:
			if here, err := g.here(ctx, writes); here || err != nil {
				return here, err
			}
		}
	}
}

func (g Gate) here(ctx context.Context, writes []wrote) (bool, error) {
	if len(writes) == 0 {
		return true, nil
	}
	ids := make([]string, len(writes))
	for i, w := range writes {
		ids[i] = w.id
	}
	versions, err := g.Versions.Versions(ctx, ids)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(writes, func(w wrote) bool { return !versions[w.id].has(w) }), nil
}
