package ownership

import (
	"errors"
	"fmt"
	"strings"
)

// The kinds of errors, for errors.Is. Each but ErrUnknown comes as a type of its own
// that says more.
var (
	// ErrNotOwner: this side must not write. Nothing was done.
	ErrNotOwner = errors.New("not the owner")
	// ErrUnknown: this side has no row of the resource.
	ErrUnknown = errors.New("nobody said who owns the resource: call Adopt at the host's start")
	// ErrStale: the row has moved on since the order was decided. Nothing was done;
	// read both rows again.
	ErrStale = errors.New("the row has moved on")
	// ErrUnproven: what the order says of the other side does not allow the move.
	// Nothing was done; read both rows again.
	ErrUnproven = errors.New("the other side's row does not allow it")
	// ErrNotDrained: not all that was written before the fence is here yet. Nothing
	// was done; it may be a matter of milliseconds.
	ErrNotDrained = errors.New("not all events are here yet")
	// ErrNotReady: something is missing that waiting does not bring. Nothing was done.
	ErrNotReady = errors.New("not ready to own")
	// ErrBusy: writers did not let go of the resource within the time. Nothing was
	// done.
	ErrBusy = errors.New("writers hold the resource")
	// ErrMisuse: the caller's transaction can't be guarded. It is a mistake in the
	// program.
	ErrMisuse = errors.New("this transaction can't be guarded")
)

// NotOwnerError tells a writer who may write instead. Hosts answer it with 421: the
// request was not begun, so whoever holds it may send it again to the owner.
type NotOwnerError struct {
	Resource string
	Side     string // who refuses
	State    State
	// Owner is who owns the resource as far as this side knows, or empty: between
	// fence and take nobody does, for milliseconds.
	Owner string
	// Epoch is the newest that this side knows of. The owner's is not below it.
	Epoch int64
}

func (e *NotOwnerError) Error() string {
	owner := "nobody owns it at this moment"
	if e.Owner != "" {
		owner = "ask " + e.Owner
	}
	return fmt.Sprintf("%s does not own %s (%s at %d): %s", e.Side, e.Resource, e.State, e.Epoch, owner)
}

// Is makes it an ErrNotOwner.
func (e *NotOwnerError) Is(target error) bool { return target == ErrNotOwner }

// StaleError is an order that came too late, or a second time.
type StaleError struct {
	Order Order
	Have  Row
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("%s %s in the hand-over of epoch %d: the row is %s", e.Order.Move, e.Have.Resource, e.Order.Epoch, e.Have)
}

// Is makes it an ErrStale.
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// UnprovenError is an order whose picture of the other side does not allow it.
type UnprovenError struct {
	Order Order
	Needs string
}

func (e *UnprovenError) Error() string {
	return fmt.Sprintf("%s in the hand-over of epoch e = %d: it needs that %s; it was read as %s", e.Order.Move, e.Order.Epoch, e.Needs, e.Order.Other)
}

// Is makes it an ErrUnproven.
func (e *UnprovenError) Is(target error) bool { return target == ErrUnproven }

// NotReadyError says what this side lacks to own the resource.
type NotReadyError struct {
	Resource string
	Missing  []string
	// Draining is true when it lacks nothing but events that are on their way.
	Draining bool
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("can't own %s yet: %s", e.Resource, strings.Join(e.Missing, "; "))
}

// Is makes it an ErrNotDrained or an ErrNotReady.
func (e *NotReadyError) Is(target error) bool {
	return e.Draining && target == ErrNotDrained || !e.Draining && target == ErrNotReady
}

// BusyError is a fence that came to nothing because writing transactions did not end.
type BusyError struct {
	Resource string
	Tries    int
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("fence %s: writing transactions did not end in %d tries: look for a long one in pg_stat_activity", e.Resource, e.Tries)
}

// Is makes it an ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }
