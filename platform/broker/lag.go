package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Lag is how far a group is behind in one partition.
type Lag struct {
	Topic     string
	Partition int
	// Committed is the offset of the next message that the group would get; -1 when it
	// has committed nothing.
	Committed int64
	// First and End are the offsets of the first message kept and of the next one to
	// be written.
	First, End int64
}

// Behind is how many offsets there are to go; on a compacted topic that is more than
// there are messages.
func (l Lag) Behind() int64 { return max(0, l.End-max(l.Committed, l.First)) }

// Lag returns an entry for each partition of a topic, in order.
func (b *Broker) Lag(ctx context.Context, group, topic string) ([]Lag, error) {
	n, err := b.partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	lags := make([]Lag, n)
	for i := range lags {
		lags[i] = Lag{Topic: topic, Partition: i, Committed: -1}
	}
	// Committed first: what is committed afterwards can then not lie behind the end.
	if err := b.committed(ctx, group, lags); err != nil {
		return nil, err
	}
	first := func(l *Lag, p kafka.PartitionOffsets) { l.First = p.FirstOffset }
	end := func(l *Lag, p kafka.PartitionOffsets) { l.End = p.LastOffset }
	if err := b.offsets(ctx, lags, kafka.FirstOffsetOf, first); err != nil {
		return nil, err
	}
	return lags, b.offsets(ctx, lags, kafka.LastOffsetOf, end)
}

// Behind is how many offsets the group has to go in all partitions of a topic.
func (b *Broker) Behind(ctx context.Context, group, topic string) (int64, error) {
	lags, err := b.Lag(ctx, group, topic)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, lag := range lags {
		sum += lag.Behind()
	}
	return sum, nil
}

// coordinating is the pause before a group's coordinator is asked once more.
const coordinating = 50 * time.Millisecond

// committed asks how far the group has come. A cluster whose first group this is makes
// the topic of offsets now: until that has its leaders it knows no coordinator, or names
// one that does not know of it yet (KIP-699 has the errors). So it is while a
// coordinator moves to another broker.
func (b *Broker) committed(ctx context.Context, group string, lags []Lag) error {
	for {
		err := b.askCommitted(ctx, group, lags)
		if err == nil || !unsettled(err) {
			return err
		}
		select {
		case <-time.After(coordinating):
		case <-ctx.Done():
			return err
		}
	}
}

func unsettled(err error) bool {
	return errors.Is(err, kafka.NotCoordinatorForGroup) || errors.Is(err, kafka.GroupCoordinatorNotAvailable) || errors.Is(err, kafka.GroupLoadInProgress)
}

func (b *Broker) askCommitted(ctx context.Context, group string, lags []Lag) error {
	topic := lags[0].Topic
	answer, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: all(len(lags))}})
	if err == nil && !errors.Is(answer.Error, kafka.GroupIdNotFound) { // no group yet: nothing committed
		err = answer.Error
	}
	if err != nil {
		return fmt.Errorf("offsets of group %s: %w", group, err)
	}
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return fmt.Errorf("offset of group %s in %s/%d: %w", group, topic, p.Partition, p.Error)
		}
		lags[p.Partition].Committed = p.CommittedOffset
	}
	return nil
}

// offsets asks for one kind at a time: Kafka refuses a request that names a
// partition twice.
func (b *Broker) offsets(ctx context.Context, lags []Lag, of func(int) kafka.OffsetRequest, set func(*Lag, kafka.PartitionOffsets)) error {
	topic := lags[0].Topic
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for i := range lags {
		request.Topics[topic] = append(request.Topics[topic], of(i))
	}
	answer, err := b.client.ListOffsets(ctx, request)
	if err != nil {
		return fmt.Errorf("offsets of topic %s: %w", topic, err)
	}
	for _, p := range answer.Topics[topic] {
		if p.Error != nil {
			return fmt.Errorf("offset of %s/%d: %w", topic, p.Partition, p.Error)
		}
		set(&lags[p.Partition], p)
	}
	return nil
}
