package untangled_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	poststore "banyan.dev/features/posts/store"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// withEvents is the stores of a database that tells others of what is written, and the
// side that owns comments there.
func withEvents(t *testing.T, db *database.DB) (*untangled.Store, *ownership.Side) {
	t.Helper()
	require.NoError(t, outbox.Migrate(t.Context(), db))
	require.NoError(t, ownership.Migrate(t.Context(), db))
	feed := commentstore.NewFeed(commentstore.FeedConfig{
		Source: "/banyan/monolith", Topic: broker.Topic{Name: contracts.CommentsTopic, Partitions: 8}, Done: []contracts.Effect{contracts.EffectQueue, contracts.EffectCount},
	})
	side, err := ownership.New(db, ownership.Config{
		Resource: commentstore.Resource, Name: "monolith", Peer: "comments", Markers: feed, Drained: ownership.Drained(commentstore.Resource),
	})
	require.NoError(t, err)
	_, err = side.Adopt(t.Context(), ownership.Owner, "test")
	require.NoError(t, err)
	return untangled.WithEvents(db, untangled.Events{
		Owner: side, Comments: feed,
		Posts: poststore.NewFeed(poststore.FeedConfig{Source: "/banyan/monolith", Topic: broker.Topic{Name: contracts.PostsTopic, Partitions: 8}}),
	}), side
}

// The whole suite, behind the ownership and with an event for each change.
func TestStoresThatTellOfWhatTheyWriteKeepTheirPromises(t *testing.T) {
	databases := storetest.Databases(t, nil)
	storetest.Run(t, func(t *testing.T) storetest.Stores {
		db := databases(t)
		stores, _ := withEvents(t, db)
		t.Cleanup(func() { toldAll(t, db) })
		return storetest.Of(stores)
	})
}

// toldAll asserts that each row was told of, version by version and in that order, and
// nothing else. It empties the outbox.
func toldAll(t *testing.T, db *database.DB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	number := func(query string) (n int) {
		require.NoError(t, db.Gorm(ctx).Raw(query).Scan(&n).Error)
		return n
	}
	require.Zero(t, number(`SELECT count(*) FROM (SELECT version - coalesce(lag(version) OVER (PARTITION BY aggregate_id ORDER BY id), 0) AS step
		FROM outbox WHERE type IN ('comment.changed', 'comment.deleted')) s WHERE step <> 1`), "each version once, in order")
	require.Zero(t, number(`SELECT count(*) FROM (SELECT id, version, 'comment.changed' AS type FROM comments UNION ALL SELECT id, version, 'comment.deleted' FROM comment_tombstones) have
		FULL JOIN (SELECT DISTINCT ON (aggregate_id) aggregate_id::uuid AS id, version, type FROM outbox WHERE type IN ('comment.changed', 'comment.deleted') ORDER BY aggregate_id, version DESC) told
		USING (id, version, type) WHERE have.id IS NULL OR told.id IS NULL`), "the last event of each comment tells what is there")
	require.Zero(t, number(`SELECT count(*) FROM (SELECT id FROM post_tombstones) have FULL JOIN (SELECT aggregate_id::uuid AS id FROM outbox WHERE type = 'post.deleted') told
		USING (id) WHERE have.id IS NULL OR told.id IS NULL`), "each deleted post is told of")
	require.Equal(t, number("SELECT count(*) FROM post_tombstones"), number("SELECT count(*) FROM outbox WHERE type = 'comments.closed'"))
	var rows []struct{ Type, Payload string }
	require.NoError(t, db.Gorm(ctx).Raw("SELECT type, payload::text AS payload FROM outbox").Scan(&rows).Error)
	for _, row := range rows {
		_, err := contracts.Parse(row.Type, []byte(row.Payload))
		require.NoError(t, err)
	}
	require.NoError(t, db.Gorm(ctx).Exec("DELETE FROM outbox").Error)
}

// A post is deleted whoever owns its comments: here together with them, elsewhere by
// an event that leaves them to their owner.
func TestAPostGoesWhetherItsCommentsAreOwnedHereOrNot(t *testing.T) {
	k := newTalk(t)
	var side *ownership.Side
	k.all, side = withEvents(t, k.db)
	k.say(t, contracts.Pending)
	told := func() (e contracts.PostDeleted, id string) {
		var row struct{ EventID, Payload string }
		require.NoError(t, k.db.Gorm(t.Context()).Raw("SELECT event_id, payload::text AS payload FROM outbox WHERE type = 'post.deleted' ORDER BY id DESC LIMIT 1").Scan(&row).Error)
		read, err := contracts.Parse(contracts.TypePostDeleted, []byte(row.Payload))
		require.NoError(t, err)
		return read.(contracts.PostDeleted), row.EventID
	}
	count := func(query string, args ...any) (n int) {
		require.NoError(t, k.db.Gorm(t.Context()).Raw(query, args...).Scan(&n).Error)
		return n
	}
	require.NoError(t, k.all.Posts().Delete(t.Context(), k.post.ID, 0))
	e, id := told()
	require.Equal(t, []contracts.Effect{contracts.EffectComments}, e.Done)
	require.Equal(t, 1, count("SELECT count(*) FROM comment_closed_posts WHERE post_id = ? AND key = ?", k.post.ID, id), "closed by the event's id")
	require.Zero(t, count("SELECT count(*) FROM comments"))

	next := k.post
	next.ID, next.Slug = contracts.NewID(), ""
	post, _, err := k.all.Posts().Create(t.Context(), next, contracts.Key{})
	require.NoError(t, err)
	k.post = post
	k.say(t, contracts.Pending)
	_, err = side.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, Other: ownership.Row{State: ownership.Follower}, By: "test"})
	require.NoError(t, err)
	c, effects := k.said(contracts.Approved)
	_, _, err = k.all.Comments().Create(t.Context(), c, effects, contracts.Key{})
	require.ErrorIs(t, err, ownership.ErrNotOwner)
	require.NoError(t, k.all.Posts().Delete(t.Context(), post.ID, 0))
	e, _ = told()
	require.Equal(t, post.ID, e.ID)
	require.Empty(t, e.Done)
	require.Equal(t, 1, count("SELECT count(*) FROM comments"), "its owner deletes it, when it hears of the post")
	require.Zero(t, count("SELECT count(*) FROM comment_closed_posts WHERE post_id = ?", post.ID))
	require.Equal(t, 1, count("SELECT count(*) FROM post_tombstones WHERE id = ?", post.ID))

	alone := untangled.WithEvents(k.db, untangled.Events{Owner: side})
	next.ID = contracts.NewID()
	_, _, err = alone.Posts().Create(t.Context(), next, contracts.Key{})
	require.NoError(t, err)
	require.ErrorContains(t, alone.Posts().Delete(t.Context(), next.ID, 0), "no feed to tell of it")
}

// A refusal names the owner and the epoch, so that whoever holds the request can go there.
func TestWhoDoesNotOwnNamesWhoDoes(t *testing.T) {
	k := newTalk(t)
	all, side := withEvents(t, k.db)
	_, err := side.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, Other: ownership.Row{State: ownership.Follower}, By: "test"})
	require.NoError(t, err)
	_, err = side.Do(t.Context(), ownership.Order{Move: ownership.Demote, Epoch: 1, Other: ownership.Row{State: ownership.Owner, Epoch: 2}, By: "test"})
	require.NoError(t, err)
	c, _ := k.said(contracts.Approved)
	c.UpdatedAt = time.Now()
	_, _, err = all.Comments().Create(t.Context(), c, comments.Effects{}, contracts.Key{})
	var refused *ownership.NotOwnerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "comments", refused.Owner)
	require.EqualValues(t, 2, refused.Epoch)
}
