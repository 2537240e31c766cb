package hosting

import (
	"context"
	"sync"
	"time"

	"banyan.dev/platform/broker"
)

// Topics are made before they are used, however long Kafka is away. It is safe for
// concurrent use.
type Topics struct {
	kafka *broker.Broker
	all   []broker.Topic
	there chan struct{} // closed when they are

	mu  sync.Mutex
	why error // they are not there yet
}

// NewTopics returns topics that are not made yet: Ensure does that.
func NewTopics(kafka *broker.Broker, all ...broker.Topic) *Topics {
	return &Topics{kafka: kafka, all: all, there: make(chan struct{})}
}

// The pauses between two tries to make the topics.
const (
	firstTopicPause = 200 * time.Millisecond
	lastTopicPause  = 5 * time.Second
)

// Ensure returns when the topics are there, or ctx has ended, with its error; each try
// that came to nothing is told. It is called once.
func (t *Topics) Ensure(ctx context.Context, failed func(error)) error {
	for pause := firstTopicPause; ; pause = min(2*pause, lastTopicPause) {
		err := t.kafka.EnsureTopics(ctx, t.all...)
		t.mu.Lock()
		t.why = err
		t.mu.Unlock()
		if err == nil {
			close(t.there)
			return nil
		}
		if ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Before runs what needs the topics once they are there.
func (t *Topics) Before(run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-t.there:
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// TopicsReady is the state of topics that are there.
const TopicsReady = "ready"

// State is for people: TopicsReady, starting, or why not.
func (t *Topics) State() string {
	select {
	case <-t.there:
		return TopicsReady
	default:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		return "starting"
	}
	return t.why.Error()
}
