package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/telemetry"
)

// Handler applies events. It is called by one goroutine per partition.
type Handler interface {
	// Handle applies events of one partition, at least one, in their order, and writes
	// through tx only. It is all or nothing: after an error nothing is kept, and the
	// same events come again, perhaps in smaller portions. An error that wraps
	// Permanent, or has a method Permanent() bool, puts the event aside; one that wraps
	// Wait is retried for ever; others are retried a bounded number of times.
	Handle(ctx context.Context, tx *gorm.DB, events []Event) error
}

// Preparer is a Handler that must do something outside of this database before its
// transaction, such as a call to another service. Events then come one by one.
type Preparer interface {
	// Prepare may run again for the same event, also when it succeeded: what it asks
	// for carries the event's id as its idempotency key. Errors as for Handle.
	Prepare(ctx context.Context, e Event) error
}

// Needer is a Preparer that knows which events it has something to do for: those come
// one by one, all between them in batches and unprepared.
type Needer interface {
	// Needs tells whether the event is to be prepared. It is asked more than once, and
	// looks at nothing but the event.
	Needs(e Event) bool
}

// Ignorer is a Handler of state that sees of some events at once that they are none of
// its: those that its own host told, or that leave it nothing to do. They cost no
// transaction and no inbox row; the offset goes past them, and the position in this
// database follows with the next event that is handled.
type Ignorer interface {
	// Ignores tells whether the event is passed by. It is asked more than once, answers
	// the same each time, and looks at nothing but the event. What can't be read is not
	// ignored: it shall become a dead letter.
	Ignores(e Event) bool
}

// Each is a Handler that takes events one by one. The context carries the event's
// trace.
type Each func(ctx context.Context, tx *gorm.DB, e Event) error

// Handle calls f for each event, and says which failed.
func (f Each) Handle(ctx context.Context, tx *gorm.DB, events []Event) error {
	for _, e := range events {
		if err := f(traced(ctx, e), tx, e); err != nil {
			return Blame(e, err)
		}
	}
	return nil
}

func traced(ctx context.Context, e Event) context.Context {
	if trace, ok := telemetry.ParseTraceparent(e.Headers[broker.HeaderTraceparent]); ok {
		return telemetry.WithTrace(ctx, trace.Child())
	}
	return ctx
}

// Permanent marks an error that no retry mends: the event becomes a dead letter at
// once.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }
func (permanent) Permanent() bool { return true }

func isPermanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}

// Wait marks an error that is no fault of the event, such as an owner that does not
// answer: it is tried again until it works, and its partition waits.
func Wait(err error) error { return waiting{err} }

type waiting struct{ error }

func (w waiting) Unwrap() error { return w.error }

// Blame says which of several events an error is about. Without it a failed batch is
// halved until the culprit is found.
func Blame(e Event, err error) error { return &blamed{e.ID, err} }

type blamed struct {
	id  string
	err error
}

func (b *blamed) Error() string { return b.err.Error() }
func (b *blamed) Unwrap() error { return b.err }

// mustWait tells whether err says nothing about the event: it is tried again without
// end.
func mustWait(err error) bool {
	var w waiting
	if errors.As(err, &w) || database.IsUnavailable(err) {
		return true
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "40001", "40P01", // gave way to another, again and again
		"25006": // read-only: a standby, for the moment
		return true
	}
	return pg.Code[:2] == "53" || pg.Code[:2] == "58" // out of disk, of memory; the system's errors
}

// call runs the handler. One that panics has failed, and takes nobody with it.
func call(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}
