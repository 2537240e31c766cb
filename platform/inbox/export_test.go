package inbox

import (
	"context"
	"time"

	"banyan.dev/platform/broker"
)

// Source is what a test may wrap to break something between the database's commit and
// Kafka's.
type Source = source

// Wrap puts a test between an inbox and its partitions.
func (b *Inbox) Wrap(f func(Source) Source) { b.wrap = f }

// Trim trims now.
func (b *Inbox) Trim(ctx context.Context) error { return b.trim(ctx) }

// Serve handles one partition from any source, without a consumer group.
func (b *Inbox) Serve(ctx context.Context, topic string, partition int, s Source) error {
	return (&worker{Inbox: b, topic: topic, id: partition, source: s}).run(ctx)
}

// Settle handles messages of one partition and says when the next of those that wait
// is due.
func (b *Inbox) Settle(ctx context.Context, topic string, partition int, messages []broker.Message) (time.Time, error) {
	w := &worker{Inbox: b, topic: topic, id: partition}
	items := make([]item, len(messages))
	for i := range messages {
		items[i] = readItem(messages[i])
	}
	err := w.settle(ctx, items)
	return w.wake, err
}
