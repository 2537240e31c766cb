package handover

import (
	"context"
	"errors"
	"time"

	"banyan.dev/platform/ownership"
)

// Side is one of the two hosts, as far as a hand-over needs it; *ownership.Side is
// one, and so is a client of a host's admin port. Errors are those of package
// ownership; any other means that nobody knows whether it was done.
type Side interface {
	// Name is what routes call it.
	Name() string
	// Row reads who owns, as this side knows it.
	Row(ctx context.Context) (ownership.Row, error)
	// Ready asks whether this side could take, but for events that are on their way.
	Ready(ctx context.Context, epoch int64) error
	// Do makes a move of this side's row.
	Do(ctx context.Context, o ownership.Order) (ownership.Row, error)
}

// ErrHeld is a hold that another one is in the way of: a second coordinator's, or
// that of one that died, which ends by itself.
var ErrHeld = errors.New("the routes are held already")

// Gateways are all replicas of the gateway that are ready.
type Gateways interface {
	// Hold makes new requests of the routes that move wait, for so long at most, at
	// all gateways or at none. It returns ErrHeld when one has a hold already.
	Hold(ctx context.Context, lasting time.Duration) (Hold, error)
}

// ErrUnderWay is requests that were waited for and are not answered yet.
var ErrUnderWay = errors.New("requests are still under way")

// Hold is the gates closed together.
type Hold interface {
	// Settle waits until the requests that passed before are answered, for so long at
	// most: then it returns ErrUnderWay. Any other error means that a gateway did not say.
	Settle(ctx context.Context, within time.Duration) error
	// Release lets those that wait go on. A hold that has ended by itself is no error.
	Release(ctx context.Context) error
}

// ErrOutrun is a route of an epoch that is older than what the routes say already.
var ErrOutrun = errors.New("the routes are of a newer epoch")

// Router tells the gateways who owns.
type Router interface {
	// Route makes the owner answer what the resource's routes are, by a revision above
	// the last: in the file or ConfigMap first, which a gateway reads when it starts,
	// then by the admin API. It returns when the gateways that are ready have it; those
	// that are not will read the file. The file notes the epoch, and is swapped only
	// for a newer one: it returns ErrOutrun for an older epoch, and nil at once for
	// what is in force already. A coordinator that was paused for an hour must not
	// undo what others did.
	Route(ctx context.Context, owner string, epoch int64) error
}
