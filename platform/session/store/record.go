package store

import (
	"context"
	"errors"
	"time"
)

// ErrRevoked: the session was signed out; nothing is written over its tombstone.
var ErrRevoked = errors.New("session was revoked")

// Record is one session. Times are UTC, in whole milliseconds, so that a record
// is the same after a way through any store.
type Record struct {
	// Hash of the token names the session; the token itself is nowhere.
	Hash   string
	UserID string
	// Data is the caller's: what the session carries.
	Data      []byte
	CreatedAt time.Time
	LastSeen  time.Time
	// Deadline is the absolute end.
	Deadline  time.Time
	UserAgent string
	Address   string
}

// State is what a store knows of a hash.
type State int

// Absent: never heard of it, or expired. Live: signed in. Revoked: there is a
// tombstone, and no other store may say otherwise.
const (
	Absent State = iota
	Live
	Revoked
)

// Found is the answer to a Load. Record is set when State is Live. User is the
// cached record of the session's user when the store had it, else nil.
type Found struct {
	State  State
	Record Record
	User   []byte
}

// Store keeps records. All implementations are safe for concurrent use, and their
// errors are failures of the store, never answers.
type Store interface {
	// Create writes a new session. ErrRevoked if its hash has a tombstone.
	Create(ctx context.Context, r Record) error
	// Load finds a session and notes that it was used, which is the only thing that
	// keeps it from going idle.
	Load(ctx context.Context, hash string) (Found, error)
	// Update replaces the data of a live session; the last writer wins. It is false,
	// and nothing is written, when there is no such session any more.
	Update(ctx context.Context, hash string, data []byte) (bool, error)
	// Revoke ends a session for good. known says that the caller has seen it alive;
	// then a store with tombstones leaves one even where it finds nothing, since a
	// copy may be under way. Otherwise it leaves one only for what it finds: anybody
	// can ask to sign out a token that he made up.
	Revoke(ctx context.Context, hash string, known bool) error
	// List is the user's live sessions, in no order.
	List(ctx context.Context, userID string) ([]Record, error)
	// Sweep removes what has expired and tells how many; 0 where the store does that
	// by itself.
	Sweep(ctx context.Context) (int, error)
}

// Limits say when a session ends. The same ones go to all stores of a process.
type Limits struct {
	// Idle ends a session that was not loaded for so long.
	Idle time.Duration
	// Absolute bounds a session's life; a tombstone lives as long.
	Absolute time.Duration
	// Now is the clock.
	Now func() time.Time
}

// now is the clock in whole milliseconds, UTC.
func (l Limits) now() time.Time { return l.Now().UTC().Truncate(time.Millisecond) }

// Expires is when the record ends unless it is used again.
func (l Limits) Expires(r Record) time.Time {
	if idle := r.LastSeen.Add(l.Idle); idle.Before(r.Deadline) {
		return idle
	}
	return r.Deadline
}

// live tells whether the record has not expired at t.
func (l Limits) live(r Record, t time.Time) bool { return t.Before(l.Expires(r)) }

// touchEvery is how exact LastSeen is. A write for every read would cost each
// request a replicated write in Redis and a row version in PostgreSQL.
func (l Limits) touchEvery() time.Duration { return min(time.Minute, l.Idle/10) }
