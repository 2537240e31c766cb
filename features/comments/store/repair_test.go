package store

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
)

// admin is the side's rows as its host's admin port answers for them.
func (s *side) admin() *reconcile.Client {
	s.t.Helper()
	server := httptest.NewServer(reconcile.Handler(NewDigests(s.db), s.store))
	client := reconcile.NewClient(reconcile.ClientConfig{Resource: Resource, Name: s.name, URLs: []string{server.URL}})
	s.t.Cleanup(func() { client.Close(); server.Close() })
	return client
}

func compareSides(t *testing.T, owner, follower *reconcile.Client, again time.Duration) reconcile.Report {
	t.Helper()
	report, err := reconcile.Compare(context.Background(), owner, follower, reconcile.Options{
		Resource: Resource, Owner: "monolith", Follower: "comments", Again: again, RangeRows: 50,
	})
	require.NoError(t, err)
	return report
}

func lines(report reconcile.Report) (lines []string) {
	for _, d := range report.Differences {
		lines = append(lines, strings.Join([]string{d.Kind, d.Place, d.Sub, string(d.What)}, " "))
	}
	return lines
}

// linked are an owner and a follower with a real feed between them, and n comments
// that both have.
func linked(t *testing.T, n int) (owner, follower *side, made []contracts.Comment) {
	t.Helper()
	b := kafka(t)
	owner, follower = newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	owner.relays(b)
	follower.follows(b, follower.follower())
	post := contracts.NewID()
	for i := range n {
		made = append(made, owner.write(newComment(post, contracts.Approved), key(fmt.Sprint("key ", i))))
	}
	require.Empty(t, lines(compareSides(t, owner.admin(), follower.admin(), soon)))
	return owner, follower, made
}

// Whatever the follower has otherwise, it has as the owner after a repair; and what no
// event can take back is said.
func TestARepairMendsWhatEventsCanMend(t *testing.T) {
	t.Parallel()
	owner, follower, made := linked(t, 20)
	id := func(i int) string { return made[i].ID }
	deleted, closed := made[19], contracts.NewID()
	require.NoError(t, owner.store.Delete(t.Context(), deleted.ID, 0))
	require.NoError(t, owner.store.CloseUnder(t.Context(), closed, "event"))
	require.Empty(t, lines(compareSides(t, owner.admin(), follower.admin(), soon)))
	effects := follower.number("SELECT count(*) FROM effects")

	follower.exec("DELETE FROM comments WHERE id = ?", id(0))
	follower.exec("UPDATE comments SET body = 'other words' WHERE id = ?", id(1))
	follower.exec("UPDATE comments SET body = 'from tomorrow', version = 9 WHERE id = ?", id(2))
	follower.exec("WITH gone AS (DELETE FROM comments WHERE id = ? RETURNING *) INSERT INTO comment_tombstones SELECT id, post_id, author_id, 5 FROM gone", id(3))
	for i, table := range []string{"comments", "comment_keys"} { // it is only at the follower
		owner.exec("DELETE FROM "+table+" WHERE "+[]string{"id", "comment_id"}[i]+" = ?", id(4))
		follower.exec("UPDATE "+table+" SET "+[]string{"version = 3", "key = key"}[i]+" WHERE "+[]string{"id", "comment_id"}[i]+" = ?", id(4))
	}
	follower.exec("DELETE FROM comment_keys WHERE comment_id = ?", id(5))
	follower.exec("UPDATE comment_keys SET hash = sha256('') WHERE comment_id = ?", id(6))
	follower.exec("UPDATE comment_keys SET comment_id = ? WHERE comment_id = ?", id(8), id(7))
	follower.exec("DELETE FROM comment_tombstones WHERE id = ?", deleted.ID)
	follower.exec(`INSERT INTO comments SELECT ?, post_id, author_id, 'risen', '', 'approved', 8, created_at, updated_at FROM comments WHERE id = ?`, deleted.ID, id(1))
	follower.exec("DELETE FROM comment_closed_posts")
	foreign := contracts.NewID()
	follower.exec("INSERT INTO comment_closed_posts (post_id, key) VALUES (?, 'by nobody')", foreign)

	report := compareSides(t, owner.admin(), follower.admin(), -1)
	require.ElementsMatch(t, []string{
		"comment " + id(0) + "  missing", "comment " + id(1) + "  content", "comment " + id(2) + "  newer", "comment " + id(3) + "  missing",
		"tombstone " + id(3) + "  extra", "comment " + id(4) + "  extra", "key " + id(4) + " " + made[4].Author.ID + " key 4 extra",
		"key " + id(5) + " " + made[5].Author.ID + " key 5 missing", "key " + id(6) + " " + made[6].Author.ID + " key 6 content",
		"key " + id(7) + " " + made[7].Author.ID + " key 7 missing", "key " + id(8) + " " + made[7].Author.ID + " key 7 extra",
		"comment " + deleted.ID + "  extra", "tombstone " + deleted.ID + "  missing", "closed " + closed + "  missing", "closed " + foreign + "  extra",
	}, lines(report))
	_, err := reconcile.Repair(t.Context(), follower.admin(), report)
	require.ErrorIs(t, err, ownership.ErrNotOwner)

	done, err := reconcile.Repair(t.Context(), owner.admin(), report)
	require.NoError(t, err)
	var left []string
	for _, l := range done.Left {
		left = append(left, l.Kind+" "+l.Place)
	}
	require.ElementsMatch(t, []string{"key " + id(4), "closed " + foreign}, left)
	require.Equal(t, 3, done.Raised, "two comments and a tombstone")
	require.Equal(t, 1, done.Buried)
	require.Len(t, compareSides(t, owner.admin(), follower.admin(), 5*time.Second).Differences, 2, "what was left")
	follower.exec("DELETE FROM comment_keys WHERE comment_id = ?", id(4))
	follower.exec("DELETE FROM comment_closed_posts WHERE post_id = ?", foreign)
	require.Equal(t, owner.tables(), follower.tables())
	require.Equal(t, effects, follower.number("SELECT count(*) FROM effects"), "a repair has no effects")
	require.Equal(t, 10, owner.number("SELECT version FROM comments WHERE id = ?", id(2)))
	require.Equal(t, 4, owner.number("SELECT version FROM comment_tombstones WHERE id = ?", id(4)))

	again, err := reconcile.Repair(t.Context(), owner.admin(), report)
	require.NoError(t, err)
	require.Zero(t, again.Raised+again.Buried, "a second time does no harm")
	require.Empty(t, lines(compareSides(t, owner.admin(), follower.admin(), soon)))
}

func TestARepairRefusesWhatCantBe(t *testing.T) {
	t.Parallel()
	owner := newSide(t, "monolith", ownership.Owner)
	at := contracts.NewID()
	wants := []reconcile.Want{
		{Key: reconcile.Key{Kind: "post", Place: at}},
		{Key: reconcile.Key{Kind: KindComment, Place: "'; --"}},
		{Key: reconcile.Key{Kind: KindComment, Place: at}, Above: 1 << 40, About: at + " " + at},
		{Key: reconcile.Key{Kind: KindComment, Place: at}, Above: 3, About: "nobody nowhere"},
		{Key: reconcile.Key{Kind: KindKey, Place: at, Sub: "no author"}, What: reconcile.Extra},
		{Key: reconcile.Key{Kind: KindKey, Place: at, Sub: at + " k"}, What: reconcile.Missing},
	}
	done, err := owner.admin().Repair(t.Context(), wants)
	require.NoError(t, err)
	require.Len(t, done.Left, len(wants))
	require.Zero(t, done.Sent+done.Raised+done.Buried)
	require.Empty(t, owner.told())
	owner.store.ports.Feed = nil
	_, err = owner.store.Repair(t.Context(), wants)
	require.ErrorContains(t, err, "set EVENTS=outbox")
}

// While a crowd writes and the feed is behind, there is nothing unexplained; and what
// was planted is found and mended under way.
func TestComparingAndRepairingUnderLiveWrites(t *testing.T) {
	t.Parallel()
	owner, follower, made := linked(t, 300)
	writers := &crowd{s: owner}
	for seed := range uint64(4) {
		background(t, func(ctx context.Context) error { return writers.run(ctx, seed) })
	}
	explained := 0
	for range 3 {
		report := compareSides(t, owner.admin(), follower.admin(), soon)
		require.Empty(t, lines(report))
		explained += report.Explained()
	}
	follower.exec("DELETE FROM comments WHERE id = ?", made[1].ID)
	follower.exec("UPDATE comments SET body = 'x', version = 7 WHERE id = ?", made[2].ID)
	report := compareSides(t, owner.admin(), follower.admin(), 10*time.Second)
	require.Len(t, report.Differences, 2)
	done, err := reconcile.Repair(t.Context(), owner.admin(), report)
	require.NoError(t, err)
	require.Equal(t, 2, done.Sent)
	require.Empty(t, lines(compareSides(t, owner.admin(), follower.admin(), soon)))
	t.Logf("%d writes, %d rows explained", writers.done.Load(), explained)
}
