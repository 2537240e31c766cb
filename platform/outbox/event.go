package outbox

import (
	"fmt"
	"strings"

	"banyan.dev/platform/broker"
)

// Event is something that has happened to an aggregate.
type Event struct {
	// Topic is where it goes; its number of partitions says which shard it is of.
	Topic broker.Topic
	// Partition is where in the topic it goes; nil means the aggregate's own (its
	// key's). What is about a whole partition is put there by its number: a chunk of a
	// backfill, a marker of a drain.
	Partition *int
	// ID is the event's; empty means that Append mints one, as it should unless the
	// writer has to know it within the transaction. It is a UUID, and never one that was
	// used before: consumers would drop the event as a repetition.
	ID string
	// Aggregate is the aggregate's id: the message's key, and the event's subject.
	Aggregate string
	// Version is the aggregate's after the change, drawn under its lock; 0 is an event
	// that is no version of anything: consumers take it in its place.
	Version int64
	// Type says what has happened, for instance dev.banyan.comment.edited.
	Type string
	// Source says who tells it, as a URI reference, for instance /monolith. With the
	// event's id it is unique.
	Source string
	// Data is the body, JSON.
	Data []byte
	// Headers go along: what is about the event and not of the change, for instance
	// the effects that its writer has done already. Names are lower case; CloudEvents'
	// own (ce_...) can't be set here.
	Headers map[string]string
}

// maxData leaves room for key and headers in what Kafka takes as one message.
const maxData = broker.MaxMessage - 16<<10

// check tells what is wrong with an event before it is written: one that the broker
// refuses would hold up all that come after it in its shard.
func (e *Event) check() error {
	if err := e.Topic.Check(); err != nil {
		return fmt.Errorf("outbox: event %s of %s: %w", e.Type, e.Aggregate, err)
	}
	for _, field := range []struct{ name, value string }{{"aggregate", e.Aggregate}, {"type", e.Type}, {"source", e.Source}} {
		if field.value == "" || len(field.value) > 1000 {
			return fmt.Errorf("outbox: event %s of %s: %s %.20q can't be: give it 1 to 1,000 bytes", e.Type, e.Aggregate, field.name, field.value)
		}
	}
	if e.Version < 0 {
		return fmt.Errorf("outbox: event %s of %s: version %d can't be: the first one is 1, and 0 is none", e.Type, e.Aggregate, e.Version)
	}
	if p := e.Partition; p != nil && (*p < 0 || *p >= e.Topic.Partitions) {
		return fmt.Errorf("outbox: event %s of %s: partition %d can't be: %s has %d, counted from 0", e.Type, e.Aggregate, *p, e.Topic.Name, e.Topic.Partitions)
	}
	if len(e.Data) > maxData {
		return fmt.Errorf("outbox: event %s of %s: %d bytes are too many for one message: at most %d, so split it", e.Type, e.Aggregate, len(e.Data), maxData)
	}
	return e.checkHeaders()
}

const maxHeaders = 8 << 10

func (e *Event) checkHeaders() error {
	size := 0
	for name, value := range e.Headers {
		size += len(name) + len(value)
		if name == "" || name != strings.ToLower(name) || strings.HasPrefix(name, "ce_") || name == broker.HeaderContentType {
			return fmt.Errorf("outbox: event %s of %s: header %q can't be set: use lower case, not ce_ and not content-type", e.Type, e.Aggregate, name)
		}
	}
	if size > maxHeaders {
		return fmt.Errorf("outbox: event %s of %s: %d bytes of headers are too many: at most %d", e.Type, e.Aggregate, size, maxHeaders)
	}
	return nil
}
