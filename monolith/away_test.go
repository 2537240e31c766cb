package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/telemetry"
)

// TestAPostIsDeletedWhileTheServiceIsAway: at once; its comments go when the service is
// back.
func TestAPostIsDeletedWhileTheServiceIsAway(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	for i := range 3 {
		bob.says(post.text("id"), "Well said.", fmt.Sprint(i))
	}
	w.service.is(true)
	ada.form("/posts/"+post.text("id")+"/delete", nil).want(303)
	bob.get("/posts/" + post.text("id")).want(404)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "close the comments of post") }, soon, often, "it is told that it waits")
	require.Equal(t, 3, w.service.count(t, "true"))
	w.service.is(false)
	require.Eventually(t, func() bool { return w.service.count(t, "true") == 0 }, soon, often)
	require.Equal(t, 1, countRows(t, w.service.db, "comment_closed_posts", "post_id = $1", post.text("id")))
	w.settled(t)
	require.Zero(t, countRows(t, w.db, "comments", "true"))
	require.Zero(t, countRows(t, w.db, "notifications", "true"))
	require.Zero(t, countRows(t, w.db, "inbox_dead_letters", "true"))

	// Deleted here just before comments come back: nobody forgets its comments either.
	post = ada.post("Another")
	bob.says(post.text("id"), "Well said.", "more")
	w.service.is(true)
	ada.form("/posts/"+post.text("id")+"/delete", nil).want(303)
	w.handsTo(t, "monolith")
	w.service.is(false)
	require.Eventually(t, func() bool { return countRows(t, w.db, "comments", "true") == 0 }, soon, often)
	require.Eventually(t, func() bool { return w.service.count(t, "true") == 0 }, soon, often)
}

// TestPagesAreShownWhileTheServiceIsAway: without comments, and say so; nothing waits
// for long.
func TestPagesAreShownWhileTheServiceIsAway(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	mod := w.watched(t)
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	said := bob.says(post.text("id"), "Well said.", "one")
	bob.says(post.text("id"), "To the casino!", "two")
	require.Eventually(t, func() bool { return strings.Contains(mod.reads("/moderation"), "casino") }, soon, often)

	without := func(t *testing.T) {
		t.Helper()
		page := bob.reads("/posts/" + post.text("id"))
		require.Contains(t, page, "The comments can't be shown at this moment")
		require.Contains(t, page, "Some <em>words</em>.", "what the reader came for is there")
		require.Contains(t, bob.reads("/"), "A tree")
		require.NotContains(t, bob.reads("/"), "Well said.")
		require.Contains(t, mod.reads("/moderation"), "What waits can't be shown at this moment")
		bob.get("/feed").want(200)
		mod.get("/moderation/queue").refused(503, httpkit.Unavailable)
		mod.call("PUT", "/moderation/comments/"+said, document{"verdict": "rejected"}).refused(503, httpkit.Unavailable)
		for _, path := range []string{"/comments/" + said, "/comments/" + said + "/edit", "/comments/" + said + "/delete"} {
			require.Equal(t, http.StatusServiceUnavailable, bob.send("GET", path, nil, "Accept", "text/html").status, path)
		}
		wrote := bob.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {"Kept."}, "idempotency_key": {"kept"}}).want(503)
		require.Contains(t, string(wrote.body), "Kept.")
		require.Contains(t, string(wrote.body), `value="kept"`)
		for _, path := range []string{"/tags", "/search?q=tree", "/authors/" + post.inner("author").text("id"), "/me/posts", "/notifications", "/moderation/rules"} {
			mod.reads(path)
		}
	}
	t.Run("down", func(t *testing.T) {
		w.service.is(true)
		without(t)
		w.service.is(false)
	})
	whole := func() bool { return strings.Contains(bob.reads("/posts/"+post.text("id")), "Well said.") }
	require.Eventually(t, whole, soon, often, "it is asked again soon")
	t.Run("silent", func(t *testing.T) {
		goOn := w.service.hangs()
		began := time.Now()
		bob.reads("/posts/" + post.text("id"))
		require.Less(t, time.Since(began), 5*time.Second, "a page waits about a second")
		without(t)
		asked := w.service.asked(func() { bob.reads("/posts/" + post.text("id")) })
		require.Empty(t, asked, "by now nobody waits for it any more")
		goOn()
	})
	require.Eventually(t, whole, soon, often)
	require.Eventually(t, func() bool {
		return bob.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {"Kept."}, "idempotency_key": {"kept"}}).status == 303
	}, soon, often)
	require.Equal(t, 1, w.service.count(t, "body = 'Kept.'"))
}

// TestCommentsChangeHandsWhilePagesWriteThem: nobody gets an error, and each comment is
// there once, at both sides.
func TestCommentsChangeHandsWhilePagesWriteThem(t *testing.T) {
	w := newWorld(t)
	ada := w.client(t)
	ada.author("Ada")
	post := ada.post("A tree")
	w.fills(t)
	var writers sync.WaitGroup
	var over atomic.Bool
	var said sync.Map
	for i := range 4 {
		c := w.client(t)
		c.signUp(fmt.Sprint("Writer", i))
		writers.Go(func() {
			for n := 0; !over.Load(); n++ {
				body := fmt.Sprintf("Writer %d says %d.", i, n)
				key := contracts.NewID()
				for range 2 { // a double click
					a := c.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {body}, "idempotency_key": {key}})
					if a.status != http.StatusSeeOther {
						t.Errorf("%s: %d %s", body, a.status, a.body)
						return
					}
				}
				said.Store(body, true)
			}
		})
	}
	seen := func(at int) bool {
		n := 0
		said.Range(func(any, any) bool { n++; return true })
		return n >= at
	}
	for i, to := range []string{"comments", "monolith", "comments", "monolith"} {
		require.Eventually(t, func() bool { return seen(20 * (i + 1)) }, soon, often)
		w.handsTo(t, to)
	}
	require.Eventually(t, func() bool { return seen(120) }, soon, often)
	over.Store(true)
	writers.Wait()
	total := 0
	said.Range(func(body, _ any) bool {
		total++
		require.Equal(t, 1, countRows(t, w.db, "comments", "body = $1", body), body)
		return true
	})
	require.Equal(t, total, countRows(t, w.db, "comments", "true"))
	require.Eventually(t, func() bool { return w.service.count(t, "true") == total }, soon, often)
	w.settled(t)
	require.EqualValues(t, total, commentsOf(ada, post))
	require.Equal(t, total, countRows(t, w.db, "notifications", "true"))
}

// TestTheMonolithStartsAndServesWithoutKafka: its events wait in the outbox.
func TestTheMonolithStartsAndServesWithoutKafka(t *testing.T) {
	kafka, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	address := kafka.Addr()
	require.NoError(t, kafka.Stop(context.Background()))
	m := startMonolith(t, append(ownStores, "EVENTS=outbox", "KAFKA_ADDRS="+address)...)
	w := &world{running: m}
	ada := m.client(t)
	ada.author("Ada")
	post := ada.post("A tree")
	for range 3 {
		ada.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "Mine."}).want(201)
	}
	told := w.topology(t)
	require.Equal(t, 3, told.Outbox.Waiting)
	require.Positive(t, told.Outbox.Oldest)
	require.NotEqual(t, "ready", told.Topics)
	require.Equal(t, config.Outbox, told.Seams.Events)
	require.Equal(t, config.Local, told.Seams.Comments)
	require.Equal(t, "owner at 1", told.Ownership["comments"].String())
	require.Contains(t, told.Uses, hosting.Use{Kind: "kafka", Name: "kafka", Address: address, Topics: []string{contracts.CommentsTopic, contracts.PostsTopic}})
	require.Eventually(t, func() bool { return strings.Contains(m.log.String(), "events wait in the outbox") }, soon, often)
	m.client(t).send("GET", "/readyz", nil).want(200)

	kafka, err = embeddedkafka.Start(t.Context(), embeddedkafka.Config{Port: portOf(t, address)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kafka.Stop(context.Background())) })
	require.Eventually(t, func() bool {
		told = w.topology(t)
		return told.Outbox.Waiting == 0 && told.Topics == "ready"
	}, soon, often)
	ada.call("DELETE", "/posts/"+post.text("id"), nil).want(204)
	require.Eventually(t, func() bool {
		told = w.topology(t)
		return told.Outbox.Waiting == 0 && len(told.Inboxes[postsGroup]) > 0
	}, soon, often, "deleted posts are heard of in any case")
	require.Empty(t, told.Error)
}

// TestTheMonolithStopsInOrderThoughKafkaIsGone: within its drain's timeout, and what
// was not published stays in the outbox.
func TestTheMonolithStopsInOrderThoughKafkaIsGone(t *testing.T) {
	w := newWorld(t)
	ada := w.client(t)
	ada.author("Ada")
	post := ada.post("A tree")
	require.Eventually(t, func() bool { told := w.topology(t); return told.Topics == "ready" && told.Outbox.Waiting == 0 }, soon, often)
	require.NoError(t, w.kafka.Stop(context.Background()))
	ada.says(post.text("id"), "Mine.", "one")
	require.NoError(t, w.Stop(), "nothing took longer than the drain's timeout")
	db, err := database.Open(t.Context(), database.Config{URL: w.database})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.Equal(t, 1, countRows(t, db, "outbox", "published_at IS NULL"))
}

// TestNobodyStartsAsIfCommentsWereHis: where the database says that they are not.
func TestNobodyStartsAsIfCommentsWereHis(t *testing.T) {
	w := newWorld(t)
	w.fills(t)
	w.handsTo(t, "comments")
	for _, settings := range [][]string{
		{"EVENTS=off"}, {"EVENTS=outbox", "KAFKA_ADDRS=" + w.kafka.Addr()}, {"EVENTS=off", "STORES=tangle"},
	} {
		says := fails(t, environment(w.database, append(append([]string{}, ownStores...), settings...)...))
		require.Contains(t, says, "COMMENTS=local")
		require.Contains(t, says, "follower at 2")
		require.Contains(t, says, "strangler handover")
	}
	following := append([]string{"EVENTS=outbox", "KAFKA_ADDRS=" + w.kafka.Addr(), "COMMENTS=owner", "COMMENTS_URLS=" + w.service.url, "IDENTITY_KEY=" + houseKey}, ownStores...)
	for _, settings := range [][]string{ownStores, following} {
		require.Contains(t, fails(t, environment(w.database, settings...), "seed"), "hand comments back first", "whatever it is set to")
	}
	w.handsTo(t, "monolith")
	require.Contains(t, fails(t, environment(w.database, ownStores...), "seed"), "a backfill of comments has begun")
	require.Zero(t, countRows(t, w.db, "posts", "true"))
	cfg, err := config.Load(environment(w.database, ownStores...))
	require.NoError(t, err)
	logger, err := telemetry.NewLogger(w.log, "test", cfg.LogLevel)
	require.NoError(t, err)
	h, err := start(t.Context(), cfg, logger)
	require.NoError(t, err, "handed back, they are")
	require.NoError(t, h.Stop())
}
