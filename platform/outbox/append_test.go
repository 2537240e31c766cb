package outbox

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/telemetry"
)

func TestWhatKafkaWouldNotTakeIsRefused(t *testing.T) {
	r := newRig(t)
	for want, spoil := range map[string]func(*Event){
		"outside of a transaction": nil,
		"no name":                  func(e *Event) { e.Topic.Name = "" },
		"has 0 partitions":         func(e *Event) { e.Topic.Partitions = 0 },
		"aggregate \"\"":           func(e *Event) { e.Aggregate = "" },
		"type \"xxx":               func(e *Event) { e.Type = strings.Repeat("x", 1001) },
		"source":                   func(e *Event) { e.Source = "" },
		"version -1":               func(e *Event) { e.Version = -1 },
		"partition 4 can't be":     func(e *Event) { e.Partition = new(4) },
		"partition -1 can't be":    func(e *Event) { e.Partition = new(-1) },
		"is no UUID":               func(e *Event) { e.ID = "mine" },
		"no JSON":                  func(e *Event) { e.Data = []byte("{") },
		"too many for one message": func(e *Event) { e.Data = []byte(`"` + strings.Repeat("x", maxData) + `"`) },
		"header \"ce_id\"":         func(e *Event) { e.Headers = map[string]string{"ce_id": "x"} },
		"header \"Effects\"":       func(e *Event) { e.Headers = map[string]string{"Effects": "x"} },
		"bytes of headers":         func(e *Event) { e.Headers = map[string]string{"x": strings.Repeat("x", maxHeaders)} },
	} {
		t.Run(want, func(t *testing.T) {
			e := event("a", 1, "{}")
			if spoil == nil {
				require.ErrorContains(t, Append(r.db.Gorm(t.Context()), e), want)
				return
			}
			spoil(&e)
			err := r.db.InTx(t.Context(), func(tx *gorm.DB) error { return Append(tx, e) })
			require.ErrorContains(t, err, want)
		})
	}
	require.Zero(t, r.unpublished())
	require.NoError(t, Append(r.db.Gorm(t.Context())), "nothing needs no transaction")
}

func headers(record *kgo.Record) map[string]string {
	all := map[string]string{}
	for _, h := range record.Headers {
		all[h.Key] = string(h.Value)
	}
	return all
}

func TestAnEventArrivesAsACloudEvent(t *testing.T) {
	r := newRig(t)
	trace := telemetry.NewTrace()
	const body = `{"b": 1.0,  "a": "ä\u0000"}` // byte for byte
	e := event("0195f0c4", 7, body)
	e.Headers = map[string]string{"effects": "mail"}
	require.NoError(t, r.db.InTx(telemetry.WithTrace(t.Context(), trace), func(tx *gorm.DB) error { return Append(tx, e) }))
	_, stop := r.run(r.config())
	r.eventually("published", func() bool { return r.topicEnd() == 1 })
	stop()

	record := r.read()[0]
	require.Equal(t, body, string(record.Value))
	require.Equal(t, "0195f0c4", string(record.Key))
	require.EqualValues(t, topic.Partition("0195f0c4"), record.Partition)
	got := headers(record)
	id, err := uuid.Parse(got[broker.HeaderID])
	require.NoError(t, err)
	require.EqualValues(t, 7, id.Version())
	require.NotEmpty(t, got[broker.HeaderTime])
	delete(got, broker.HeaderID)
	delete(got, broker.HeaderTime)
	require.Equal(t, map[string]string{
		"ce_specversion": "1.0", "ce_type": "test.thing.changed", "ce_source": "/test", "ce_subject": "0195f0c4", "ce_version": "7",
		"content-type": "application/json", "traceparent": trace.String(), "effects": "mail",
	}, got)
}

// A marker goes to each partition by its number, whatever its key, and is no version.
func TestAnEventGoesWhereItIsToldAndHasTheIdThatItWasGiven(t *testing.T) {
	r := newRig(t)
	given := map[string]int{}
	for p := range topic.Partitions {
		e := event("the same key", 0, "{}")
		e.Partition, e.ID = &p, uuid.NewString()
		given[e.ID] = p
		r.append(e)
	}
	n, err := Waiting(t.Context(), r.db, topic.Name, 100)
	require.NoError(t, err)
	require.Equal(t, topic.Partitions, n)
	_, stop := r.run(r.config())
	r.eventually("published", func() bool { return r.topicEnd() == int64(topic.Partitions) })
	stop()
	for _, record := range r.read() {
		got := headers(record)
		p, known := given[got[broker.HeaderID]]
		require.True(t, known, got)
		require.EqualValues(t, p, record.Partition)
		require.NotContains(t, got, broker.HeaderVersion)
		delete(given, got[broker.HeaderID])
	}
	require.Empty(t, given)
}

func TestManyEventsOfOneTransactionKeepTheirOrder(t *testing.T) {
	r := newRig(t)
	var events []Event
	for i := range 2500 {
		events = append(events, event("a", int64(i+1), string(mustJSON(t, i))))
	}
	r.append(events...)
	_, stop := r.run(r.config())
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	stop()
	for i, record := range r.read() {
		require.Equal(t, string(mustJSON(t, i)), string(record.Value))
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestAnEventOfATransactionThatFailsIsNone(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := r.db.InTx(ctx, func(tx *gorm.DB) error {
		require.NoError(t, Append(tx, event("a", 1, "{}")))
		cancel()
		return nil
	})
	require.Error(t, err)
	require.Zero(t, r.unpublished())
}
