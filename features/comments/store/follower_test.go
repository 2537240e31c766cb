package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
)

// changed is an event of the other side about a comment.
func changed(c contracts.Comment, keys ...contracts.CommentKey) contracts.CommentChanged {
	return contracts.CommentChanged{CommentState: contracts.StateOf(c), Keys: keys, Epoch: 1}
}

func deletion(c contracts.Comment) contracts.CommentDeleted {
	return contracts.CommentDeleted{Tombstone: contracts.Tombstone{ID: c.ID, PostID: c.PostID, AuthorID: c.Author.ID, Version: c.Version, DeletedAt: now()}, Epoch: 1}
}

func at(c contracts.Comment, version int, body string) contracts.Comment {
	c.Version, c.Body = version, body
	return c
}

func snapshot(e contracts.CommentChanged) contracts.CommentChanged {
	e.Snapshot = true
	return e
}

func TestNewerWinsAndASnapshotMayBeEqual(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Follower)
	f := s.follower()
	c := newComment(contracts.NewID(), contracts.Approved)
	buried := deletion(at(c, 5, ""))
	buriedAgain := buried
	buriedAgain.Snapshot, buriedAgain.DeletedAt = true, now()
	for _, step := range []struct {
		what string
		e    contracts.Event
		is   string // the row's body, or "gone" and "" for a tombstone or nothing
	}{
		{"the first that is seen", changed(at(c, 2, "two")), "two"},
		{"an older one", changed(at(c, 1, "one")), "two"},
		{"the same version, live", changed(at(c, 2, "another two")), "two"},
		{"the same version, as a snapshot", snapshot(changed(at(c, 2, "the owner's two"))), "the owner's two"},
		{"an older snapshot", snapshot(changed(at(c, 1, "one"))), "the owner's two"},
		{"a newer one", changed(at(c, 4, "four")), "four"},
		{"its deletion", buried, "gone"},
		{"what came before it", changed(at(c, 4, "four")), "gone"},
		{"a row of the same version", changed(at(c, 5, "five")), "gone"},
		{"an older snapshot of the row", snapshot(changed(at(c, 4, "four"))), "gone"},
		{"the deletion as a snapshot", buriedAgain, "gone"},
		{"the owner says that it stands", snapshot(changed(at(c, 5, "stands"))), "stands"},
		{"and that it does not", buriedAgain, "gone"},
	} {
		s.apply(f, delivered(s, step.e))
		is := "gone"
		if s.number("SELECT count(*) FROM comment_tombstones") == 0 {
			require.NoError(t, s.db.Gorm(t.Context()).Raw("SELECT body FROM comments").Scan(&is).Error)
		}
		require.Equal(t, step.is, is, step.what)
		require.Equal(t, 1, s.number("SELECT (SELECT count(*) FROM comments) + (SELECT count(*) FROM comment_tombstones)"), "row or tombstone, after %s", step.what)
	}
	require.Equal(t, 1, s.number("SELECT count(*) FROM comment_tombstones WHERE deleted_at = ?", buriedAgain.DeletedAt))
}

func TestAnEventWhoseStateIsOldStillBringsItsKeys(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Follower)
	f := s.follower()
	c := newComment(contracts.NewID(), contracts.Approved)
	keyOf := func(name string) contracts.CommentKey {
		return contracts.CommentKey{CommentID: c.ID, AuthorID: c.Author.ID, Key: name, Hash: contracts.HexHash(key(name).Hash), CreatedAt: now()}
	}
	s.apply(f, delivered(s, changed(at(c, 3, "three"), keyOf("k3"))), delivered(s, changed(at(c, 2, "two"), keyOf("k2"))), delivered(s, changed(at(c, 1, "one"), keyOf("k1"))))
	s.apply(f, delivered(s, changed(at(c, 2, "two"), keyOf("k2"))))
	require.Equal(t, 3, s.number("SELECT count(*) FROM comment_keys WHERE comment_id = ?", c.ID))
	require.Equal(t, 3, s.number("SELECT version FROM comments"))
}

func TestWhatIsLeftIsDoneForEachLiveEventOfTheOther(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Follower)
	f := s.follower()
	var repaired []string
	f.cfg.Repaired = func(_ context.Context, _ *gorm.DB, e contracts.Event) error {
		repaired = append(repaired, fmt.Sprint(e.EventType(), " ", e.AggregateVersion()))
		return nil
	}
	c := newComment(contracts.NewID(), contracts.Pending)
	effects := contracts.CommentEffects{Done: all[:1], Left: left}
	withEffects := func(e contracts.CommentChanged, was contracts.CommentStatus) contracts.CommentChanged {
		e.Effects = effects
		e.Effects.Was = was
		return e
	}
	gone := deletion(at(c, 3, ""))
	gone.Effects = effects
	gone.Effects.Was = contracts.Approved
	own := delivered(s, withEffects(changed(newComment(c.PostID, contracts.Pending)), ""))
	own.Source = "/banyan/monolith"
	s.apply(f,
		delivered(s, withEffects(changed(at(c, 2, "two")), contracts.Pending)),
		delivered(s, withEffects(changed(at(c, 1, "one")), "")), // old for the row, but a change all the same
		own,
		delivered(s, changed(newComment(c.PostID, contracts.Pending))), // all was done by its writer
		delivered(s, snapshot(changed(at(c, 2, "two")))),
		delivered(s, gone),
	)
	var done []string
	require.NoError(t, s.db.Gorm(t.Context()).Raw("SELECT version || ' ' || was FROM effects ORDER BY n").Scan(&done).Error)
	require.Equal(t, []string{"2 pending", "1 ", "3 approved"}, done)
	require.Equal(t, []string{contracts.TypeCommentChanged + " 2"}, repaired)
	require.Equal(t, 1, s.number("SELECT count(*) FROM comments"), "its own event is dropped")
	require.Empty(t, s.told(), "an event is minted once, by the owner")
}

func TestAnEffectThatFailsUndoesTheWholeBatch(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Follower)
	broken := errors.New("the queue can't")
	f := s.follower()
	do := f.cfg.Effects
	c := newComment(contracts.NewID(), contracts.Pending)
	f.cfg.Effects = func(ctx context.Context, tx *gorm.DB, e contracts.Event) error {
		if e.AggregateVersion() == 2 {
			return broken
		}
		return do(ctx, tx, e)
	}
	first, second := changed(c), changed(at(c, 2, "two"))
	first.Effects.Left, second.Effects.Left = left, left
	require.ErrorIs(t, s.try(f, delivered(s, first), delivered(s, second)), broken)
	require.Zero(t, s.number("SELECT (SELECT count(*) FROM comments) + (SELECT count(*) FROM effects)"))
}

func TestWhatIsNotOfItsPartitionIsRefusedForGood(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Follower)
	f := s.follower()
	c := newComment(contracts.NewID(), contracts.Approved)
	p := topic.Partition(c.ID)
	chunk := func(partition, partitions int, rows ...contracts.CommentState) contracts.CommentsChunk {
		return contracts.CommentsChunk{Backfill: contracts.NewID(), Partition: partition, Partitions: partitions, Number: 1, Last: true, Rows: rows, Epoch: 1}
	}
	marker := contracts.DrainMarker{Resource: Resource, Owner: "monolith", Epoch: 1, Partition: 1, Partitions: 8, FencedAt: now()}
	for what, e := range map[string]contracts.Event{
		"another number of partitions":         chunk(p, 9, contracts.StateOf(c)),
		"a row of another partition":           chunk((p+1)%8, 8, contracts.StateOf(c)),
		"a marker with another number of them": contracts.DrainMarker{Resource: Resource, Owner: "monolith", Epoch: 1, Partition: 1, Partitions: 7, FencedAt: now()},
		"none of comments' events":             contracts.PostDeleted{ID: contracts.NewID(), AuthorID: contracts.NewID(), Version: 2, DeletedAt: now(), Epoch: 1},
	} {
		d := delivered(s, e)
		if parts, ok := e.(contracts.CommentsChunk); ok {
			d.Partition = parts.Partition
		}
		if _, ok := e.(contracts.DrainMarker); ok {
			d.Partition = 1
		}
		var permanent interface{ Permanent() bool }
		require.ErrorAs(t, s.try(f, d), &permanent, what)
	}
	elsewhere := delivered(s, marker)
	elsewhere.Partition = 2
	require.Error(t, s.try(f, elsewhere))
	elsewhere.Partition = 1
	s.apply(f, elsewhere)
	require.Equal(t, 1, s.number("SELECT count(*) FROM ownership_markers WHERE resource = 'comments' AND epoch = 1 AND partition = 1"))
	require.Zero(t, s.number("SELECT count(*) FROM comments"))
}

func TestSnapshotsMendWhatAFollowerHasWrong(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	post := contracts.NewID()
	wrong, lost, gone := s.write(newComment(post, contracts.Approved), key("wrong")), s.write(newComment(post, contracts.Approved), key("lost")), s.write(newComment(post, contracts.Approved), key("gone"))
	require.NoError(t, s.store.Delete(t.Context(), gone.ID, 0))
	closed := contracts.NewID()
	require.NoError(t, s.store.CloseUnder(t.Context(), closed, "event"))
	for _, e := range s.told() {
		f.apply(f.follower(), delivered(s, e))
	}
	require.Equal(t, s.tables(), f.tables())
	f.exec("UPDATE comments SET body = 'wrong' WHERE id = ?", wrong.ID)
	f.exec("UPDATE comment_keys SET hash = sha256('wrong') WHERE comment_id = ?", wrong.ID)
	f.exec("DELETE FROM comments WHERE id = ?", lost.ID)
	f.exec("DELETE FROM comment_keys WHERE comment_id = ?", lost.ID)
	f.exec("DELETE FROM comment_tombstones")
	f.exec("INSERT INTO comments SELECT ?, post_id, author_id, body, html, status, 1, created_at, updated_at FROM comments WHERE id = ?", gone.ID, wrong.ID)
	f.exec("UPDATE comment_closed_posts SET key = 'wrong'")

	before := len(s.told())
	_, err := s.store.Repair(t.Context(), []reconcile.Want{
		{Key: reconcile.Key{Kind: KindComment, Place: wrong.ID}, What: reconcile.Content, Above: 1},
		{Key: reconcile.Key{Kind: KindComment, Place: lost.ID}, What: reconcile.Missing},
		{Key: reconcile.Key{Kind: KindTombstone, Place: gone.ID}, What: reconcile.Missing},
		{Key: reconcile.Key{Kind: KindClosed, Place: closed}, What: reconcile.Content},
	})
	require.NoError(t, err)
	for _, e := range s.told()[before:] {
		f.apply(f.follower(), delivered(s, e))
	}
	require.Equal(t, s.tables(), f.tables())
	require.Zero(t, f.number("SELECT count(*) FROM effects"))
}

// One statement for each table takes as many rows as there are.
func TestAChunkIsAppliedWithTheGuard(t *testing.T) {
	t.Parallel()
	s, f := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	post := contracts.NewID()
	var edited, deleted []contracts.Comment
	for range 40 {
		edited = append(edited, s.write(newComment(post, contracts.Approved), key(contracts.NewID())))
		deleted = append(deleted, s.write(newComment(post, contracts.Approved), key(contracts.NewID())))
	}
	page := s.page(backfill.Place{Run: contracts.NewID(), Limit: 1000})
	before := len(s.told())
	for i := range edited {
		s.edit(edited[i], strings.Repeat("new ", 10), key(contracts.NewID()))
		require.NoError(t, s.store.Delete(t.Context(), deleted[i].ID, 0))
	}
	for _, e := range s.told()[before:] { // which pass the chunk
		f.apply(f.follower(), delivered(s, e))
	}
	for _, e := range page.Events {
		f.apply(f.follower(), deliveredFrom("/banyan/monolith", e))
	}
	require.Equal(t, s.tables(), f.tables())
}

// An event that was put aside and discarded is made up for by the next one, keys and
// all; with the keys of the last write only it would not be.
func TestAnEventMakesUpForThoseThatWerePassedOver(t *testing.T) {
	t.Parallel()
	for what, newestOnly := range map[string]bool{"all keys": false, "the last one's keys": true} {
		t.Run(what, func(t *testing.T) {
			s, f := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
			if newestOnly {
				whole := s.feed.keys
				s.feed.keys = func(tx *gorm.DB, ids []string) (map[string][]contracts.CommentKey, error) {
					keys, err := whole(tx, ids)
					for id := range keys {
						keys[id] = keys[id][len(keys[id])-1:]
					}
					return keys, err
				}
			}
			c := s.write(newComment(contracts.NewID(), contracts.Approved), key("k1"))
			c = s.edit(c, "two", key("k2"))
			s.edit(c, "three", key("k3"))
			f.apply(f.follower(), delivered(s, s.told()[2]))
			require.Equal(t, newestOnly, s.tables() != f.tables())
		})
	}
}
