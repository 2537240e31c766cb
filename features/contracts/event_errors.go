package contracts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The kinds of events that can't be read.
var (
	// ErrMalformed is an event whose headers or payload break the contract.
	ErrMalformed = errors.New("malformed event")
	// ErrUnknownType is an event of a type that this program does not know: it is
	// older than the writer, or listens to a topic that is not for it.
	ErrUnknownType = errors.New("unknown event type")
)

// EventError says what of an event can't be read.
type EventError struct {
	Kind  error  // ErrMalformed or ErrUnknownType
	Field string // the attribute, header or field, as in "keys[2].hash"
	Value string // what it was, shortened
	Mend  string // what it must be, or what to do
}

// Error names field, value and mend.
func (e *EventError) Error() string {
	return fmt.Sprintf("%v: %s %q: %s", e.Kind, e.Field, e.Value, e.Mend)
}

// Unwrap returns the kind.
func (e *EventError) Unwrap() error { return e.Kind }

// Permanent tells who retries that the same bytes will fail again. An inbox, which
// does not know this package, asks for this method and puts the event aside.
func (e *EventError) Permanent() bool { return true }

// shorten keeps errors readable, whatever somebody wrote into a topic.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// checker collects the first thing that is wrong with an event. What its errors say is
// put into words only when there is one: chunks have a thousand fields that are right.
type checker struct{ err error }

// each checks the elements of a list, up to the first error.
func (c *checker) each(name string, n int, check func(*checker, int)) {
	for i := range n {
		if c.err != nil {
			return
		}
		if check(c, i); c.err != nil {
			c.err = within(fmt.Sprintf("%s[%d].", name, i), c.err)
		}
	}
}

// within says where in the event the field is.
func within(place string, err error) error {
	var e *EventError
	if !errors.As(err, &e) {
		return err
	}
	there := *e
	there.Field = place + e.Field
	return &there
}

func (c *checker) must(ok bool, field, value, mend string) {
	if c.err == nil && !ok {
		c.err = &EventError{Kind: ErrMalformed, Field: field, Value: shorten(value), Mend: mend}
	}
}

func (c *checker) id(field, value string) {
	c.must(IsID(value), field, value, "write a UUID in lower case")
}

func (c *checker) positive(field string, n int64) {
	if n < 1 {
		c.must(false, field, fmt.Sprint(n), "count from 1")
	}
}

func (c *checker) moment(field string, t time.Time) {
	c.must(!t.IsZero(), field, "", "write when it was, as RFC 3339")
}

func (c *checker) text(field, value string) {
	c.must(value != "", field, value, "write something")
}

func oneOf[T ~string](c *checker, field string, value T, allowed []T) {
	if !slices.Contains(allowed, value) {
		c.must(false, field, string(value), fmt.Sprintf("write one of %v", allowed))
	}
}
