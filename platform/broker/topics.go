package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// EnsureTopics makes the topics that are not there, and says when one that is there
// has another number of partitions: then an outbox's shards and the topic's
// partitions would not be the same thing. Hosts call it at start, before they
// publish or consume; several may at the same time. After it, the topics can be
// written to.
func (b *Broker) EnsureTopics(ctx context.Context, topics ...Topic) error {
	if err := b.conns.usable(); err != nil {
		return err
	}
	for _, t := range topics {
		if err := t.Check(); err != nil {
			return err
		}
		if err := b.createTopic(ctx, t); err != nil {
			return err
		}
	}
	for _, t := range topics {
		if err := b.compareTopic(ctx, t); err != nil {
			return err
		}
		if err := b.awaitLeaders(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// awaitLeaders waits until each partition's leader knows that it is one. Metadata tells
// of a leader before that: for some milliseconds Kafka then refuses messages with
// NOT_LEADER_OR_FOLLOWER, as it refuses to tell the partition's end.
func (b *Broker) awaitLeaders(ctx context.Context, t Topic) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	ends := make([]Lag, t.Partitions)
	for i := range ends {
		ends[i].Topic, ends[i].Partition = t.Name, i
	}
	for {
		err := b.offsets(ctx, ends, kafka.LastOffsetOf, func(*Lag, kafka.PartitionOffsets) {})
		if err == nil {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for the leaders of topic %s: %w", t.Name, err)
		}
	}
}

func (b *Broker) createTopic(ctx context.Context, t Topic) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	wanted := kafka.TopicConfig{Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: t.Replicas}
	if t.Replicas == 0 {
		wanted.ReplicationFactor = -1 // the cluster's default (KIP-464)
	}
	if t.Retention != 0 {
		wanted.ConfigEntries = append(wanted.ConfigEntries, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: retention(t)})
	}
	for name, value := range t.Config {
		wanted.ConfigEntries = append(wanted.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	answer, err := b.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{wanted}})
	if err == nil {
		err = answer.Errors[t.Name]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	}
	return nil
}

func retention(t Topic) string {
	if t.Retention < 0 {
		return "-1"
	}
	return strconv.FormatInt(t.Retention.Milliseconds(), 10)
}

func (b *Broker) compareTopic(ctx context.Context, t Topic) error {
	found, err := b.partitions(ctx, t.Name)
	if err != nil {
		return err
	}
	if found != t.Partitions {
		return fmt.Errorf("topic %s has %d partitions and should have %d: the number is fixed when it is made; set it to %d here, or move to a topic of another name", t.Name, found, t.Partitions, found)
	}
	return nil
}

// partitions waits until the transport knows the topic with a leader for each
// partition, and returns their number. The transport answers from what it asked
// last, and asks again every metadataTTL: a topic that another host has made a
// moment ago isn't known yet.
func (b *Broker) partitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	for {
		n, err := b.askPartitions(ctx, topic)
		if err == nil {
			return n, nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return 0, fmt.Errorf("ask for topic %s: %w", topic, err)
		}
	}
}

func (b *Broker) askPartitions(ctx context.Context, topic string) (int, error) {
	answer, err := b.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	if len(answer.Topics) == 0 {
		return 0, kafka.UnknownTopicOrPartition
	}
	t := answer.Topics[0]
	if t.Error != nil {
		return 0, t.Error
	}
	for _, p := range t.Partitions {
		if p.Error != nil {
			return 0, fmt.Errorf("partition %d: %w", p.ID, p.Error)
		}
	}
	return len(t.Partitions), nil
}
