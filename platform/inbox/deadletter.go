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
	"banyan.dev/platform/database"
)

// deadLetter is a row of inbox_dead_letters as it is inserted.
type deadLetter struct {
	Consumer, Resource, Kind, Reason string
	Topic                            string
	Partition                        int
	RecordOffset                     int64
	EventID                          string
	Key                              []byte
	headers                          []broker.Header
	Payload                          []byte
	Attempts                         int
	FirstAt, LastAt                  time.Time
}

// maxReason keeps rows and logs readable: a reason may hold a whole stack.
const maxReason = 4000

func newDeadLetter(cfg Config, it item, c condemned, at time.Time) deadLetter {
	first := c.first
	if first.IsZero() || first.After(at) {
		first = at
	}
	return deadLetter{
		Consumer: cfg.Consumer, Resource: cfg.Resource, Kind: c.kind, Reason: printable(c.reason),
		Topic: it.message.Topic, Partition: it.message.Partition, RecordOffset: it.message.Offset, EventID: it.event.ID,
		Key: it.message.Key, headers: it.message.Headers, Payload: it.message.Value,
		Attempts: c.attempts, FirstAt: first, LastAt: at,
	}
}

// printable is what a text column takes.
func printable(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	return s
}

// bury notes what is put aside in the transaction that passes over it.
func (p *pass) bury() error {
	for _, d := range p.outcome.buried {
		headers, err := encodeHeaders(d.headers)
		if err != nil {
			return err
		}
		err = p.tx.Exec(`INSERT INTO inbox_dead_letters (consumer, resource, kind, reason, topic, partition, record_offset, event_id, key, headers, payload, attempts, first_at, last_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (consumer, event_id) DO NOTHING`,
			d.Consumer, d.Resource, d.Kind, d.Reason, d.Topic, d.Partition, d.RecordOffset, d.EventID, d.Key, headers, d.Payload,
			d.Attempts, d.FirstAt, d.LastAt).Error
		if err != nil {
			return fmt.Errorf("insert dead letter: %w", err)
		}
	}
	return nil
}

// header is one as it is kept: as text where it is text.
type header struct {
	Name   string  `json:"name"`
	Value  *string `json:"value,omitempty"`
	Binary []byte  `json:"base64,omitempty"`
}

func encodeHeaders(headers []broker.Header) (string, error) {
	rows := make([]header, len(headers))
	for i, h := range headers {
		rows[i] = header{Name: strings.ReplaceAll(strings.ToValidUTF8(h.Key, "�"), "\x00", "�")}
		if text := string(h.Value); utf8.ValidString(text) && !strings.ContainsRune(text, 0) {
			rows[i].Value = &text
		} else {
			rows[i].Binary = h.Value
		}
	}
	encoded, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("encode headers: %w", err)
	}
	return string(encoded), nil
}

func decodeHeaders(encoded []byte) ([]broker.Header, error) {
	var rows []header
	if err := json.Unmarshal(encoded, &rows); err != nil {
		return nil, fmt.Errorf("decode headers: %w", err)
	}
	headers := make([]broker.Header, len(rows))
	for i, h := range rows {
		headers[i] = broker.Header{Key: h.Name, Value: h.Binary}
		if h.Value != nil {
			headers[i].Value = []byte(*h.Value)
		}
	}
	return headers, nil
}

// The states of a dead letter. Unsettled is no row's, but what is asked for when both that
// somebody has to settle are meant: Open and Redrive.
const (
	Open      = "open"      // nobody has done anything about it
	Redrive   = "redrive"   // it is to be handled again, and was not yet
	Redriven  = "redriven"  // it was handled after all
	Discarded = "discarded" // somebody decided that it is not needed
	Unsettled = "unsettled"
	// Gone is no row's either: LettersClient.Await says so of one that the host has no more.
	Gone = "gone"
)

// DeadLetter is an event that could not be handled.
type DeadLetter struct {
	ID          int64      `json:"id"`
	Consumer    string     `json:"consumer"`
	Resource    string     `json:"resource"`
	State       string     `json:"state"`
	Kind        string     `json:"kind"`
	Reason      string     `json:"reason"`
	Topic       string     `json:"topic"`
	Partition   int        `json:"partition"`
	Offset      int64      `json:"offset" gorm:"column:record_offset"`
	EventID     string     `json:"event_id"` // one made up from the place when it has none
	Key         []byte     `json:"key"`
	Headers     RawJSON    `json:"headers"` // a list of {name, value} or {name, base64}
	Payload     []byte     `json:"payload"`
	Attempts    int        `json:"attempts"`
	FirstAt     time.Time  `json:"first_at"` // of the attempts
	LastAt      time.Time  `json:"last_at"`
	ClosedAt    *time.Time `json:"closed_at,omitempty"`
	Note        string     `json:"note,omitempty"`         // why it was discarded
	PublishedAt *time.Time `json:"published_at,omitempty"` // to <topic>.dlq
}

// RawJSON is JSON as the database has it.
type RawJSON []byte

// MarshalJSON returns it as it is.
func (r RawJSON) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// Which says which dead letters are asked for; empty fields allow any.
type Which struct {
	Consumer string
	Resource string
	State    string // or Unsettled
	IDs      []int64
	// After is the id of the last one seen; Limit is at most 1000, 0 means 100.
	After int64
	Limit int
}

// DeadLetters is what an operator does about them. It needs the database only, and is
// safe for concurrent use.
type DeadLetters struct{ db *database.DB }

// NewDeadLetters returns the operations over the database of an inbox.
func NewDeadLetters(db *database.DB) DeadLetters { return DeadLetters{db} }

// List returns dead letters, oldest first.
func (d DeadLetters) List(ctx context.Context, which Which) ([]DeadLetter, error) {
	which.Limit = which.limit()
	var all []DeadLetter
	if err := which.in(d.db.Gorm(ctx)).Find(&all).Error; err != nil {
		return nil, fmt.Errorf("select dead letters: %w", err)
	}
	return all, nil
}

// The bounds of a list.
const (
	lettersByDefault = 100
	mostLetters      = 1000
)

// in is the question to a database.
func (w Which) in(db *gorm.DB) *gorm.DB {
	q := db.Table("inbox_dead_letters").Where("id > ?", w.After)
	state := w.State
	if state == Unsettled {
		q, state = q.Where("state IN ?", []string{Open, Redrive}), ""
	}
	for column, value := range map[string]string{"consumer": w.Consumer, "resource": w.Resource, "state": state} {
		if value != "" {
			q = q.Where(column+" = ?", value)
		}
	}
	if len(w.IDs) > 0 {
		q = q.Where("id IN ?", w.IDs)
	}
	return q.Order("id").Limit(w.Limit)
}

// limit is the number asked for, within its bounds.
func (w Which) limit() int {
	if w.Limit < 1 {
		return lettersByDefault
	}
	return min(w.Limit, mostLetters)
}

// Redrive asks that open dead letters are handled again: the consumer does it within
// its next round, in no order with other events and whatever their versions, and
// leaves those open that fail again. It returns how many it asked for.
func (d DeadLetters) Redrive(ctx context.Context, ids ...int64) (int, error) {
	return d.change(ctx, ids, `UPDATE inbox_dead_letters SET state = 'redrive' WHERE state = 'open' AND id IN ?`)
}

// Discard closes open dead letters that are not needed, with the reason. It returns
// how many.
func (d DeadLetters) Discard(ctx context.Context, note string, ids ...int64) (int, error) {
	if strings.TrimSpace(note) == "" {
		return 0, fmt.Errorf("discard %d dead letters: say why: somebody will ask", len(ids))
	}
	return d.change(ctx, ids, `UPDATE inbox_dead_letters SET state = 'discarded', closed_at = now(), note = ? WHERE state IN ('open', 'redrive') AND id IN ?`, printable(note))
}

func (d DeadLetters) change(ctx context.Context, ids []int64, statement string, args ...any) (changed int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = d.db.InTx(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(statement, append(args, ids)...)
		changed = int(done.RowsAffected)
		return done.Error
	})
	if err != nil {
		return 0, fmt.Errorf("change dead letters: %w", err)
	}
	return changed, nil
}

// OpenDeadLetters counts the dead letters of a resource that nobody has settled, in a
// transaction: one that takes the resource's ownership must find none. An event that
// was passed over before a marker is counted once the marker was handled, since both
// are in the order of their partition.
func OpenDeadLetters(tx *gorm.DB, resource string) (int, error) {
	var n int
	err := tx.Raw(`SELECT count(*) FROM inbox_dead_letters WHERE resource = ? AND state IN ('open', 'redrive')`, resource).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("count open dead letters of %s: %w", resource, err)
	}
	return n, nil
}
