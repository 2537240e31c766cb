package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/lag"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// owning is a world in which the service owns comments.
func owning(t *testing.T) (*world, *running) {
	t.Helper()
	w := newWorld(t)
	r := w.serves(t)
	w.isFilled(t, r)
	require.Equal(t, name, w.handsOver(t, r, name).Owner)
	return w, r
}

func TestAnOwnerTakesWritesAndTellsWhatItLeaves(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann, rita := w.monolith.person("Ann", contracts.Author), w.monolith.person("Rita", contracts.Reader)
	post := w.monolith.post(ann)
	writer := r.as(t, rita)
	key := []string{"Idempotency-Key", "once"}
	made := writer.says(post, "Hello", key...).is(201)
	c := made.comment()
	require.Equal(t, rita.Person, c.Author)
	require.Equal(t, contracts.Approved, c.Status)
	require.Equal(t, "/api/v1/comments/"+c.ID, made.header.Get("Location"))
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	require.Equal(t, "banyan_wrote_"+c.ID+".1=1", writer.cookie)
	again := writer.says(post, "Hello", key...).is(201)
	require.Equal(t, c.ID, again.comment().ID)
	require.Equal(t, "true", again.header.Get(httpkit.HeaderIdempotencyReplayed))

	edited := writer.send("PUT", "/api/v1/comments/"+c.ID, map[string]string{"body": "Hello, casino"}, "If-Match", `"1"`).is(200).comment()
	require.Equal(t, contracts.Pending, edited.Status)
	require.Equal(t, "banyan_wrote_"+c.ID+".2=1", writer.cookie)
	writer.send("DELETE", "/api/v1/comments/"+c.ID, nil).is(204)
	require.Equal(t, "banyan_wrote_"+c.ID+".x=1", writer.cookie)
	writer.reads(post).is(200)

	require.Eventually(t, func() bool { return len(w.monolith.effects()) == 3 }, soon, often)
	left := []contracts.Effect{contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail}
	told := w.monolith.effects()
	first := told[0].(contracts.CommentChanged)
	require.Equal(t, contracts.CommentEffects{
		Done: []contracts.Effect{contracts.EffectVerdict}, Left: left, Notice: first.Effects.Notice,
	}, first.Effects)
	require.Equal(t, ann.ID, first.Effects.Notice.To)
	require.Equal(t, int64(2), first.Epoch)
	require.Equal(t, "once", first.Keys[0].Key, "keys travel")
	second := told[1].(contracts.CommentChanged)
	require.Equal(t, contracts.Approved, second.Effects.Was)
	require.Equal(t, `the word "casino"`, second.Effects.Reason)
	require.Equal(t, 3, told[2].(contracts.CommentDeleted).Version)
}

func TestAnOwnerNeverMakesAReaderWait(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	reader := r.as(t, ann)
	reader.cookie = "banyan_wrote_" + contracts.NewID() + ".9=1"
	reader.reads(w.monolith.post(ann)).is(200)
}

func TestCommentsGoForwardAndBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	w.monolith.writes(t, post, ann, "at the monolith")
	r := w.serves(t)
	w.isFilled(t, r)
	w.handsOver(t, r, name)
	writer := r.as(t, ann)
	writer.says(post, "at the service", "Idempotency-Key", "k").is(201)
	require.Equal(t, []string{"at the monolith", "at the service"}, writer.reads(post).bodies())

	out := w.handsOver(t, r, peer)
	require.Equal(t, int64(3), out.Epoch)
	refused := writer.says(post, "too late").refused(421, problem.NotOwner)
	require.Equal(t, []string{"monolith", "3"}, []string{refused.header.Get(httpkit.HeaderOwner), refused.header.Get(httpkit.HeaderEpoch)})
	back := w.monolith.writes(t, post, ann, "at the monolith again")
	require.Eventually(t, func() bool {
		writer.cookie = "banyan_wrote_" + back.ID + ".1=1"
		return writer.reads(post).status == 200
	}, soon, often)
	require.Equal(t, []string{"at the monolith", "at the service", "at the monolith again"}, writer.reads(post).bodies())
}

func TestWhatTheMonolithAsksAnOwner(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann, rita, mo := w.monolith.person("Ann", contracts.Author), w.monolith.person("Rita", contracts.Reader), w.monolith.person("Mo", contracts.Moderator)
	post := w.monolith.post(ann)
	service := r.asService(t)
	held := r.as(t, rita).says(post, "A casino").is(201).comment()
	shown := r.as(t, rita).says(post, "A tree").is(201).comment()

	var byID struct{ Comments map[string]contracts.Comment }
	service.send("GET", "/internal/comments?"+url.Values{"id": {held.ID, shown.ID, contracts.NewID(), "no-id"}}.Encode(), nil).is(200).into(&byID)
	require.Len(t, byID.Comments, 2)
	require.Equal(t, contracts.Pending, byID.Comments[held.ID].Status)
	require.Equal(t, contracts.Person{ID: rita.ID}, byID.Comments[held.ID].Author, "names are the asker's to ask for")
	var latest struct {
		Latest map[string][]contracts.Comment
	}
	service.send("GET", "/internal/latest?n=3&post="+post+"&post="+contracts.NewID(), nil).is(200).into(&latest)
	require.Len(t, latest.Latest, 1)
	require.Equal(t, shown.ID, latest.Latest[post][0].ID)
	service.send("GET", "/internal/latest?n=0&post="+post, nil).refused(422, problem.Validation)

	decide := func(c *client, status string) answer {
		return c.send("POST", "/internal/comments/"+held.ID+"/decision", map[string]string{"status": status})
	}
	require.Equal(t, contracts.Approved, decide(r.as(t, mo), "approved").is(200).comment().Status)
	decide(r.as(t, mo), "maybe").refused(422, problem.Validation)
	decide(r.as(t, rita), "rejected").refused(403, problem.Forbidden)
	decide(service, "rejected").refused(403, problem.Forbidden)

	for range 2 { // asked again, nothing more is done
		service.send("POST", "/internal/posts/"+post+"/close", map[string]string{"key": "event-1"}).is(204)
	}
	service.send("POST", "/internal/posts/"+post+"/close", map[string]string{"key": ""}).refused(422, problem.Validation)
	require.Empty(t, r.as(t, mo).reads(post).bodies())
	r.as(t, rita).says(post, "After all").refused(404, problem.NotFound)
}

func TestAPostIsClosedThoughWhoAskedHasGone(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	c := r.as(t, ann).says(post, "Hello").is(201).comment()
	busy, err := r.parts.db.SQL().BeginTx(t.Context(), nil) // so that closing takes longer than anybody waits
	require.NoError(t, err)
	defer func() { _ = busy.Rollback() }()
	_, err = busy.ExecContext(t.Context(), "SELECT FROM comments WHERE id = $1 FOR UPDATE", c.ID)
	require.NoError(t, err)
	service := r.asService(t).token
	for range 3 { // asks again, as whoever must have it done does
		asks, goes := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			r.asksToClose(asks, t, post, service)
		}()
		require.Eventually(t, func() bool { return waitingForLocks(t, r) == 1 }, soon, often, "one closes it, however many ask")
		goes()
		<-left
	}
	require.NoError(t, busy.Rollback())
	require.Eventually(t, func() bool { return len(r.as(t, ann).reads(post).bodies()) == 0 }, soon, often)
}

// asksToClose is the monolith's request, which may be given up in the middle.
func (r *running) asksToClose(ctx context.Context, t *testing.T, post, token string) {
	q, err := http.NewRequestWithContext(ctx, "POST", "http://"+r.PublicPort.Address()+"/internal/posts/"+post+"/close", strings.NewReader(`{"key": "event-1"}`))
	if err != nil {
		t.Error(err)
		return
	}
	q.Header = http.Header{"Content-Type": {"application/json"}, identity.Header: {token}}
	if answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(q); err == nil {
		answer.Body.Close()
		t.Errorf("it was answered %d while the comment was locked", answer.StatusCode)
	}
}

// waitingForLocks is how many of the database's sessions wait for another's lock.
func waitingForLocks(t *testing.T, r *running) (n int) {
	t.Helper()
	require.NoError(t, r.parts.db.SQL().QueryRowContext(t.Context(),
		"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n))
	return n
}

func TestTheAdminPortWantsItsToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.serves(t)
	admin := r.asAdmin(t)
	for _, path := range []string{"/ownership/comments", "/ownership/comments/moves", "/backfill/comments", "/reconcile/comments/kinds", "/lag"} {
		for _, authorization := range [][]string{nil, {"Authorization", "Bearer wrong"}} {
			admin.send("GET", path, nil, authorization...).refused(401, problem.Unauthenticated)
			admin.send("POST", path, map[string]string{}, authorization...).refused(401, problem.Unauthenticated)
		}
	}
	bearer := []string{"Authorization", "Bearer " + adminToken}
	var row ownership.Row
	admin.send("GET", "/ownership/comments", nil, bearer...).is(200).into(&row)
	require.Equal(t, ownership.Follower, row.State)
	admin.send("POST", "/reconcile/comments/kinds", map[string]string{}, bearer...).is(200)
	admin.send("GET", "/backfill/comments", nil, bearer...).is(200)
	var far lag.Report
	require.Eventually(t, func() bool { return admin.send("GET", "/lag", nil, bearer...).status == 200 }, soon, often, "the topic is made beside")
	admin.send("GET", "/lag", nil, bearer...).is(200).into(&far)
	require.Len(t, far.Groups, topic.Partitions)
	require.Equal(t, group, far.Groups[0].Group)

	var told topology
	admin.send("GET", "/topology", nil).is(200).into(&told)
	require.Equal(t, "comments", told.Host)
	require.Equal(t, seams{Comments: "local", Events: "outbox"}, told.Seams)
	require.Equal(t, ownership.Follower, told.Ownership["comments"].State)
	require.Equal(t, "none", told.Backfill["comments"].State)
	require.Zero(t, told.Outbox.Waiting)
	require.Empty(t, told.Error)
	require.NotContains(t, string(admin.send("GET", "/topology", nil).body), "password")
	require.Equal(t, http.StatusNotFound, r.as(t, contracts.Viewer{}).send("GET", "/ownership/comments", nil, bearer...).status, "nothing of it is public")
}
