package notes

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// The types of events.
const (
	typeChanged = "dev.banyan.lab.note.changed"
	typeChunk   = "dev.banyan.lab.notes.chunk"
	typeMarker  = "dev.banyan.lab.notes.drained"
)

// state is the body of an event: notes whole, with the keys they were written with.
type state struct {
	Notes []Note `json:"notes"`
	Keys  []Key  `json:"keys"`
}

// marker is the body of the event that ends an epoch in a partition.
type marker struct {
	Epoch      int64 `json:"epoch"`
	Partition  int   `json:"partition"`
	Partitions int   `json:"partitions"`
}

// told is an event before it has a topic.
type told struct {
	kind, aggregate string
	version         int64
	partition       *int
	body            any
}

func changed(by string, n Note) told {
	return told{kind: typeChanged, aggregate: n.ID, version: n.Version, body: state{Notes: []Note{n}, Keys: []Key{{by, n.ID, n.Version}}}}
}

// tell appends events to the outbox, in the transaction of the change.
func (s *Store) tell(tx *gorm.DB, all ...told) error {
	if s.cfg.Feed.Name == "" {
		return nil
	}
	events := make([]outbox.Event, len(all))
	for i, t := range all {
		body, err := json.Marshal(t.body)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", t.kind, err)
		}
		events[i] = outbox.Event{
			Topic: s.cfg.Feed, Partition: t.partition, Aggregate: t.aggregate, Version: t.version,
			Type: t.kind, Source: "/lab/" + s.cfg.Name, Data: body,
		}
	}
	return outbox.Append(tx, events...)
}

// Mark ends an epoch: a marker behind everything, in each partition.
func (s *Store) Mark(tx *gorm.DB, fenced ownership.Row) error {
	var all []told
	for p := range s.cfg.Feed.Partitions {
		all = append(all, told{kind: typeMarker, aggregate: Resource, partition: &p, body: marker{fenced.Epoch, p, s.cfg.Feed.Partitions}})
	}
	return s.tell(tx, all...)
}

// Marked wakes the relay after the fence's commit.
func (s *Store) Marked() { s.notifier.Wake() }

// Copy tells the next notes behind an id, through the outbox as everything else, and
// returns the last one's id; "" when there is none left.
func (s *Store) Copy(ctx context.Context, after string, limit int) (last string, err error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		last = ""
		if err := s.guard(tx); err != nil {
			return err
		}
		var page []Note
		if err := tx.Raw("SELECT * FROM notes WHERE id > ? ORDER BY id LIMIT ?", after, limit).Scan(&page).Error; err != nil || len(page) == 0 {
			return err
		}
		last = page[len(page)-1].ID
		chunks, err := s.chunks(tx, page)
		if err != nil {
			return err
		}
		return s.tell(tx, chunks...)
	})
	if err != nil {
		return "", fmt.Errorf("copy notes behind %s: %w", after, err)
	}
	s.notifier.Wake()
	return last, nil
}

// chunks sorts notes and their keys by partition, so that a chunk stands in the same
// line as the changes of its notes.
func (s *Store) chunks(tx *gorm.DB, page []Note) ([]told, error) {
	ids := make([]string, len(page))
	for i, n := range page {
		ids[i] = n.ID
	}
	var keys []Key
	if err := tx.Raw("SELECT * FROM keys WHERE note IN ?", ids).Scan(&keys).Error; err != nil {
		return nil, err
	}
	parts := make([]state, s.cfg.Feed.Partitions)
	for _, n := range page {
		p := s.cfg.Feed.Partition(n.ID)
		parts[p].Notes = append(parts[p].Notes, n)
	}
	for _, k := range keys {
		p := s.cfg.Feed.Partition(k.Note)
		parts[p].Keys = append(parts[p].Keys, k)
	}
	var all []told
	for p, part := range parts {
		if len(part.Notes) > 0 {
			all = append(all, told{kind: typeChunk, aggregate: Resource, partition: &p, body: part})
		}
	}
	return all, nil
}

// Message is a change as the relay would publish it, for who publishes without one.
func Message(topic broker.Topic, by string, n Note) (broker.Message, error) {
	t := changed(by, n)
	body, err := json.Marshal(t.body)
	if err != nil {
		return broker.Message{}, fmt.Errorf("encode event %s: %w", t.kind, err)
	}
	m := broker.Message{Topic: topic.Name, Partition: topic.Partition(n.ID), Key: []byte(n.ID), Value: body}
	for _, h := range [][2]string{
		{broker.HeaderSpecVersion, broker.SpecVersion}, {broker.HeaderID, uuid.NewString()}, {broker.HeaderType, t.kind},
		{broker.HeaderSource, "/lab"}, {broker.HeaderSubject, n.ID}, {broker.HeaderTime, time.Now().UTC().Format(time.RFC3339Nano)},
		{broker.HeaderContentType, broker.ContentJSON}, {broker.HeaderVersion, fmt.Sprint(n.Version)},
	} {
		m.Headers = append(m.Headers, broker.Header{Key: h[0], Value: []byte(h[1])})
	}
	return m, nil
}

// Follower applies the other side's events. What is newer than what is there is
// taken, and all keys are kept.
func Follower() inbox.Handler { return follower(keepState) }

// Forgetful is a follower that deletes a note's row when the note is deleted, as
// followers do at first: nothing says then that it was there.
func Forgetful() inbox.Handler {
	return follower(func(tx *gorm.DB, n Note) error {
		if n.Deleted {
			return tx.Exec("DELETE FROM notes WHERE id = ?", n.ID).Error
		}
		return keepState(tx, n)
	})
}

func follower(keep func(*gorm.DB, Note) error) inbox.Handler {
	return inbox.Each(func(_ context.Context, tx *gorm.DB, e inbox.Event) error {
		if e.Type == typeMarker {
			var m marker
			if err := json.Unmarshal(e.Payload, &m); err != nil {
				return inbox.Permanent(err)
			}
			return ownership.NoteMarker(tx, Resource, m.Epoch, m.Partition, m.Partitions)
		}
		var s state
		if err := json.Unmarshal(e.Payload, &s); err != nil {
			return inbox.Permanent(err)
		}
		for _, n := range s.Notes {
			if err := keep(tx, n); err != nil {
				return fmt.Errorf("apply note %s: %w", n.ID, err)
			}
		}
		for _, k := range s.Keys {
			if err := tx.Exec("INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", k.Key, k.Note, k.Version).Error; err != nil {
				return fmt.Errorf("apply key %s: %w", k.Key, err)
			}
		}
		return nil
	})
}

// keepState is the version guard: what is older, or the same, changes nothing.
func keepState(tx *gorm.DB, n Note) error {
	return tx.Exec(`INSERT INTO notes VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE
		SET version = excluded.version, text = excluded.text, deleted = excluded.deleted WHERE notes.version < excluded.version`,
		n.ID, n.Version, n.Text, n.Made, n.Deleted).Error
}
