package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	watermillsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/components/forwarder"
	"github.com/ThreeDotsLabs/watermill/message"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox/outboxbench"
)

// write makes the change and publishes its events in the same transaction, as
// watermill's documentation does it: a publisher over the transaction, in the
// forwarder's envelope.
func (c contender) write(ctx context.Context, keys []string) error {
	return c.place.DB.InTx(ctx, func(tx *gorm.DB) error {
		if err := outboxbench.Change(tx, keys); err != nil {
			return err
		}
		in, is := tx.Statement.ConnPool.(*sql.Tx)
		if !is {
			return fmt.Errorf("the transaction is a %T: watermill needs a *sql.Tx", tx.Statement.ConnPool)
		}
		return c.publish(ctx, in, keys)
	})
}

func (c contender) publish(ctx context.Context, tx *sql.Tx, keys []string) error {
	plain, err := watermillsql.NewPublisher(watermillsql.TxFromStdSQL(tx), watermillsql.PublisherConfig{SchemaAdapter: c.schema()}, c.silent)
	if err != nil {
		return fmt.Errorf("make a publisher over the transaction: %w", err)
	}
	messages := make([][]*message.Message, c.Topics)
	for _, key := range keys {
		to := 0
		if c.Topics > 1 {
			lanes := broker.Topic{Partitions: c.Topics}
			to = lanes.Partition(key)
		}
		messages[to] = append(messages[to], event(ctx, key))
	}
	for i, some := range messages {
		if len(some) == 0 {
			continue
		}
		enveloped := forwarder.NewPublisher(plain, forwarder.PublisherConfig{ForwarderTopic: outboxTopic(i)})
		if err := enveloped.Publish(c.place.Topic.Name, some...); err != nil {
			return fmt.Errorf("publish %d events: %w", len(some), err)
		}
	}
	return nil
}

// event has the same headers as one of this repository's outbox.
func event(ctx context.Context, key string) *message.Message {
	id := watermill.NewUUID()
	m := message.NewMessage(id, message.Payload(outboxbench.Body))
	m.SetContext(ctx)
	for name, value := range map[string]string{
		broker.HeaderSpecVersion: broker.SpecVersion, broker.HeaderID: id, broker.HeaderType: outboxbench.EventType,
		broker.HeaderSource: outboxbench.EventSource, broker.HeaderSubject: key, broker.HeaderVersion: "1",
		broker.HeaderTime: time.Now().UTC().Format(time.RFC3339Nano), broker.HeaderContentType: broker.ContentJSON,
	} {
		m.Metadata.Set(name, value)
	}
	return m
}
