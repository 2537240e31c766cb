package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

// LetterView is a dead letter as an operator sees it: what its envelope says is read
// out, and of its payload there is as much as was asked for.
type LetterView struct {
	ID          int64           `json:"id"` // of its database: another host may have one of the same number
	Consumer    string          `json:"consumer"`
	Resource    string          `json:"resource"`
	State       string          `json:"state"`
	Kind        string          `json:"kind"`
	Reason      string          `json:"reason"`
	Topic       string          `json:"topic"`
	Partition   int             `json:"partition"`
	Offset      int64           `json:"offset"`
	EventID     string          `json:"event_id"`            // one made up from the place when it has none
	Type        string          `json:"type,omitempty"`      // as the headers say, if they do
	Source      string          `json:"source,omitempty"`    // the same
	Aggregate   string          `json:"aggregate,omitempty"` // the same, or else the message's key
	Version     string          `json:"version,omitempty"`   // as it was written: it may be what can't be read
	Attempts    int             `json:"attempts"`
	FirstAt     time.Time       `json:"first_at"` // of the attempts
	LastAt      time.Time       `json:"last_at"`
	ClosedAt    *time.Time      `json:"closed_at,omitempty"`
	Note        string          `json:"note,omitempty"`         // why it was discarded
	PublishedAt *time.Time      `json:"published_at,omitempty"` // to <topic>.dlq
	Headers     json.RawMessage `json:"headers"`                // a list of {name, value} or {name, base64}

	PayloadBytes  int             `json:"payload_bytes"`            // of the whole
	PayloadCut    bool            `json:"payload_cut,omitempty"`    // there is more than is shown
	Payload       json.RawMessage `json:"payload,omitempty"`        // when it is JSON, and whole
	PayloadText   string          `json:"payload_text,omitempty"`   // when it is text
	PayloadBinary []byte          `json:"payload_base64,omitempty"` // when it is neither
}

// Settled tells whether nobody has to do anything about it any more.
func (v LetterView) Settled() bool {
	return v.State == Redriven || v.State == Discarded || v.State == Gone
}

// letterRow is a row with as much of the payload as is shown.
type letterRow struct {
	DeadLetter
	PayloadBytes int
}

// views reads dead letters with up to so many bytes of their payloads. The database
// cuts them: a page of large ones need not be in memory. The limit must be set.
func (d DeadLetters) views(ctx context.Context, which Which, payload int) ([]LetterView, error) {
	var rows []letterRow
	if err := viewed(which.in(d.db.Gorm(ctx)), payload).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select dead letters: %w", err)
	}
	return viewsOf(rows)
}

func viewed(q *gorm.DB, payload int) *gorm.DB {
	return q.Select(`id, consumer, resource, state, kind, reason, topic, partition, record_offset, event_id, key, headers,
		substring(payload FROM 1 FOR ?) AS payload, coalesce(octet_length(payload), 0) AS payload_bytes,
		attempts, first_at, last_at, closed_at, note, published_at`, payload)
}

func viewsOf(rows []letterRow) ([]LetterView, error) {
	views := make([]LetterView, len(rows))
	for i, r := range rows {
		var err error
		if views[i], err = r.view(); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (r letterRow) view() (LetterView, error) {
	v := LetterView{
		ID: r.ID, Consumer: r.Consumer, Resource: r.Resource, State: r.State, Kind: r.Kind, Reason: r.Reason,
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, EventID: r.EventID,
		Attempts: r.Attempts, FirstAt: r.FirstAt, LastAt: r.LastAt, ClosedAt: r.ClosedAt, Note: r.Note, PublishedAt: r.PublishedAt,
		Headers: json.RawMessage(r.Headers), PayloadBytes: r.PayloadBytes,
	}
	headers, err := decodeHeaders(r.Headers)
	if err != nil {
		return v, fmt.Errorf("dead letter %d: %w", r.ID, err)
	}
	m := broker.Message{Headers: headers}
	v.Type, v.Source, v.Version = m.Header(broker.HeaderType), m.Header(broker.HeaderSource), m.Header(broker.HeaderVersion)
	if v.Aggregate = m.Header(broker.HeaderSubject); v.Aggregate == "" && utf8.Valid(r.Key) {
		v.Aggregate = string(r.Key)
	}
	v.show(r.Payload)
	return v, nil
}

// show puts the payload where it can be read best. What is cut is no JSON any more.
func (v *LetterView) show(payload []byte) {
	v.PayloadCut = len(payload) < v.PayloadBytes
	text := payload
	if v.PayloadCut {
		text = wholeRunes(payload)
	}
	switch readable := utf8.Valid(text); {
	case len(payload) == 0:
	case readable && !v.PayloadCut && json.Valid(payload):
		v.Payload = payload
	case readable && !strings.ContainsRune(string(text), 0):
		v.PayloadText = string(text)
	default:
		v.PayloadBinary = payload
	}
}

// wholeRunes leaves out the beginning of a character that was cut.
func wholeRunes(text []byte) []byte {
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if at := len(text) - cut; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return text[:at]
			}
			return text
		}
	}
	return text
}
