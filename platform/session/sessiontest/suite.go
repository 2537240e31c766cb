package sessiontest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session/store"
)

// Limits of the suite's sessions.
const (
	Idle     = time.Hour
	Absolute = 10 * time.Hour
)

// Subject is a store under test.
type Subject struct {
	// Make returns an empty store on a clock of the test's own.
	Make func(t *testing.T, clock *Clock, limits store.Limits) store.Store
	// Tombstones: the store remembers what was revoked.
	Tombstones bool
}

// Run runs the suite. Subtests run in parallel; Make gives each its own store.
func Run(t *testing.T, subject Subject) {
	for name, test := range map[string]func(*testing.T, *fixture){
		"a created session is found whole":               found,
		"an unknown session is absent":                   unknown,
		"a session that is not used goes idle":           idle,
		"use keeps a session alive until its deadline":   absolute,
		"a write does not keep a session alive":          writeIsNoUse,
		"a write to an expired session changes nothing":  lateWriteAfterExpiry,
		"the last writer wins":                           lastWriter,
		"concurrent writers leave one whole value":       concurrentWriters,
		"a revoked session stays revoked":                revoked,
		"a slow request cannot bring a session back":     slowRequest,
		"revoking twice or the unknown is no error":      revokeAgain,
		"a renewed session lives, the one before is out": renewed,
		"a list shows the user's live sessions only":     list,
		"users are kept apart":                           isolation,
		"sweeping takes only what has expired":           sweep,
		"any bytes survive":                              anyBytes,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, newFixture(t, subject)) })
	}
	if subject.Tombstones {
		for name, test := range map[string]func(*testing.T, *fixture){
			"nothing is written over a tombstone":              tombstone,
			"a session seen alive leaves a tombstone anywhere": tombstoneForTheKnown,
			"a made-up token leaves no tombstone":              noTombstoneForTheUnknown,
			"a tombstone outlives the session":                 tombstoneStays,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); test(t, newFixture(t, subject)) })
		}
	}
}

type fixture struct {
	store.Store
	ctx   context.Context
	clock *Clock
}

func newFixture(t *testing.T, subject Subject) *fixture {
	clock := NewClock()
	limits := store.Limits{Idle: Idle, Absolute: Absolute, Now: clock.Now}
	return &fixture{Store: subject.Make(t, clock, limits), ctx: t.Context(), clock: clock}
}

// Record is a session of the user that begins now.
func Record(hash, userID string, now time.Time) store.Record {
	return store.Record{
		Hash: hash, UserID: userID, Data: []byte("data of " + hash), CreatedAt: now, LastSeen: now,
		Deadline: now.Add(Absolute), UserAgent: "Firefox", Address: "192.0.2.1",
	}
}

func (f *fixture) create(t *testing.T, hash, userID string) store.Record {
	t.Helper()
	r := Record(hash, userID, f.clock.Now())
	require.NoError(t, f.Create(f.ctx, r))
	return r
}

func (f *fixture) state(t *testing.T, hash string) store.State {
	t.Helper()
	got, err := f.Load(f.ctx, hash)
	require.NoError(t, err)
	return got.State
}

func (f *fixture) data(t *testing.T, hash string) string {
	t.Helper()
	got, err := f.Load(f.ctx, hash)
	require.NoError(t, err)
	require.Equal(t, store.Live, got.State)
	return string(got.Record.Data)
}

func (f *fixture) write(t *testing.T, hash, data string) bool {
	t.Helper()
	written, err := f.Update(f.ctx, hash, []byte(data))
	require.NoError(t, err)
	return written
}

func found(t *testing.T, f *fixture) {
	want := f.create(t, "h", "ada")
	got, err := f.Load(f.ctx, "h")
	require.NoError(t, err)
	require.Equal(t, store.Live, got.State)
	require.Equal(t, want, got.Record)
}

func unknown(t *testing.T, f *fixture) {
	require.Equal(t, store.Absent, f.state(t, "h"))
	require.False(t, f.write(t, "h", "x"))
	require.Equal(t, store.Absent, f.state(t, "h"), "a write creates nothing")
}

func idle(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	f.clock.Advance(Idle)
	require.Equal(t, store.Absent, f.state(t, "h"))
}

func absolute(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	for range int(Absolute/(Idle/2)) - 1 {
		f.clock.Advance(Idle / 2)
		require.Equal(t, store.Live, f.state(t, "h"))
	}
	f.clock.Advance(Idle / 2)
	require.Equal(t, store.Absent, f.state(t, "h"))
}

func writeIsNoUse(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	f.clock.Advance(Idle - time.Minute)
	require.True(t, f.write(t, "h", "late"))
	f.clock.Advance(time.Minute)
	require.Equal(t, store.Absent, f.state(t, "h"))
}

func lateWriteAfterExpiry(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	f.clock.Advance(Idle)
	require.False(t, f.write(t, "h", "late"))
	require.Equal(t, store.Absent, f.state(t, "h"))
}

func lastWriter(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	require.True(t, f.write(t, "h", "one"))
	require.True(t, f.write(t, "h", "two"))
	require.Equal(t, "two", f.data(t, "h"))
}

func concurrentWriters(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				_, err := f.Update(f.ctx, "h", fmt.Appendf(nil, "writer %d", i))
				if err != nil {
					t.Error(err)
				}
				if got, err := f.Load(f.ctx, "h"); err != nil || got.State != store.Live {
					t.Errorf("loaded %v, %v", got.State, err)
				}
			}
		})
	}
	all.Wait()
	require.Regexp(t, `^writer \d$`, f.data(t, "h"))
}

func revoked(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	require.NoError(t, f.Revoke(f.ctx, "h", true))
	require.NotEqual(t, store.Live, f.state(t, "h"))
	list, err := f.List(f.ctx, "ada")
	require.NoError(t, err)
	require.Empty(t, list)
}

func slowRequest(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	require.Equal(t, store.Live, f.state(t, "h")) // the slow request begins
	require.NoError(t, f.Revoke(f.ctx, "h", true))
	require.False(t, f.write(t, "h", "from the slow request"))
	require.NotEqual(t, store.Live, f.state(t, "h"))
}

func revokeAgain(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	for range 2 {
		require.NoError(t, f.Revoke(f.ctx, "h", true))
	}
	require.NoError(t, f.Revoke(f.ctx, "never heard of", false))
}

func renewed(t *testing.T, f *fixture) {
	f.create(t, "before", "ada")
	require.NoError(t, f.Revoke(f.ctx, "before", true))
	f.create(t, "after", "ada")
	require.NotEqual(t, store.Live, f.state(t, "before"))
	require.Equal(t, store.Live, f.state(t, "after"))
}

func list(t *testing.T, f *fixture) {
	f.create(t, "idle", "ada")
	f.clock.Advance(Idle / 2)
	want := f.create(t, "one", "ada")
	f.create(t, "two", "ada")
	f.create(t, "bob's", "bob")
	require.NoError(t, f.Revoke(f.ctx, "two", true))
	f.clock.Advance(Idle / 2)
	got, err := f.List(f.ctx, "ada")
	require.NoError(t, err)
	require.Equal(t, []store.Record{want}, got)
}

func isolation(t *testing.T, f *fixture) {
	f.create(t, "a", "ada")
	f.create(t, "b", "ada:b") // a user id that looks like a key's next part
	require.NoError(t, f.Revoke(f.ctx, "b", true))
	require.Equal(t, "data of a", f.data(t, "a"))
	got, err := f.List(f.ctx, "ada:b")
	require.NoError(t, err)
	require.Empty(t, got)
}

func sweep(t *testing.T, f *fixture) {
	f.create(t, "old", "ada")
	f.clock.Advance(Idle / 2)
	f.create(t, "new", "ada")
	f.clock.Advance(Idle / 2)
	_, err := f.Sweep(f.ctx)
	require.NoError(t, err)
	require.Equal(t, store.Absent, f.state(t, "old"))
	require.Equal(t, store.Live, f.state(t, "new"))
}

func anyBytes(t *testing.T, f *fixture) {
	r := Record("h", "ünï\ncode", f.clock.Now())
	r.Data = []byte{0, 1, 0xff, '\n', '\'', '"', 0}
	r.UserAgent = "agent with \"quotes\" and ünïcode"
	require.NoError(t, f.Create(f.ctx, r))
	got, err := f.Load(f.ctx, "h")
	require.NoError(t, err)
	require.Equal(t, r, got.Record)
}

func tombstone(t *testing.T, f *fixture) {
	r := f.create(t, "h", "ada")
	require.NoError(t, f.Revoke(f.ctx, "h", true))
	require.Equal(t, store.Revoked, f.state(t, "h"))
	require.ErrorIs(t, f.Create(f.ctx, r), store.ErrRevoked)
	require.False(t, f.write(t, "h", "x"))
	require.Equal(t, store.Revoked, f.state(t, "h"))
}

func tombstoneForTheKnown(t *testing.T, f *fixture) {
	require.NoError(t, f.Revoke(f.ctx, "h", true))
	require.Equal(t, store.Revoked, f.state(t, "h"))
}

func noTombstoneForTheUnknown(t *testing.T, f *fixture) {
	require.NoError(t, f.Revoke(f.ctx, "h", false))
	require.Equal(t, store.Absent, f.state(t, "h"))
}

func tombstoneStays(t *testing.T, f *fixture) {
	f.create(t, "h", "ada")
	require.NoError(t, f.Revoke(f.ctx, "h", true))
	f.clock.Advance(Absolute - time.Minute)
	require.Equal(t, store.Revoked, f.state(t, "h"))
}
