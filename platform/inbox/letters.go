package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

// DeadLetterTopic is where a topic's dead letters are published, for whoever watches
// topics. The rows in the database are what counts.
func DeadLetterTopic(topic string) string { return topic + ".dlq" }

// The headers that say why a message is on a dead-letter topic, beside its own.
const (
	HeaderConsumer  = "dlq_consumer"
	HeaderKind      = "dlq_kind"
	HeaderReason    = "dlq_reason"
	HeaderAttempts  = "dlq_attempts"
	HeaderFirstAt   = "dlq_first_at"
	HeaderLastAt    = "dlq_last_at"
	HeaderTopic     = "dlq_topic"
	HeaderPartition = "dlq_partition"
	HeaderOffset    = "dlq_offset"
	HeaderEventID   = "dlq_event_id" // who reads the topic knows repetitions by it and the consumer
)

const (
	lettersAtOnce = 100
	lettersLease  = 30 * time.Second
)

// letters publishes dead letters.
type letters struct {
	*Inbox
	ready map[string]bool // topics that are there
}

func newLetters(b *Inbox) *letters { return &letters{b, map[string]bool{}} }

// publish sends what is not published yet: at least once.
func (l *letters) publish(ctx context.Context) error {
	for {
		found, err := l.claim(ctx)
		if err != nil || len(found) == 0 {
			return err
		}
		if err := l.send(ctx, found); err != nil {
			return err
		}
		if len(found) < lettersAtOnce {
			return nil
		}
	}
}

// claim takes some for a while, so that two members don't publish the same ones, and
// no transaction is open while the network is waited for.
func (l *letters) claim(ctx context.Context) (found []DeadLetter, err error) {
	err = l.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
		found = nil
		return tx.Raw(`UPDATE inbox_dead_letters SET publish_after = now() + ? * interval '1 second' WHERE id IN (
				SELECT id FROM inbox_dead_letters WHERE consumer = ? AND published_at IS NULL AND publish_after <= now() ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED
			) RETURNING *`, lettersLease.Seconds(), l.cfg.Consumer, lettersAtOnce).Scan(&found).Error
	})
	if err != nil {
		return nil, fmt.Errorf("claim dead letters: %w", err)
	}
	return found, nil
}

func (l *letters) send(ctx context.Context, found []DeadLetter) error {
	messages := make([]broker.Message, len(found))
	for i := range found {
		if err := l.ensure(ctx, DeadLetterTopic(found[i].Topic)); err != nil {
			return err
		}
		m, err := found[i].message()
		if err != nil {
			return err
		}
		messages[i] = m
	}
	err := l.Inbox.letters.Publish(ctx, messages)
	var partly *broker.PublishError
	if err != nil && !errors.As(err, &partly) {
		return fmt.Errorf("publish dead letters: %w", err)
	}
	var sent []int64
	for i := range found {
		if partly == nil || partly.Errors[i] == nil {
			sent = append(sent, found[i].ID)
		}
	}
	if len(sent) > 0 {
		marked := l.cfg.DB.InTx(ctx, func(tx *gorm.DB) error {
			return tx.Exec(`UPDATE inbox_dead_letters SET published_at = now() WHERE id IN ?`, sent).Error
		})
		err = errors.Join(err, marked)
	}
	return err
}

// ensure makes the topic. One partition is enough for what should be empty.
func (l *letters) ensure(ctx context.Context, topic string) error {
	if l.ready[topic] {
		return nil
	}
	if err := l.cfg.Broker.EnsureTopics(ctx, broker.Topic{Name: topic, Partitions: 1, Retention: -1}); err != nil {
		return fmt.Errorf("make the dead-letter topic: %w", err)
	}
	l.ready[topic] = true
	return nil
}

// message is the dead letter as it was, with why.
func (d *DeadLetter) message() (broker.Message, error) {
	headers, err := decodeHeaders(d.Headers)
	if err != nil {
		return broker.Message{}, err
	}
	for _, h := range [][2]string{
		{HeaderConsumer, d.Consumer}, {HeaderKind, d.Kind}, {HeaderReason, d.Reason}, {HeaderAttempts, strconv.Itoa(d.Attempts)},
		{HeaderFirstAt, d.FirstAt.UTC().Format(time.RFC3339Nano)}, {HeaderLastAt, d.LastAt.UTC().Format(time.RFC3339Nano)},
		{HeaderTopic, d.Topic}, {HeaderPartition, strconv.Itoa(d.Partition)}, {HeaderOffset, strconv.FormatInt(d.Offset, 10)},
		{HeaderEventID, d.EventID},
	} {
		headers = append(headers, broker.Header{Key: h[0], Value: []byte(h[1])})
	}
	return broker.Message{Topic: DeadLetterTopic(d.Topic), Key: d.Key, Value: d.Payload, Headers: headers}, nil
}
