package main

import (
	"context"
	"encoding/json"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded"
	"banyan.dev/platform/lag"
)

// mailsSent are those that the mail server has, oldest first.
func (w *world) mailsSent(t *testing.T) (all []*mail.Message) {
	t.Helper()
	var list struct{ Items []embedded.Message }
	require.NoError(t, json.Unmarshal([]byte(delivered(t, w.mails)), &list))
	for _, m := range list.Items {
		message, err := mail.ReadMessage(strings.NewReader(m.Data))
		require.NoError(t, err)
		all = append(all, message)
	}
	return all
}

// portOf is the port of an address.
func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return n
}

// settled waits until the monolith has heard of all that the service told.
func (w *world) settled(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return countRows(t, w.service.db, "outbox", "published_at IS NULL") == 0 }, soon, often)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	require.NoError(t, lag.CaughtUp(ctx, w.asksLag(t)))
}

// TestWhatFollowsFromACommentIsDoneOnce: count, queue, notification and mail of comments
// that the service owns, also when all its events come again.
func TestWhatFollowsFromACommentIsDoneOnce(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	mod := w.watched(t)
	post := ada.post("A tree")
	bob.says(post.text("id"), "Said before.", "before")
	require.Equal(t, 1, w.mails.Total(), "the owner itself sends it")
	w.fills(t)
	w.handsTo(t, "comments")

	seen := bob.says(post.text("id"), "Well said.", "seen")
	held := bob.says(post.text("id"), "To the casino!", "held")
	gone := bob.says(post.text("id"), "Soon gone.", "gone")
	dropped := bob.says(post.text("id"), "The casino again.", "dropped")
	bob.form("/comments/"+gone+"/delete", nil).want(303)
	bob.form("/comments/"+dropped+"/delete", nil).want(303)
	mod.call("PUT", "/moderation/comments/"+held, document{"verdict": "approved"}).want(200)
	mod.call("PUT", "/moderation/comments/"+held, document{"verdict": "rejected"}).want(200)
	mod.call("PUT", "/moderation/comments/"+held, document{"verdict": "approved"}).want(200)

	expected := func() {
		t.Helper()
		w.settled(t)
		require.EqualValues(t, 3, commentsOf(bob, post), "before, seen, held")
		require.Zero(t, countRows(t, w.db, "moderation_queue", "true"))
		told := ada.get("/notifications").want(200).json().items()
		require.Len(t, told, 3, "before, seen, held: once each")
		require.Equal(t, held, told[0].text("comment_id"))
		require.Equal(t, seen, told[1].text("comment_id"))
	}
	expected()
	ids := map[string]bool{}
	for _, m := range w.mailsSent(t) {
		require.False(t, ids[m.Header.Get("Message-Id")], "no mail twice")
		ids[m.Header.Get("Message-Id")] = true
	}
	require.Len(t, ids, 5, "before, seen, gone, and held each time that it was approved")

	_, err := w.service.db.SQL().ExecContext(t.Context(), `INSERT INTO outbox (event_id, topic, partition, aggregate_id, version, type, source, payload, headers)
		SELECT event_id, topic, partition, aggregate_id, version, type, source, payload, headers FROM outbox ORDER BY id`)
	require.NoError(t, err)
	expected()
	bob.says(post.text("id"), "Behind all that came again.", "behind")
	w.settled(t)
	require.Equal(t, 6, w.mails.Total(), "and none of the others again")
	require.EqualValues(t, 4, commentsOf(bob, post))
}

// TestACrashInTheMiddleOfEffectsLeavesNothingHalfDone: the database refuses the last of
// what follows from a comment, after the row was written, as often as it is tried.
func TestACrashInTheMiddleOfEffectsLeavesNothingHalfDone(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	run := func(sql string) {
		t.Helper()
		_, err := w.db.SQL().ExecContext(t.Context(), sql)
		require.NoError(t, err)
	}
	run(`CREATE SEQUENCE crashes;
		CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('crashes'); RAISE EXCEPTION 'out of disk' USING ERRCODE = '53100'; END $$;
		CREATE TRIGGER crash BEFORE UPDATE OF comment_count ON posts FOR EACH ROW EXECUTE FUNCTION crash()`)
	bob.says(post.text("id"), "Well said.", "one")
	tries := func() (n int) {
		require.NoError(t, w.db.SQL().QueryRowContext(t.Context(), "SELECT last_value FROM crashes WHERE is_called").Scan(&n))
		return n
	}
	require.Eventually(t, func() bool { return countRows(t, w.db, "crashes", "is_called") == 1 && tries() >= 2 }, soon, often)
	require.Zero(t, countRows(t, w.db, "comments", "true"), "the row neither")
	require.Zero(t, countRows(t, w.db, "notifications", "true"))
	require.Zero(t, commentsOf(bob, post))
	run("DROP TRIGGER crash ON posts")
	w.settled(t)
	require.EqualValues(t, 1, commentsOf(bob, post))
	require.Len(t, ada.get("/notifications").want(200).json().items(), 1)
	require.Zero(t, countRows(t, w.db, "inbox_dead_letters", "true"))
}

// TestMailsWaitForTheirServer: and hold up nothing else.
func TestMailsWaitForTheirServer(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	require.NoError(t, w.mails.Stop(t.Context()))
	bob.says(post.text("id"), "Well said.", "one")
	require.Eventually(t, func() bool { return commentsOf(bob, post) == 1 }, soon, often)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "reach mail server") }, soon, often, "it is told")
	require.Len(t, ada.get("/notifications").want(200).json().items(), 1)
	back, err := embedded.StartMail(t.Context(), embedded.MailConfig{Port: portOf(t, w.cfg.SMTPAddr)})
	require.NoError(t, err)
	w.mails = back
	require.Eventually(t, func() bool { return back.Total() == 1 }, soon, often)
}

// TestMailsThatWaitSurviveTheWayBack: comments are handed back and the monolith runs as
// if nobody else could own them, before the mail server takes what the service left.
func TestMailsThatWaitSurviveTheWayBack(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	require.NoError(t, w.mails.Stop(t.Context()))
	bob.says(post.text("id"), "Well said.", "one")
	require.Eventually(t, func() bool { return commentsOf(bob, post) == 1 }, soon, often)
	w.handsTo(t, "monolith")
	require.NoError(t, w.Stop())

	back, err := embedded.StartMail(t.Context(), embedded.MailConfig{Port: portOf(t, w.cfg.SMTPAddr)})
	require.NoError(t, err)
	w.mails = back
	startOn(t, w.database, append(ownStores, "EVENTS=outbox", "KAFKA_ADDRS="+w.kafka.Addr(), "SMTP_ADDR="+back.Addr())...)
	require.Eventually(t, func() bool { return back.Total() == 1 }, soon, often)
}
