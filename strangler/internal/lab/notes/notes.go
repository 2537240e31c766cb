package notes

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Op says what a write does.
type Op string

// The writes.
const (
	Create Op = "create"
	Edit   Op = "edit"
	Delete Op = "delete"
)

// Write is what a client asks for. It is sent again, the same, until it is answered.
type Write struct {
	Key  string `json:"key"` // the idempotency key
	Op   Op     `json:"op"`
	Note string `json:"note,omitempty"` // of an edit or a deletion
	Text string `json:"text,omitempty"`
}

// Answer is what the client is told: which note it is, and in which version.
type Answer struct {
	Note    string `json:"note"`
	Version int64  `json:"version"`
}

// Note is a row. Made is the key of the write that made it.
type Note struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Text    string `json:"text"`
	Made    string `json:"made"`
	Deleted bool   `json:"deleted"`
}

// Key is what an idempotency key stands for: the version that its write made.
type Key struct {
	Key     string `json:"key"`
	Note    string `json:"note"`
	Version int64  `json:"version"`
}

// ErrGone is a write to a note that is not there. Nothing was done.
var ErrGone = errors.New("there is no such note")

// schema has no number for notes that the two databases could draw differently: a
// note's id is drawn once.
const schema = `
CREATE TABLE notes (id uuid PRIMARY KEY, version bigint NOT NULL, text text NOT NULL, made text NOT NULL, deleted boolean NOT NULL DEFAULT false);
CREATE TABLE keys (key text PRIMARY KEY, note uuid, version bigint NOT NULL DEFAULT 0);
CREATE INDEX ON keys (note)`

// known is what a key's write was answered, when there was one. Else the key is
// taken now, and somebody else who comes with it waits for this transaction.
func known(tx *gorm.DB, key string) (a Answer, found bool, err error) {
	taken := tx.Exec("INSERT INTO keys (key) VALUES (?) ON CONFLICT DO NOTHING", key)
	if taken.Error != nil || taken.RowsAffected == 1 {
		return a, false, taken.Error
	}
	err = tx.Raw("SELECT note, version FROM keys WHERE key = ?", key).Scan(&a).Error
	return a, true, err
}

// change makes the change and returns the note as it is then, still locked. A new
// note's id is drawn, unless it is given.
func change(tx *gorm.DB, w Write) (n Note, err error) {
	var done *gorm.DB
	switch w.Op {
	case Create:
		done = tx.Raw(`INSERT INTO notes (id, version, text, made) VALUES (coalesce(nullif(?, '')::uuid, gen_random_uuid()), 1, ?, ?)
			RETURNING *`, w.Note, w.Text, w.Key).Scan(&n)
	case Edit:
		done = tx.Raw("UPDATE notes SET version = version + 1, text = ? WHERE id = ? AND NOT deleted RETURNING *", w.Text, w.Note).Scan(&n)
	case Delete:
		done = tx.Raw("UPDATE notes SET version = version + 1, text = '', deleted = true WHERE id = ? AND NOT deleted RETURNING *", w.Note).Scan(&n)
	default:
		return n, fmt.Errorf("op %q is none: use %s, %s or %s", w.Op, Create, Edit, Delete)
	}
	if done.Error != nil {
		return n, fmt.Errorf("%s note %s: %w", w.Op, w.Note, done.Error)
	}
	if n.ID == "" {
		return n, ErrGone
	}
	return n, note(tx, w.Key, n)
}

// note keeps what a key stands for.
func note(tx *gorm.DB, key string, n Note) error {
	err := tx.Exec("INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET note = excluded.note, version = excluded.version",
		key, n.ID, n.Version).Error
	if err != nil {
		return fmt.Errorf("keep key %s: %w", key, err)
	}
	return nil
}
