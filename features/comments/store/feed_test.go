package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

func TestEachWriteIsToldOnceWithAllKeysAndItsEffects(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Owner)
	woken := 0
	s.feed.cfg.Wake = func() { woken++ }
	c := newComment(contracts.NewID(), contracts.Pending)
	notice := &contracts.CommentNotice{To: contracts.NewID(), PostTitle: "Talk", Excerpt: "Well"}
	effects := comments.Effects{Reason: "a rule", Notice: notice}
	for range 2 { // a retry tells nothing
		_, _, err := s.store.Create(t.Context(), c, effects, key("k1"))
		require.NoError(t, err)
	}
	c.Status, c.Body = contracts.Approved, "Better said."
	edited, _, err := s.store.Update(t.Context(), c, comments.Effects{}, key("k2"))
	require.NoError(t, err)
	_, _, err = s.store.Update(t.Context(), c, comments.Effects{}, contracts.Key{})
	require.True(t, problem.Is(err, problem.VersionMismatch))
	require.NoError(t, s.store.Delete(t.Context(), c.ID, 0))

	told := s.told()
	require.Len(t, told, 3)
	require.Equal(t, 4, woken, "after each commit")
	keysOf := func(keys []contracts.CommentKey) (names []string) {
		for _, k := range keys {
			names = append(names, k.Key)
		}
		return names
	}
	first := told[0].(contracts.CommentChanged)
	require.Equal(t, []string{"k1"}, keysOf(first.Keys))
	require.Equal(t, "Rita", first.AuthorName)
	require.Equal(t, contracts.CommentEffects{Done: all, Reason: "a rule", Notice: contracts.NoticeOf(notice)}, first.Effects)
	require.EqualValues(t, 1, first.Epoch)
	second := told[1].(contracts.CommentChanged)
	require.Equal(t, []string{"k1", "k2"}, keysOf(second.Keys))
	require.Equal(t, contracts.CommentEffects{Done: all, Was: contracts.Pending}, second.Effects)
	require.Equal(t, edited.Body, second.Body)
	require.Equal(t, 2, second.Version)
	third := told[2].(contracts.CommentDeleted)
	require.Equal(t, []string{"k1", "k2"}, keysOf(third.Keys))
	require.Equal(t, contracts.Approved, third.Effects.Was)
	require.Equal(t, 3, third.Version)
}

func TestWhoDoesNotOwnWritesNothing(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Follower)
	c := newComment(contracts.NewID(), contracts.Approved)
	s.exec(`INSERT INTO comments VALUES (?, ?, ?, 'b', 'h', 'approved', 1, now(), now())`, c.ID, c.PostID, c.Author.ID)
	before := s.tables()
	mine := newComment(c.PostID, contracts.Approved)
	_, _, err := s.store.Create(t.Context(), mine, comments.Effects{}, key("k"))
	require.ErrorIs(t, err, ownership.ErrNotOwner)
	_, _, err = s.store.Update(t.Context(), c, comments.Effects{}, key("k"))
	require.ErrorIs(t, err, ownership.ErrNotOwner)
	require.ErrorIs(t, s.store.Delete(t.Context(), c.ID, 0), ownership.ErrNotOwner)
	require.ErrorIs(t, s.store.CloseUnder(t.Context(), c.PostID, "k"), ownership.ErrNotOwner)
	_, owned, err := ownedInTx(s)
	require.NoError(t, err)
	require.False(t, owned)
	require.Equal(t, before, s.tables())
	require.Empty(t, s.told())
}

func ownedInTx(s *side) (epoch int64, owned bool, err error) {
	err = s.db.InTx(context.Background(), func(tx *gorm.DB) (err error) {
		epoch, owned, err = s.store.Owned(tx)
		return err
	})
	return epoch, owned, err
}

// Many write under a post that is closed meanwhile: each comment is refused, or gone.
func TestNobodyCommentsUnderAClosedPost(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Owner)
	for range 10 {
		post, other := contracts.NewID(), contracts.NewID()
		stays := s.write(newComment(other, contracts.Approved), contracts.Key{})
		var all sync.WaitGroup
		start, made := make(chan struct{}), make(chan string, 8)
		for range cap(made) {
			all.Go(func() {
				<-start
				c, _, err := s.store.Create(context.Background(), newComment(post, contracts.Approved), comments.Effects{}, contracts.Key{})
				if err == nil {
					made <- c.ID
				} else {
					require.True(t, problem.Is(err, problem.NotFound), "%v", err)
				}
			})
		}
		for range 2 { // two replicas that handle the same event
			all.Go(func() { <-start; require.NoError(t, s.store.CloseUnder(context.Background(), post, "event")) })
		}
		close(start)
		all.Wait()
		close(made)
		require.Zero(t, s.number("SELECT count(*) FROM comments WHERE post_id = ?", post))
		for id := range made {
			_, err := s.store.DeletedBy(t.Context(), id)
			require.NoError(t, err)
		}
		_, err := s.store.Get(t.Context(), stays.ID)
		require.NoError(t, err)
		_, _, err = s.store.Create(t.Context(), newComment(post, contracts.Approved), comments.Effects{}, key(post))
		require.True(t, problem.Is(err, problem.NotFound))
		require.Equal(t, 1, s.number("SELECT count(*) FROM outbox WHERE type = ? AND aggregate_id = ?", contracts.TypeCommentsClosed, post), "told once")
	}
}

func TestAFenceMarksEachPartitionBehindAllThatWasWritten(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Owner)
	s.write(newComment(contracts.NewID(), contracts.Approved), contracts.Key{})
	_, err := s.owner.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, Other: ownership.Row{State: ownership.Follower}, By: "test"})
	require.NoError(t, err)
	told := s.told()
	require.Len(t, told, 1+topic.Partitions)
	for p, e := range told[1:] {
		marker := e.(contracts.DrainMarker)
		require.Equal(t, p, marker.Partition)
		require.Equal(t, "monolith", marker.Owner)
		require.EqualValues(t, 1, marker.Epoch)
		require.Equal(t, 1, s.number("SELECT count(*) FROM outbox WHERE type = ? AND aggregate_id = ? AND partition = ? AND version = 0",
			contracts.TypeDrainMarker, contracts.PartitionSubject(Resource, p), p))
	}
	_, _, err = s.store.Create(t.Context(), newComment(contracts.NewID(), contracts.Approved), comments.Effects{}, contracts.Key{})
	var refused *ownership.NotOwnerError
	require.True(t, errors.As(err, &refused))
	require.Empty(t, refused.Owner, "nobody does, for a moment")
}

// A comment that was edited without end is told of with its newest keys.
func TestKeysOnAnEventAreBounded(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Owner)
	c := s.write(newComment(contracts.NewID(), contracts.Approved), key("the first"))
	s.exec(`INSERT INTO comment_keys SELECT gen_random_uuid(), rpad('k' || n, 128, '"'), sha256('x'), ?, now() + n * interval '1 s' FROM generate_series(1, 3000) n`, c.ID)
	c.Body, c.HTML = strings.Repeat("😀", 4000), strings.Repeat("&#34;", 4000)
	updated, _, err := s.store.Update(t.Context(), c, comments.Effects{}, key("the last"))
	require.NoError(t, err)
	told := s.told()[1].(contracts.CommentChanged)
	require.Len(t, told.Keys, keysAtOnce)
	require.True(t, strings.HasPrefix(told.Keys[keysAtOnce-1].Key, "k3000"), "the newest last")

	// A chunk has all of them, in as many messages as it takes.
	page := s.page(backfill.Place{Run: contracts.NewID(), Limit: 10})
	p := topic.Partition(updated.ID)
	require.Greater(t, page.Sent[p], 1)
	keys, rows := 0, 0
	for _, chunk := range chunksOf(t, page.Events) {
		keys, rows = keys+len(chunk.Keys), rows+len(chunk.Rows)
	}
	require.Equal(t, 3002, keys)
	require.Equal(t, 1, rows)
}

// page reads a page of this side's tables.
func (s *side) page(at backfill.Place) (page backfill.Page) {
	s.t.Helper()
	require.NoError(s.t, s.db.InTx(context.Background(), func(tx *gorm.DB) error {
		var err error
		if at.Epoch, err = s.chunks.Own(tx); err != nil {
			return err
		}
		page, err = s.chunks.Page(tx, at)
		return err
	}))
	return page
}

func chunksOf(t testing.TB, events []outbox.Event) []contracts.CommentsChunk {
	t.Helper()
	chunks := make([]contracts.CommentsChunk, len(events))
	for i, e := range events {
		require.Less(t, len(e.Data), broker.MaxMessage)
		require.NoError(t, json.Unmarshal(e.Data, &chunks[i]))
		require.NoError(t, chunks[i].Validate())
		require.Equal(t, chunks[i].Partition, *e.Partition)
	}
	return chunks
}

// All pages together have everything once, numbered without gaps, in messages that
// Kafka takes.
func TestPagesCoverEverythingOnce(t *testing.T) {
	t.Parallel()
	s := newSide(t, "monolith", ownership.Owner)
	body := strings.Repeat("<", 4000)
	s.exec(`INSERT INTO comments SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), CASE WHEN n % 3 = 0 THEN ? ELSE 'short' END,
		CASE WHEN n % 3 = 0 THEN repeat(?, 8) ELSE 'short' END, 'approved', 1, now(), now() FROM generate_series(1, 500) n`, body, body)
	s.exec(`INSERT INTO comment_tombstones SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 2, now() FROM generate_series(1, 70)`)
	s.exec(`INSERT INTO comment_keys SELECT gen_random_uuid(), 'k' || n, sha256('x'), id, now() FROM comments, generate_series(1, 3) n`)
	s.exec(`INSERT INTO comment_keys SELECT gen_random_uuid(), 'k', sha256('x'), id, now() FROM comment_tombstones`)
	s.exec(`INSERT INTO comment_closed_posts SELECT gen_random_uuid(), 'k', now() FROM generate_series(1, 50)`)
	for _, limit := range []int{13, 100, 620, 621, 5000} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			f := newSide(t, "comments", ownership.Follower)
			at := backfill.Place{Run: contracts.NewID(), Limit: limit}
			rows := 0
			for last := false; !last; {
				page := s.page(at)
				require.Less(t, at.After, page.Through+"~")
				at.After, at.Sent, last, rows = page.Through, page.Sent, page.Last, rows+page.Rows
				for _, e := range page.Events {
					f.apply(f.follower(), deliveredFrom("/banyan/monolith", e))
				}
			}
			require.Equal(t, 570, rows)
			require.Equal(t, s.tables(), f.tables())
			require.Empty(t, missing(f, backfill.Complete(Resource), 1))
		})
	}
}
