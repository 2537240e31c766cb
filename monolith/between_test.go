package main

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/lag"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
)

// moves makes one move of a hand-over at one of the sides.
func (w *world) moves(t *testing.T, side *ownership.Side, move ownership.Move, epoch int64, other *ownership.Side) {
	t.Helper()
	row, err := other.Row(t.Context())
	require.NoError(t, err)
	order := ownership.Order{Move: move, Epoch: epoch, Other: row, By: "test"}
	require.Eventually(t, func() bool { _, err = side.Do(t.Context(), order); return err == nil }, soon, often, "%s: %v", move, &err)
}

// TestBetweenTwoOwners stops a hand-over where the tool may die: a write waits, finds
// the new owner before this side was told, or is told to come again.
func TestBetweenTwoOwners(t *testing.T) {
	w := newWorld(t)
	ada := w.client(t)
	ada.author("Ada")
	post := ada.post("A tree")
	w.fills(t)
	monolith, service := w.events.side, w.service.side
	say := func(body, key string) answer {
		return ada.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {body}, "idempotency_key": {key}})
	}

	w.moves(t, monolith, ownership.Fence, 1, service)
	answered := make(chan answer, 1)
	asked := w.service.asked(func() {
		go func() { answered <- say("Said in between.", "one") }()
		before := w.service.times()
		require.Eventually(t, func() bool { return w.service.times() >= before+2 }, soon, often, "more than once")
	})
	require.Contains(t, asked, "POST /api/v1/posts/"+post.text("id")+"/comments", "whoever may have taken is asked")
	require.Empty(t, answered, "nobody owns comments, and nobody is told so yet")
	w.moves(t, service, ownership.Take, 1, monolith)
	(<-answered).want(http.StatusSeeOther)
	require.Equal(t, 1, w.service.count(t, "body = 'Said in between.'"))
	require.Contains(t, ada.reads("/posts/"+post.text("id")), "Said in between.", "who wrote sees it, though this side was not told yet")
	past := ada.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "By the API."})
	require.Equal(t, 421, past.status)
	require.Empty(t, past.header.Get("Strangler-Owner"), "this side can't name anybody")
	w.moves(t, monolith, ownership.Demote, 1, service)

	// The service is fenced, and whoever moves them is gone.
	w.moves(t, service, ownership.Fence, 2, monolith)
	late := say("Said to nobody.", "two").want(http.StatusServiceUnavailable)
	require.NotEmpty(t, late.header.Get("Retry-After"))
	require.Contains(t, string(late.body), "Said to nobody.")
	require.Contains(t, string(late.body), `value="two"`)
	w.moves(t, monolith, ownership.Bar, 2, service)
	w.moves(t, service, ownership.Unfence, 2, monolith)
	say("Said to nobody.", "two").want(http.StatusSeeOther)
	require.Equal(t, 1, w.service.count(t, "body = 'Said to nobody.'"))
}

func TestWhoMovesCommentsProvesToBeAnOperator(t *testing.T) {
	off := startMonolith(t, ownStores...)
	w := newWorld(t)
	for _, path := range []string{"/ownership/comments", "/ownership/comments/ready?epoch=1", "/ownership/comments/moves", "/backfill/comments", "/reconcile/comments/kinds", "/lag"} {
		for _, token := range []string{"", "a-token-of-this-tesT", houseKey} {
			status, body := w.adminGet(t, path, token)
			require.Equal(t, 401, status, "%s: %s", path, body)
			require.NotContains(t, body, `"state"`)
		}
		status, _ := off.adminGet(t, path, off.cfg.AdminToken)
		require.Equal(t, 404, status, "there is nothing to move while EVENTS is off")
	}
	status, body := w.adminGet(t, "/ownership/comments", w.cfg.AdminToken)
	require.Equal(t, 200, status)
	require.Contains(t, body, `"state":"owner"`)
	for _, path := range []string{"/ownership/comments", "/backfill/comments", "/reconcile/comments/kinds"} {
		require.Equal(t, 404, w.client(t).send("GET", path, nil).status, "not on the port that people reach")
	}
	require.ElementsMatch(t, consumers(), w.groups(t), "none is waited for that isn't told")
	c := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{w.admin}, Token: "another-token-another"})
	t.Cleanup(c.Close)
	_, err := c.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, By: "mallory"})
	require.Error(t, err)
	row, err := w.events.side.Row(t.Context())
	require.NoError(t, err)
	require.Equal(t, ownership.Owner, row.State)
}

// asksLag asks the monolith's admin port how far its events are.
func (w *world) asksLag(t *testing.T) *lag.Client {
	t.Helper()
	c := lag.NewClient(lag.ClientConfig{Name: "monolith", URLs: []string{w.admin}, Token: w.cfg.AdminToken})
	t.Cleanup(c.Close)
	return c
}

// groups are those whose lag the admin port tells.
func (w *world) groups(t *testing.T) (names []string) {
	t.Helper()
	c := w.asksLag(t)
	var told lag.Report
	require.Eventually(t, func() (ok bool) {
		var err error
		told, err = c.Report(t.Context())
		return err == nil && lag.CaughtUp(t.Context(), c) == nil
	}, soon, often)
	for _, p := range told.Groups {
		if p.Partition == 0 {
			names = append(names, p.Group)
		}
	}
	return names
}
