package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	watermillsql "github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/components/forwarder"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5/pgxpool"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox/outboxbench"
)

// contender is one way to set watermill up.
type contender struct {
	settings
	place       outboxbench.Place
	ackDeadline *time.Duration // nil: watermill's default, 30 s
	silent      watermill.NopLogger
}

// subject is what is measured.
func (c contender) subject(name string) outboxbench.Subject {
	return outboxbench.Subject{Name: name, Prepare: c.prepare, Write: c.write, Relay: c.relay}
}

func (c contender) prepare(ctx context.Context) error {
	if err := outboxbench.PrepareChange(ctx, c.place); err != nil {
		return err
	}
	for i := range c.Topics {
		subscriber, err := c.subscriber(watermillsql.BeginnerFromStdSQL(c.place.DB.SQL()))
		if err == nil {
			err = subscriber.SubscribeInitialize(outboxTopic(i))
		}
		if err != nil {
			return fmt.Errorf("make watermill's tables: %w", err)
		}
	}
	return nil
}

// outboxTopic is the forwarder's topic, and so the name of its table.
func outboxTopic(i int) string { return "outbox_" + strconv.Itoa(i) }

func (c contender) subscriber(db watermillsql.Beginner) (*watermillsql.Subscriber, error) {
	config := watermillsql.SubscriberConfig{PollInterval: c.Poll, AckDeadline: c.ackDeadline}
	if c.Schema == queueSchema {
		config.SchemaAdapter = watermillsql.PostgreSQLQueueSchema{SubscribeBatchSize: c.Batch}
		config.OffsetsAdapter = watermillsql.PostgreSQLQueueOffsetsAdapter{DeleteOnAck: true}
	} else {
		config.SchemaAdapter = watermillsql.DefaultPostgreSQLSchema{SubscribeBatchSize: c.Batch}
		config.OffsetsAdapter = watermillsql.DefaultPostgreSQLOffsetsAdapter{}
	}
	return watermillsql.NewSubscriber(db, config, c.silent)
}

func (c contender) schema() watermillsql.SchemaAdapter {
	if c.Schema == queueSchema {
		return watermillsql.PostgreSQLQueueSchema{}
	}
	return watermillsql.DefaultPostgreSQLSchema{}
}

// relay runs one forwarder for each topic of the outbox, all on one router and with
// one publisher, until ctx ends.
func (c contender) relay(ctx context.Context) error {
	pool, err := c.pool(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	publisher, err := c.publisher()
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: 10 * time.Second}, c.silent)
	if err != nil {
		return fmt.Errorf("make watermill's router: %w", err)
	}
	for i := range c.Topics {
		subscriber, err := c.subscriber(watermillsql.BeginnerFromPgx(pool))
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", outboxTopic(i), err)
		}
		if _, err := forwarder.NewForwarder(subscriber, publisher, c.silent, forwarder.Config{
			ForwarderTopic: outboxTopic(i), HandlerName: outboxTopic(i), Router: router,
		}); err != nil {
			return fmt.Errorf("make the forwarder of %s: %w", outboxTopic(i), err)
		}
	}
	return errors.Join(router.Run(ctx), publisher.Close())
}

// pool has a connection for each forwarder. Like the relay's of this repository its
// commits don't wait for the disk: what a crash loses is sent again.
func (c contender) pool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(c.place.URL)
	if err != nil {
		return nil, errors.New("the database's URL can't be read")
	}
	config.MaxConns = int32(c.Topics + 1)
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

// publisher waits for all replicas, as this repository's does; the key decides the
// partition.
func (c contender) publisher() (*kafka.Publisher, error) {
	config := kafka.DefaultSaramaSyncPublisherConfig()
	config.Producer.RequiredAcks = sarama.WaitForAll
	p, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers:               c.place.Kafka,
		OverwriteSaramaConfig: config,
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, m *message.Message) (string, error) {
			return m.Metadata.Get(broker.HeaderSubject), nil
		}),
	}, c.silent)
	if err != nil {
		return nil, fmt.Errorf("make watermill's publisher: %w", err)
	}
	return p, nil
}
