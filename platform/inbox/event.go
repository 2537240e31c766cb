package inbox

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"banyan.dev/platform/broker"
)

// Event is a message with its envelope read. It is a value that handlers don't
// change.
type Event struct {
	// ID is the event's, minted once.
	ID string
	// Type, Source and Aggregate are CloudEvents' type, source and subject.
	Type      string
	Source    string
	Aggregate string
	// Version is the aggregate's; 0 when the event has none: it is then handled in its
	// place, whatever the handler's kind.
	Version int64
	// Time is when the event was minted.
	Time time.Time
	// Topic, Partition and Offset are where it stands.
	Topic     string
	Partition int
	Offset    int64
	// Headers are all headers; of one that is there twice, the first.
	Headers map[string]string
	// Payload is the body.
	Payload []byte
}

// ErrMalformed is a message that is no event: its headers break CloudEvents' binary
// mode, or it has no id to know it by. It becomes a dead letter.
var ErrMalformed = permanent{fmt.Errorf("malformed event")}

// ReadEvent reads a message's envelope; the payload is for the handler to read. Its
// errors are ErrMalformed and name the header.
func ReadEvent(m broker.Message) (Event, error) {
	e := Event{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Payload: m.Value, Headers: make(map[string]string, len(m.Headers))}
	for _, h := range m.Headers {
		if _, twice := e.Headers[h.Key]; !twice {
			e.Headers[h.Key] = string(h.Value)
			continue
		}
		if strings.HasPrefix(h.Key, "ce_") {
			return e, malformed(h.Key, string(h.Value), "it is there twice: write it once")
		}
	}
	if got := e.Headers[broker.HeaderSpecVersion]; got != broker.SpecVersion {
		return e, malformed(broker.HeaderSpecVersion, got, "write "+broker.SpecVersion)
	}
	id, err := uuid.Parse(e.Headers[broker.HeaderID])
	if err != nil {
		return e, malformed(broker.HeaderID, e.Headers[broker.HeaderID], "write a UUID")
	}
	e.ID = id.String()
	e.Type, e.Source, e.Aggregate = e.Headers[broker.HeaderType], e.Headers[broker.HeaderSource], e.Headers[broker.HeaderSubject]
	for _, name := range []string{broker.HeaderType, broker.HeaderSource, broker.HeaderSubject} {
		if value := e.Headers[name]; value == "" || strings.ContainsRune(value, 0) {
			return e, malformed(name, e.Headers[name], "write it, without NUL bytes")
		}
	}
	if e.Aggregate != string(m.Key) {
		return e, malformed(broker.HeaderSubject, e.Aggregate, "write what the message's key is, "+strconv.Quote(string(m.Key))+": the key keeps the order")
	}
	return e, e.readPlace()
}

func (e *Event) readPlace() (err error) {
	text := e.Headers[broker.HeaderTime]
	if e.Time, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return malformed(broker.HeaderTime, text, "write it as RFC 3339")
	}
	e.Time = e.Time.UTC()
	if text, given := e.Headers[broker.HeaderVersion]; given {
		if e.Version, err = strconv.ParseInt(text, 10, 64); err != nil || e.Version < 1 {
			return malformed(broker.HeaderVersion, text, "write a decimal number from 1, or leave it out")
		}
	}
	return nil
}

func malformed(header, value, mend string) error {
	if len(value) > 80 {
		value = value[:80]
	}
	return fmt.Errorf("%w: header %s %q: %s", ErrMalformed, header, value, mend)
}

// item is a message on its way through.
type item struct {
	message broker.Message
	event   Event
	bad     error // why it is no event
}

func readItem(m broker.Message) item {
	it := item{message: m}
	it.event, it.bad = ReadEvent(m)
	if it.bad != nil {
		it.event = Event{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, ID: placeID(m)}
	}
	return it
}

// placeID stands in for the id of what has none, so that it too is passed over once.
func placeID(m broker.Message) string {
	place := fmt.Sprintf("%s/%d/%d/%x", m.Topic, m.Partition, m.Offset, sha256.Sum256(m.Value))
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(place)).String()
}
