package store

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

// wire is a way to a database that counts what a write waits for: each Sync or Query of
// PostgreSQL's protocol is a round trip, whatever became of it in gorm and pgx.
type wire struct {
	trips atomic.Int64
	url   string
}

func newWire(t *testing.T, address string) *wire {
	t.Helper()
	to, err := url.Parse(address)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w, database := &wire{}, to.Host
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", database)
			if err != nil {
				_ = client.Close()
				return
			}
			running.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
			running.Go(func() { w.pass(server, client); _ = server.Close() })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); running.Wait() })
	to.Host = listener.Addr().String()
	query := to.Query()
	query.Set("sslmode", "disable")
	to.RawQuery = query.Encode()
	w.url = to.String()
	return w
}

// pass copies what a client sends, message by message. The first one, which begins a
// session, has no type.
func (w *wire) pass(to io.Writer, from io.Reader) {
	head := make([]byte, 5)
	for first := true; ; first = false {
		part := head
		if first {
			part = head[1:]
		}
		if _, err := io.ReadFull(from, part); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if !first && (head[0] == 'S' || head[0] == 'Q') {
			w.trips.Add(1)
		}
		if _, err := to.Write(append(append([]byte(nil), part...), body...)); err != nil {
			return
		}
	}
}

// TestAWriteWaitsForSoManyRoundTrips: a hand-over waits for the writes that are under
// way, and each of them holds its locks for as long. BEGIN and COMMIT are two of them.
func TestAWriteWaitsForSoManyRoundTrips(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Owner)
	way := newWire(t, s.url)
	db, err := database.Open(t.Context(), database.Config{URL: way.url, MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	owner, err := ownership.New(db, ownership.Config{Resource: Resource, Name: "comments", Peer: "monolith", Markers: s.feed, Drained: ownership.Drained(Resource)})
	require.NoError(t, err)
	store := New(NewRows(db), Ports{People: nobody{}, Owner: owner, Feed: s.feed})
	writer := contracts.Person{ID: contracts.NewID(), Name: "Ann"}
	post := contracts.NewID()
	var last contracts.Comment
	create := func(key string) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		c := contracts.Comment{ID: contracts.NewID(), PostID: post, Author: writer, Body: "b", HTML: "<p>b</p>", Status: contracts.Approved, Version: 1, CreatedAt: now, UpdatedAt: now}
		var err error
		last, _, err = store.Create(t.Context(), c, comments.Effects{}, contracts.Key{Value: key})
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		most  int64
		write func(int)
	}{
		"a comment":            {7, func(int) { create("") }},
		"a comment with a key": {8, func(int) { create(contracts.NewID()) }},
		"an edit": {9, func(int) {
			last.Body = "other"
			var err error
			last, _, err = store.Update(t.Context(), last, comments.Effects{}, contracts.Key{})
			require.NoError(t, err)
		}},
	} {
		create("")
		for turn := range 3 { // the first ones prepare their statements
			before := way.trips.Load()
			c.write(turn)
			trips := way.trips.Load() - before
			t.Logf("%s: %d round trips", name, trips)
			if turn == 2 {
				require.LessOrEqual(t, trips, c.most, name)
			}
		}
	}
}
