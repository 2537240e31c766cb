package outboxbench

import (
	"context"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/outbox"
)

// body is a comment's event, more or less.
const body = `{"id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3d","post_id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3e","author":{"id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3f","name":"Ada"},"body":"The banyan sends down roots from its branches, and they become trunks.","status":"approved","version":1,"created_at":"2026-01-02T03:04:05.678Z"}`

// Own is this repository's outbox over a database (its URL, and a pool on it) that
// has the outbox's table; PrepareOwn makes the other one.
func Own(url string, db *database.DB, b *broker.Broker, topic broker.Topic) Subject {
	notifier := outbox.NewNotifier(db, nil)
	s := Subject{Name: "outbox", Broker: b, Topic: topic}
	s.Write = func(ctx context.Context, keys []string) error {
		err := db.InTx(ctx, func(tx *gorm.DB) error { return change(tx, topic, keys) })
		notifier.Wake()
		return err
	}
	s.Relay = func(ctx context.Context) error {
		relay, err := outbox.NewRelay(outbox.Config{URL: url, Topics: []broker.Topic{topic}, Publisher: b.Publisher()})
		if err != nil {
			return err
		}
		var all sync.WaitGroup
		all.Go(func() { notifier.Run(ctx) })
		defer all.Wait()
		return relay.Run(ctx)
	}
	return s
}

// PrepareOwn makes the tables that Own writes to.
func PrepareOwn(ctx context.Context, db *database.DB) error {
	if err := outbox.Migrate(ctx, db); err != nil {
		return err
	}
	if err := db.Gorm(ctx).Exec("CREATE TABLE IF NOT EXISTS bench_things (id text PRIMARY KEY, version bigint NOT NULL, body text NOT NULL)").Error; err != nil {
		return fmt.Errorf("make the benchmark's table: %w", err)
	}
	return nil
}

// change inserts rows, which locks them, and tells of each.
func change(tx *gorm.DB, topic broker.Topic, keys []string) error {
	events := make([]outbox.Event, len(keys))
	for i, key := range keys {
		events[i] = outbox.Event{Topic: topic, Aggregate: key, Version: 1, Type: "dev.banyan.bench.made", Source: "/bench", Data: []byte(body)}
	}
	rows := make([]map[string]any, len(keys))
	for i, key := range keys {
		rows[i] = map[string]any{"id": key, "version": 1, "body": "x"}
	}
	if err := tx.Table("bench_things").Create(rows).Error; err != nil {
		return fmt.Errorf("make the benchmark's change: %w", err)
	}
	return outbox.Append(tx, events...)
}
