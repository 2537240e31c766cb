package outboxbench

import (
	"context"
	"errors"
	"fmt"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
)

// Place is where a Subject works: a database and a topic, both its own.
type Place struct {
	URL    string // of the database
	DB     *database.DB
	Kafka  []string // addresses of brokers
	Broker *broker.Broker
	Topic  broker.Topic
}

// maxConns is enough for all writers.
const maxConns = writers + 8

// Open connects to the database and makes the topic. Close the Place in the end.
func Open(ctx context.Context, url string, kafka []string, topic broker.Topic) (Place, error) {
	p := Place{URL: url, Kafka: kafka, Topic: topic}
	var err error
	if p.Broker, err = broker.New(broker.Config{Addrs: kafka, ClientID: "outboxbench"}); err != nil {
		return Place{}, err
	}
	if err := p.Broker.EnsureTopics(ctx, topic); err != nil {
		p.Broker.Close()
		return Place{}, err
	}
	if p.DB, err = database.Open(ctx, database.Config{URL: url, MaxConns: maxConns}); err != nil {
		p.Broker.Close()
		return Place{}, err
	}
	return p, nil
}

// Close closes all connections.
func (p Place) Close() error {
	p.Broker.Close()
	return p.DB.Close()
}

// Subject is one way of doing it, in a Place.
type Subject struct {
	Name string
	// Prepare makes the tables.
	Prepare func(ctx context.Context) error
	// Write makes a change and appends an event for each key, in one transaction, and
	// returns when it is committed. A key is a number in decimal, and becomes the
	// message's key. It is called by many goroutines.
	Write func(ctx context.Context, keys []string) error
	// Beside is what runs beside the writers, in their process, until ctx ends; it may
	// be nil.
	Beside func(ctx context.Context) error
	// Relay brings what was committed to the topic, until ctx ends.
	Relay func(ctx context.Context) error
}

// Opener makes a Subject of that name for a Place; it connects to nothing by itself.
type Opener func(name string, p Place) (Subject, error)

// Subjects are this repository's: Outbox and Inbox.
func Subjects(name string, p Place) (Subject, error) {
	switch name {
	case Outbox:
		return Own(p), nil
	case Inbox:
		return Applier(p), nil
	default:
		return Subject{}, fmt.Errorf("%q is nothing to measure: use %s or %s", name, Outbox, Inbox)
	}
}

// errLost is a topic that ended with fewer or more messages than were written.
var errLost = errors.New("not what was written arrived")
