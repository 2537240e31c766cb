package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
)

// Inbox is this repository's inbox, as a Subject whose Relay applies.
const Inbox = "inbox"

const appliedTable = "bench_applied"

// Applier is an inbox of state, as a follower has it: each event's row is kept, if it
// is newer than the one that is there. It has nothing to write.
func Applier(p Place) Subject {
	return Subject{
		Name: Inbox,
		Prepare: func(ctx context.Context) error {
			if err := inbox.Migrate(ctx, p.DB); err != nil {
				return err
			}
			if err := p.DB.Gorm(ctx).Exec("CREATE TABLE " + appliedTable + " (id text PRIMARY KEY, version bigint NOT NULL, body text NOT NULL)").Error; err != nil {
				return fmt.Errorf("make the follower's table: %w", err)
			}
			return nil
		},
		Relay: func(ctx context.Context) error {
			b, err := inbox.New(inbox.Config{Consumer: "outboxbench", Topics: []string{p.Topic.Name}, DB: p.DB, Broker: p.Broker, Handler: follower{}})
			if err != nil {
				return err
			}
			return b.Run(ctx)
		},
	}
}

// follower keeps the newest row, for many events in one statement.
type follower struct{}

func (follower) Handle(_ context.Context, tx *gorm.DB, events []inbox.Event) error {
	newest := map[string]int{}
	for i, e := range events {
		if at, there := newest[e.Aggregate]; !there || events[at].Version < e.Version {
			newest[e.Aggregate] = i
		}
	}
	rows := []byte{'['}
	for _, at := range newest {
		if len(rows) > 1 {
			rows = append(rows, ',')
		}
		rows = append(rows, events[at].Payload...)
	}
	return tx.Exec(`INSERT INTO `+appliedTable+` AS kept (id, version, body)
		SELECT id, version, body FROM jsonb_to_recordset(?::jsonb) AS r(id text, version bigint, body text)
		ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version, body = EXCLUDED.body
		WHERE kept.version < EXCLUDED.version`, string(append(rows, ']'))).Error
}

// Applied is how fast events were applied, each once.
type Applied struct {
	// Events are different ones; Messages with the repetitions among them.
	Events, Messages int
	// Took is from the inbox's start to the commit of the last position.
	Took time.Duration
}

// PerSecond is the rate, repetitions not counted.
func (a Applied) PerSecond() float64 { return float64(a.Events) / a.Took.Seconds() }

// String is one line.
func (a Applied) String() string {
	return fmt.Sprintf("%d events (%d messages) in %v: %.0f a second", a.Events, a.Messages, a.Took.Round(time.Millisecond), a.PerSecond())
}

// versions is how many events an aggregate has, and repeatedEvery which events come
// twice.
const (
	versions      = 4
	repeatedEvery = 10
)

// MeasureApplied publishes n events, a tenth of them twice, then starts the inbox and
// waits until it has passed the last. It fails when not each was applied once.
func MeasureApplied(ctx context.Context, p Place, s Subject, n int) (Applied, error) {
	messages, err := feed(p.Topic, n)
	if err == nil {
		err = p.Broker.Publisher().Publish(ctx, messages)
	}
	if err != nil {
		return Applied{}, fmt.Errorf("publish for %s: %w", s.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	all := running(ctx, cancel, s)
	_, err = come(ctx, len(messages), func(ctx context.Context) (int, error) {
		return number(ctx, p, "SELECT coalesce(sum(next_offset), 0) FROM inbox_positions")
	})
	took := time.Since(start)
	cancel()
	if err := errors.Join(err, all.wait()); err != nil {
		return Applied{}, fmt.Errorf("apply with %s: %w", s.Name, err)
	}
	return Applied{Events: n, Messages: len(messages), Took: took}, once(context.WithoutCancel(ctx), p, n)
}

// once checks that each event was noted, and that the newest of each aggregate is
// what is kept: these versions in sum are the number of events.
func once(ctx context.Context, p Place, n int) error {
	noted, err := number(ctx, p, "SELECT count(*) FROM inbox_events")
	if err != nil {
		return err
	}
	kept, err := number(ctx, p, "SELECT coalesce(sum(version), 0) FROM "+appliedTable)
	if err != nil {
		return err
	}
	if noted != n || kept != n {
		return fmt.Errorf("%w: of %d events %d are noted, and the versions kept say %d", errLost, n, noted, kept)
	}
	return nil
}

func aggregates(n int) int { return (n + versions - 1) / versions }

// feed makes n events: all first versions, then all second ones, and so on.
func feed(topic broker.Topic, n int) ([]broker.Message, error) {
	var messages []broker.Message
	for i := range n {
		m, err := message(topic, strconv.Itoa(i%aggregates(n)), i/aggregates(n)+1)
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
		if i%repeatedEvery == 0 {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

func message(topic broker.Topic, aggregate string, version int) (broker.Message, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return broker.Message{}, fmt.Errorf("mint an event's id: %w", err)
	}
	m := broker.Message{
		Topic: topic.Name, Partition: topic.Partition(aggregate), Key: []byte(aggregate),
		Value: fmt.Appendf(nil, `{"id":%q,"version":%d,"body":%q}`, aggregate, version, Body),
	}
	for _, h := range [][2]string{
		{broker.HeaderSpecVersion, broker.SpecVersion}, {broker.HeaderID, id.String()}, {broker.HeaderType, EventType},
		{broker.HeaderSource, EventSource}, {broker.HeaderSubject, aggregate}, {broker.HeaderVersion, strconv.Itoa(version)},
		{broker.HeaderTime, time.Now().UTC().Format(time.RFC3339Nano)}, {broker.HeaderContentType, broker.ContentJSON},
	} {
		m.Headers = append(m.Headers, broker.Header{Key: h[0], Value: []byte(h[1])})
	}
	return m, nil
}

func number(ctx context.Context, p Place, query string) (n int, err error) {
	if err := p.DB.Gorm(ctx).Raw(query).Scan(&n).Error; err != nil {
		return 0, fmt.Errorf("ask how far it is: %w", err)
	}
	return n, nil
}
