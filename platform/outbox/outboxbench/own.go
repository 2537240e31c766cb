package outboxbench

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox"
)

// Outbox is this repository's way.
const Outbox = "outbox"

// Body is a comment's event, more or less: what each event carries.
const Body = `{"id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3d","post_id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3e","author":{"id":"0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3f","name":"Ada"},"body":"The banyan sends down roots from its branches, and they become trunks.","status":"approved","version":1,"created_at":"2026-01-02T03:04:05.678Z"}`

// What each event is.
const (
	EventType   = "dev.banyan.bench.made"
	EventSource = "/bench"
)

// Own is this repository's outbox, as it comes: all settings of the relay are its
// defaults.
func Own(p Place) Subject {
	notifier := outbox.NewNotifier(p.DB, nil)
	return Subject{
		Name: Outbox,
		Prepare: func(ctx context.Context) error {
			if err := outbox.Migrate(ctx, p.DB); err != nil {
				return err
			}
			return PrepareChange(ctx, p)
		},
		Write: func(ctx context.Context, keys []string) error {
			err := p.DB.InTx(ctx, func(tx *gorm.DB) error {
				if err := Change(tx, keys); err != nil {
					return err
				}
				return appendTo(tx, p, keys)
			})
			notifier.Wake()
			return err
		},
		Beside: func(ctx context.Context) error {
			notifier.Run(ctx)
			return nil
		},
		Relay: func(ctx context.Context) error {
			relay, err := outbox.NewRelay(outbox.Config{URL: p.URL, Topics: []broker.Topic{p.Topic}, Publisher: p.Broker.Publisher()})
			if err != nil {
				return err
			}
			return relay.Run(ctx)
		},
	}
}

func appendTo(tx *gorm.DB, p Place, keys []string) error {
	events := make([]outbox.Event, len(keys))
	for i, key := range keys {
		events[i] = outbox.Event{Topic: p.Topic, Aggregate: key, Version: 1, Type: EventType, Source: EventSource, Data: []byte(Body)}
	}
	return outbox.Append(tx, events...)
}

// PrepareChange makes the table of the business that all subjects write to.
func PrepareChange(ctx context.Context, p Place) error {
	err := p.DB.Gorm(ctx).Exec("CREATE TABLE IF NOT EXISTS bench_things (id text PRIMARY KEY, version bigint NOT NULL, body text NOT NULL)").Error
	if err != nil {
		return fmt.Errorf("make the benchmark's table: %w", err)
	}
	return nil
}

// Change is the business: it inserts a row for each key, which locks it.
func Change(tx *gorm.DB, keys []string) error {
	rows := make([]map[string]any, len(keys))
	for i, key := range keys {
		rows[i] = map[string]any{"id": key, "version": 1, "body": "x"}
	}
	if err := tx.Table("bench_things").Create(rows).Error; err != nil {
		return fmt.Errorf("make the benchmark's change: %w", err)
	}
	return nil
}
