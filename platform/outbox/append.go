package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/telemetry"
)

// record is a row of the table outbox as it is inserted.
type record struct {
	EventID     string
	Topic       string
	Partition   int
	AggregateID string
	Version     int64
	Type        string
	Source      string
	Payload     string // a string: as bytes it would be bytea behind PgBouncer
	Headers     string
}

// insertAtOnce bounds a statement: PostgreSQL takes 65,535 parameters.
const insertAtOnce = 1000

// Append writes events into the outbox, in order, within tx, which is the
// transaction of the change and holds the locks of the aggregates' rows (see the
// package). Each gets its id here, once: a repetition on the way has the same one.
// The trace of tx's context travels along. Wake the relays when the transaction is
// committed (Notifier.Wake).
//
// It refuses, with an error that names the event, what Kafka would not take, and a
// tx that is no transaction.
func Append(tx *gorm.DB, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	if _, in := tx.Statement.ConnPool.(gorm.TxCommitter); !in {
		return fmt.Errorf("outbox: %d events outside of a transaction: append them in the one that makes the change", len(events))
	}
	records := make([]record, len(events))
	for i := range events {
		r, err := events[i].record(tx.Statement.Context)
		if err != nil {
			return err
		}
		records[i] = r
	}
	for len(records) > 0 {
		n := min(insertAtOnce, len(records))
		if err := tx.Table("outbox").Create(records[:n]).Error; err != nil {
			return fmt.Errorf("append %d events to the outbox: %w", len(events), errors.Join(noJSON(events), err))
		}
		records = records[n:]
	}
	return nil
}

func (e *Event) record(ctx context.Context) (record, error) {
	if err := e.check(); err != nil {
		return record{}, err
	}
	id, err := e.id()
	if err != nil {
		return record{}, err
	}
	headers := e.Headers
	if trace, ok := telemetry.TraceFrom(ctx); ok && headers[broker.HeaderTraceparent] == "" {
		headers = maps.Clone(headers)
		if headers == nil {
			headers = map[string]string{}
		}
		headers[broker.HeaderTraceparent] = trace.String()
	}
	encoded := []byte("{}")
	if len(headers) > 0 {
		if encoded, err = json.Marshal(headers); err != nil {
			return record{}, fmt.Errorf("encode headers of event %s: %w", e.Type, err)
		}
	}
	return record{
		EventID: id.String(), Topic: e.Topic.Name, Partition: e.partition(), AggregateID: e.Aggregate,
		Version: e.Version, Type: e.Type, Source: e.Source, Payload: string(e.Data), Headers: string(encoded),
	}, nil
}

// noJSON says which event's data is none, after the table has refused it: it looks
// anyway, and looking twice is dear where events are large.
func noJSON(events []Event) error {
	for _, e := range events {
		if !json.Valid(e.Data) {
			return fmt.Errorf("event %s of %s: the data is no JSON", e.Type, e.Aggregate)
		}
	}
	return nil
}

// id is the event's, minted where none is given.
func (e *Event) id() (uuid.UUID, error) {
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return uuid.UUID{}, fmt.Errorf("mint an event's id: %w", err)
		}
		return id, nil
	}
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("outbox: event %s of %s: id %.40q is no UUID: mint one, or leave it out", e.Type, e.Aggregate, e.ID)
	}
	return id, nil
}

func (e *Event) partition() int {
	if e.Partition != nil {
		return *e.Partition
	}
	return e.Topic.Partition(e.Aggregate)
}
