package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
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
	kafka, err := broker.New(broker.Config{Addrs: h.cfg.KafkaAddrs, Access: h.cfg.Access, ClientID: h.cfg.Replica, Logger: h.logger})
	if err != nil {
		return fmt.Errorf("KAFKA_ADDRS: %w", err)
	}
	h.stack.Push("broker", func(context.Context) error { kafka.Close(); return nil })
	h.kafka = kafka
	relay, err := outbox.NewRelay(outbox.Config{
		URL: h.cfg.DatabaseURL, Topics: []broker.Topic{topic}, Publisher: kafka.Publisher(),
		Name: h.cfg.Replica + "-relay", Registerer: h.registry, Logger: h.logger,
	})
	if err != nil {
		return err
	}
	in, err := inbox.New(inbox.Config{
		Consumer: group, Resource: store.Resource, Topics: []string{topic.Name}, DB: db, Broker: kafka,
		Handler: store.NewFollower(store.FollowerConfig{Source: source, Topic: topic}), Kind: inbox.State,
		Registerer: h.registry, Logger: h.logger,
	})
	if err != nil {
		return err
	}
	if h.parts.backfill, err = h.newBackfill(db, kafka); err != nil {
		return err
	}
	h.topics = newTopics(kafka)
	h.keep("topics", func(ctx context.Context) error { h.topics.ensure(ctx, h); return nil })
	h.keep("relay", h.topics.before(relay.Run))
	h.keep("notifier", func(ctx context.Context) error { h.parts.notifier.Run(ctx); return nil })
	h.keep("backfill", h.topics.before(func(ctx context.Context) error { h.parts.backfill.Run(ctx); return nil }))
	h.keep("inbox", h.topics.before(in.Run))
	h.keep("monolith's answer", func(ctx context.Context) error { h.hear(ctx); return nil })
	return nil
}

// newBackfill fills the other side's database, should this one be the owner then.
func (h *host) newBackfill(db *database.DB, kafka *broker.Broker) (*backfill.Runner, error) {
	return backfill.New(db, backfill.Config{
		Resource: store.Resource, Source: store.NewChunks(h.parts.side, h.parts.feed), Topic: topic,
		Wake: h.parts.notifier.Wake, Worker: h.cfg.Replica, Logger: h.logger,
		Behind: func(ctx context.Context) (int64, error) { return behind(ctx, kafka) },
	})
}

// behind is how many messages the monolith has still to apply.
func behind(ctx context.Context, kafka *broker.Broker) (int64, error) {
	lags, err := kafka.Lag(ctx, peer, topic.Name)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, lag := range lags {
		sum += lag.Behind()
	}
	return sum, nil
}

// topics are made before they are used, however long Kafka is away. It is safe for
// concurrent use.
type topics struct {
	kafka *broker.Broker
	there chan struct{} // closed when they are

	mu  sync.Mutex
	why error // they are not there yet
}

func newTopics(kafka *broker.Broker) *topics {
	return &topics{kafka: kafka, there: make(chan struct{})}
}

// The pauses between two tries to make the topics.
const (
	firstTopicPause = 200 * time.Millisecond
	lastTopicPause  = 5 * time.Second
)

func (t *topics) ensure(ctx context.Context, h *host) {
	for pause := firstTopicPause; ; pause = min(2*pause, lastTopicPause) {
		err := t.kafka.EnsureTopics(ctx, topic)
		t.mu.Lock()
		t.why = err
		t.mu.Unlock()
		if err == nil {
			close(t.there)
			return
		}
		if ctx.Err() == nil {
			h.logger.ErrorContext(ctx, "no events yet: the topic can't be used; it is tried again", "KAFKA_ADDRS", h.cfg.KafkaAddrs, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// before runs what needs the topics once they are there.
func (t *topics) before(run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-t.there:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// state is for the topology: on, or why not.
func (t *topics) state() string {
	select {
	case <-t.there:
		return "on"
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		return "starting"
	}
	return t.why.Error()
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
			h.logger.WarnContext(ctx, "the monolith does not answer this host yet", "MONOLITH_URLS", h.cfg.MonolithURLs, "error", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}
