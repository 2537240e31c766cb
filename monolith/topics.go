package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"banyan.dev/platform/broker"
)

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

func (t *topics) ensure(ctx context.Context, logger *slog.Logger, addrs []string) {
	for pause := firstTopicPause; ; pause = min(2*pause, lastTopicPause) {
		err := t.kafka.EnsureTopics(ctx, commentsTopic, postsTopic)
		t.mu.Lock()
		t.why = err
		t.mu.Unlock()
		if err == nil {
			close(t.there)
			return
		}
		if ctx.Err() == nil {
			logger.ErrorContext(ctx, "events wait in the outbox: the topics can't be used; it is tried again", "KAFKA_ADDRS", addrs, "error", err)
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

// state is for people: ready, or why not.
func (t *topics) state() string {
	select {
	case <-t.there:
		return "ready"
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		return "starting"
	}
	return t.why.Error()
}
