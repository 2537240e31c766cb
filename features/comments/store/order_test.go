package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/inbox"
)

// history is what an owner did to a few comments: the events in their order, chunks of
// the state after some of them, and the state in the end. It is a model: the owner's
// own store is another test's.
type history struct {
	s      *side
	events []inbox.Event // live ones
	chunks []inbox.Event // with the state at some time
	state  map[string]contracts.Event
	keys   map[string][]contracts.CommentKey
	closed []contracts.ClosedPost
	run    string
	n      int // writes so far
}

// age makes times that differ and can be told.
func (h *history) age() time.Time {
	h.n++
	return time.Date(2026, 1, 1, 0, 0, h.n, 0, time.UTC)
}

// act does one thing that an owner may do.
func (h *history) act(t *rapid.T) {
	ids := slices.Sorted(func(yield func(string) bool) {
		for id, e := range h.state {
			if _, there := e.(contracts.CommentChanged); there && !yield(id) {
				return
			}
		}
	})
	switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
	case what <= 2 || len(ids) == 0:
		c := newComment(contracts.NewID(), contracts.Approved)
		c.CreatedAt, c.UpdatedAt = h.age(), h.age()
		h.tell(t, c)
	case what <= 5:
		c := h.state[rapid.SampledFrom(ids).Draw(t, "edited")].(contracts.CommentChanged).Comment()
		c.Version, c.Body, c.UpdatedAt = c.Version+1, fmt.Sprint("body ", h.n), h.age()
		h.tell(t, c)
	case what <= 7:
		c := h.state[rapid.SampledFrom(ids).Draw(t, "deleted")].(contracts.CommentChanged).Comment()
		e := contracts.CommentDeleted{
			Tombstone: contracts.Tombstone{ID: c.ID, PostID: c.PostID, AuthorID: c.Author.ID, Version: c.Version + 1, DeletedAt: h.age()}, Keys: h.keys[c.ID], Epoch: 1,
		}
		h.state[c.ID] = e
		h.events = append(h.events, delivered(h.s, e))
	case what == 8:
		e := contracts.CommentsClosed{PostID: contracts.NewID(), Key: "event", ClosedAt: h.age(), Epoch: 1}
		h.closed = append(h.closed, contracts.ClosedPost{PostID: e.PostID, Key: e.Key, ClosedAt: e.ClosedAt})
		h.events = append(h.events, delivered(h.s, e))
	default:
		h.backfill()
	}
}

// tell is a write, sometimes with a key.
func (h *history) tell(t *rapid.T, c contracts.Comment) {
	if rapid.Bool().Draw(t, "with a key") {
		name := fmt.Sprint("k", h.n)
		h.keys[c.ID] = append(slices.Clone(h.keys[c.ID]), contracts.CommentKey{
			CommentID: c.ID, AuthorID: c.Author.ID, Key: name, Hash: contracts.HexHash(key(name).Hash), CreatedAt: h.age(),
		})
	}
	e := changed(c, h.keys[c.ID]...)
	h.state[c.ID] = e
	h.events = append(h.events, delivered(h.s, e))
}

// backfill makes chunks of all that there is at this time.
func (h *history) backfill() {
	chunks := make([]contracts.CommentsChunk, topic.Partitions)
	for p := range chunks {
		chunks[p] = contracts.CommentsChunk{Backfill: h.run, Partition: p, Partitions: topic.Partitions, Number: len(h.chunks) + 1, Last: true, Epoch: 1}
	}
	for id, e := range h.state {
		c := &chunks[topic.Partition(id)]
		switch e := e.(type) {
		case contracts.CommentChanged:
			c.Rows = append(c.Rows, e.CommentState)
		case contracts.CommentDeleted:
			c.Tombstones = append(c.Tombstones, e.Tombstone)
		}
		c.Keys = append(c.Keys, h.keys[id]...)
	}
	for _, closed := range h.closed {
		c := &chunks[topic.Partition(closed.PostID)]
		c.Closed = append(c.Closed, closed)
	}
	for p, c := range chunks {
		d := delivered(h.s, c)
		d.Partition = p
		h.chunks = append(h.chunks, d)
	}
}

// shuffled are the events as they may arrive: each comment's in their order but with
// repetitions of what came before, chunks anywhere, sometimes all of it again.
func (h *history) shuffled(t *rapid.T) []inbox.Event {
	queues := map[string][]inbox.Event{}
	var order []string
	for _, e := range h.events {
		queues[e.Aggregate] = append(queues[e.Aggregate], e)
		order = append(order, e.Aggregate)
	}
	var mixed, before []inbox.Event
	for _, aggregate := range rapid.Permutation(order).Draw(t, "order") {
		e := queues[aggregate][0]
		queues[aggregate] = queues[aggregate][1:]
		mixed, before = append(mixed, e), append(before, e)
		if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
			mixed = append(mixed, rapid.SampledFrom(before).Draw(t, "which"))
		}
	}
	for _, c := range h.chunks {
		mixed = slices.Insert(mixed, rapid.IntRange(0, len(mixed)).Draw(t, "chunk at"), c)
	}
	if rapid.IntRange(0, 3).Draw(t, "replay") == 0 {
		mixed = append(mixed, mixed...)
	}
	return mixed
}

// want is what the tables must be in the end.
func (h *history) want() string {
	var rows, keys, graves, closed []string
	for id, e := range h.state {
		switch e := e.(type) {
		case contracts.CommentChanged:
			rows = append(rows, fmt.Sprint("comment ", id, " ", e.Version, " ", e.Body, " ", e.UpdatedAt.Unix()))
		case contracts.CommentDeleted:
			graves = append(graves, fmt.Sprint("tombstone ", id, " ", e.Version, " ", e.DeletedAt.Unix()))
		}
		for _, k := range h.keys[id] {
			keys = append(keys, fmt.Sprint("key ", id, " ", k.Key, " ", k.CreatedAt.Unix()))
		}
	}
	for _, c := range h.closed {
		closed = append(closed, fmt.Sprint("closed ", c.PostID, " ", c.ClosedAt.Unix()))
	}
	all := slices.Concat(rows, keys, graves, closed)
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func (h *history) have() string {
	var all []string
	err := h.s.db.Gorm(context.Background()).Raw(`
		SELECT 'comment ' || id || ' ' || version || ' ' || body || ' ' || extract(epoch FROM updated_at)::bigint FROM comments
		UNION ALL SELECT 'tombstone ' || id || ' ' || version || ' ' || extract(epoch FROM deleted_at)::bigint FROM comment_tombstones
		UNION ALL SELECT 'key ' || comment_id || ' ' || key || ' ' || extract(epoch FROM created_at)::bigint FROM comment_keys
		UNION ALL SELECT 'closed ' || post_id || ' ' || extract(epoch FROM closed_at)::bigint FROM comment_closed_posts`).Scan(&all).Error
	require.NoError(h.s.t, err)
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// arrives is the property: whatever order a history comes in, the tables are the same
// in the end. It returns what is not so.
func arrives(t *rapid.T, s *side, f *Follower) error {
	s.exec("TRUNCATE comments, comment_keys, comment_tombstones, comment_closed_posts, backfill_chunks")
	h := &history{s: s, state: map[string]contracts.Event{}, keys: map[string][]contracts.CommentKey{}, run: contracts.NewID()}
	for range rapid.IntRange(1, 25).Draw(t, "writes") {
		h.act(t)
	}
	events := h.shuffled(t)
	for len(events) > 0 {
		n := rapid.IntRange(1, len(events)).Draw(t, "batch")
		if err := s.try(f, events[:n]...); err != nil {
			return err
		}
		events = events[n:]
	}
	if have, want := h.have(), h.want(); have != want {
		return fmt.Errorf("the tables have\n%s\nand should have\n%s", have, want)
	}
	return nil
}

func TestAnyOrderEndsTheSame(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", "follower")
	rapid.Check(t, func(r *rapid.T) {
		if err := arrives(r, s, s.follower()); err != nil {
			r.Fatal(err)
		}
	})
}

// What TestAnyOrderEndsTheSame would say of followers that are wrong, by which one sees
// that it can say it.
func TestWrongFollowersAreFound(t *testing.T) {
	t.Parallel()
	without := func(statement *string, parts ...string) {
		for i := 0; i < len(parts); i += 2 {
			if !strings.Contains(*statement, parts[i]) {
				panic("the statement has no " + parts[i])
			}
			*statement = strings.ReplaceAll(*statement, parts[i], parts[i+1])
		}
	}
	for what, spoil := range map[string]func(*statements){
		"a snapshot overwrites what is newer": func(s *statements) {
			without(&s.rows, "WHERE comments.version < excluded.version OR comments.version = excluded.version AND @snapshot",
				"WHERE comments.version < excluded.version OR @snapshot")
		},
		"a live event overwrites what is newer": func(s *statements) {
			without(&s.rows, "WHERE comments.version < excluded.version OR comments.version = excluded.version AND @snapshot", "")
		},
		"a deletion leaves no tombstone": func(s *statements) {
			s.graves = `DELETE FROM comments WHERE id = ANY(CAST(@id AS text[])::uuid[])`
		},
		"a tombstone is not minded": func(s *statements) {
			without(&s.rows, "t.version > n.version OR t.version = n.version AND NOT @snapshot", "false")
		},
		"a tombstone leaves the row": func(s *statements) {
			without(&s.graves, "c.version < n.version OR c.version = n.version AND @snapshot", "false")
		},
		"keys are not kept": func(s *statements) { s.keys = "SELECT 1" },
		"closed posts are not kept": func(s *statements) {
			s.closed = "SELECT 1"
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSide(t, "comments", "follower")
			f := s.follower()
			spoil(&f.sql)
			require.True(t, found(func(r *rapid.T) error { return arrives(r, s, f) }), "nobody notices that %s", what)
		})
	}
}

// found tells whether some drawing breaks a property.
func found(property func(r *rapid.T) error) bool {
	for seed := range 200 {
		var err error
		rapid.Custom(func(r *rapid.T) bool { err = property(r); return true }).Example(seed)
		if err != nil {
			return true
		}
	}
	return false
}
