package main

import (
	"context"
	"time"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
)

// startEvents starts what moves events. It all waits until the topics are there, and
// the host does not wait for it: reads are answered while Kafka is away, and an owner's
// events wait in the outbox.
//
// It ends in the reverse order: first nothing more is applied and no page of a
// backfill made, then what is written goes out.
func (h *host) startEvents(db *database.DB) error {
	kafka, err := h.Broker()
	if err != nil {
		return err
	}
	h.kafka = kafka
	relay, err := outbox.NewRelay(outbox.Config{
		URL: h.cfg.DatabaseURL, Topics: []broker.Topic{topic}, Publisher: kafka.Publisher(),
		Name: h.cfg.Replica + "-relay", Registerer: h.Registry, Logger: h.Logger,
	})
	if err != nil {
		return err
	}
	in, err := inbox.New(inbox.Config{
		Consumer: group, Resource: store.Resource, Topics: []string{topic.Name}, DB: db, Broker: kafka,
		Handler: store.NewFollower(store.FollowerConfig{Source: source, Topic: topic}), Kind: inbox.State,
		Registerer: h.Registry, Logger: h.Logger,
	})
	if err != nil {
		return err
	}
	if h.parts.backfill, err = h.newBackfill(db, kafka); err != nil {
		return err
	}
	h.topics = hosting.NewTopics(kafka, topic)
	h.Keep("topics", func(ctx context.Context) error {
		return h.topics.Ensure(ctx, func(err error) {
			h.Logger.ErrorContext(ctx, "no events yet: the topic can't be used; it is tried again", "KAFKA_ADDRS", h.cfg.KafkaAddrs, "error", err)
		})
	})
	h.Keep("relay", h.topics.Before(relay.Run))
	h.Keep("notifier", func(ctx context.Context) error { h.parts.notifier.Run(ctx); return nil })
	h.Keep("backfill", h.topics.Before(func(ctx context.Context) error { h.parts.backfill.Run(ctx); return nil }))
	h.Keep("inbox", h.topics.Before(in.Run))
	h.Keep("monolith's answer", func(ctx context.Context) error { h.hear(ctx); return nil })
	return nil
}

// newBackfill fills the other side's database, should this one be the owner then.
func (h *host) newBackfill(db *database.DB, kafka *broker.Broker) (*backfill.Runner, error) {
	return backfill.New(db, backfill.Config{
		Resource: store.Resource, Source: store.NewChunks(h.parts.side, h.parts.feed), Topic: topic,
		Wake: h.parts.notifier.Wake, Worker: h.cfg.Replica, Logger: h.Logger,
		Behind: func(ctx context.Context) (int64, error) { return kafka.Behind(ctx, peer, topic.Name) }, // of the monolith
	})
}

// hear says in the log when the monolith does not take this host for what it is: a key
// that differs would else show at the first request only. That it is away is no fault:
// it may start later, and is asked less and less often until it answers.
func (h *host) hear(ctx context.Context) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		err := h.parts.monolith.Check(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			h.Logger.WarnContext(ctx, "the monolith does not answer this host yet", "MONOLITH_URLS", h.cfg.MonolithURLs, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
