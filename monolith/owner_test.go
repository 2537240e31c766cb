package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// TestCommentsAreWrittenAtWhoeverOwnsThem goes there and back: pages and moderation
// follow, the API's routes say who is to be asked.
func TestCommentsAreWrittenAtWhoeverOwnsThem(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	mod := w.watched(t)
	post := ada.post("A tree")
	list := "/posts/" + post.text("id") + "/comments"

	first := bob.says(post.text("id"), "Said at the monolith.", "one")
	require.Equal(t, 1, countRows(t, w.db, "comments", "true"), "the monolith wrote it itself; the service hears of it by the feed")
	w.fills(t)
	w.handsTo(t, "comments")

	// The pages write at the service, and are read from there.
	second := bob.says(post.text("id"), "Said at the service.", "two")
	require.Equal(t, 1, w.service.count(t, "id = $1", second))
	require.Equal(t, first, bob.says(post.text("id"), "Said at the monolith.", "one"), "the key came along")
	require.Equal(t, second, bob.says(post.text("id"), "Said at the service.", "two"))
	shown := bob.reads("/posts/" + post.text("id"))
	require.Contains(t, shown, "Said at the monolith.")
	require.Contains(t, shown, "Said at the service.")
	bob.form("/comments/"+second+"/edit", url.Values{"body": {"To the casino!"}, "version": {"1"}, "idempotency_key": {"three"}}).want(303)
	bob.form("/comments/"+second+"/edit", url.Values{"body": {"To the casino!"}, "version": {"1"}, "idempotency_key": {"three"}}).want(303)
	lost := bob.form("/comments/"+second+"/edit", url.Values{"body": {"Of an old version."}, "version": {"1"}, "idempotency_key": {"four"}})
	require.Equal(t, http.StatusPreconditionFailed, lost.status)
	ada.form("/comments/"+first+"/delete", nil).refusedPage(403)
	ada.form("/comments/"+second+"/delete", nil).refusedPage(404) // it waits for a moderator
	wrong := bob.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {strings.Repeat("x", 4001)}})
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, string(wrong.body), "4001 characters")

	// Moderation finds what waits, and decides.
	require.Eventually(t, func() bool { return strings.Contains(mod.reads("/moderation"), "To the casino!") }, soon, often)
	require.Len(t, mod.get("/moderation/queue").want(200).json().items(), 1)
	judged := mod.call("PUT", "/moderation/comments/"+second, document{"verdict": "approved"}).want(200)
	require.Contains(t, strings.Join(judged.header.Values("Set-Cookie"), "\n"), "banyan_wrote_"+second+".3=1")
	require.Equal(t, 1, w.service.count(t, "id = $1 AND status = 'approved'", second))
	require.Eventually(t, func() bool { return len(mod.get("/moderation/queue").want(200).json().items()) == 0 }, soon, often)

	// The API does not follow: the gateway does. The key is not used up by it.
	answer := bob.call("POST", list, document{"body": "By the API."}, "Idempotency-Key", "five")
	answer.refused(421, problem.NotOwner)
	require.Equal(t, "comments", answer.header.Get(httpkit.HeaderOwner))
	require.Equal(t, "2", answer.header.Get(httpkit.HeaderEpoch))
	for _, path := range []string{"PUT /comments/" + first, "DELETE /comments/" + first} {
		method, path, _ := strings.Cut(path, " ")
		bob.call(method, path, document{"body": "By the API."}, "If-Match", `"1"`).refused(421, problem.NotOwner)
	}

	// And back: what the service wrote is here by then.
	w.handsTo(t, "monolith")
	require.Equal(t, 2, countRows(t, w.db, "comments", "true"))
	require.Equal(t, second, bob.says(post.text("id"), "Said at the service.", "two"), "its keys are here too")
	bob.call("POST", list, document{"body": "By the API."}, "Idempotency-Key", "five").want(201)
	ada.form("/comments/"+first+"/delete", nil).refusedPage(403)
	bob.form("/comments/"+first+"/delete", nil).want(303)
	require.Equal(t, 2, countRows(t, w.db, "comments", "true"))
	require.Eventually(t, func() bool { return w.service.count(t, "true") == 2 }, soon, often, "the feed goes on to the service")
}

// refusedPage fails the test unless the answer is a page that says no.
func (a answer) refusedPage(status int) {
	a.t.Helper()
	a.want(status)
	require.Contains(a.t, a.header.Get("Content-Type"), "text/html")
}

// TestWhoWroteIsTold: a page that writes leaves the cookie by which a follower knows
// what it must have before it answers.
func TestWhoWroteIsTold(t *testing.T) {
	w := newWorld(t)
	ada := w.client(t)
	ada.author("Ada")
	post := ada.post("A tree")
	w.fills(t)
	w.handsTo(t, "comments")
	told := ada.form("/posts/"+post.text("id")+"/comments", url.Values{"body": {"Mine."}}).want(303)
	id := strings.TrimPrefix(told.header.Get("Location"), "/comments/")
	require.Contains(t, strings.Join(told.header.Values("Set-Cookie"), "\n"), "banyan_wrote_"+id+".1=1")
	seen := ada.get("/posts/" + post.text("id") + "/comments") // at the follower, at once
	require.Contains(t, []int{200, 421}, seen.status)
	if seen.status == 200 {
		require.Len(t, seen.json().items(), 1)
	}
	edited := ada.form("/comments/"+id+"/edit", url.Values{"body": {"Mine!"}, "version": {"1"}}).want(303)
	require.Contains(t, strings.Join(edited.header.Values("Set-Cookie"), "\n"), id+".2")
	gone := ada.form("/comments/"+id+"/delete", nil).want(303)
	require.Contains(t, strings.Join(gone.header.Values("Set-Cookie"), "\n"), id+".x")
}

// TestAPageCostsFewCalls: what is asked of the service does not grow with what is
// shown.
func TestAPageCostsFewCalls(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.people(t)
	mod := w.watched(t)
	w.fills(t)
	w.handsTo(t, "comments")
	for _, n := range []int{1, 12} {
		var post document
		var said string
		for range n {
			post = ada.post("A tree")
		}
		for range n {
			said = bob.says(post.text("id"), "Well said.", contracts.NewID())
			bob.says(post.text("id"), "To the casino!", contracts.NewID())
		}
		require.Eventually(t, func() bool { return commentsOf(bob, post) == float64(n) }, soon, often)
		for path, calls := range map[string]int{
			"/":                           1,
			"/feed.atom":                  1,
			"/posts/" + post.text("id"):   0, // leads to the one with the slug
			"/tags/go":                    0,
			"/search?q=tree":              0,
			"/api/v1/feed?limit=100":      1,
			"/comments/" + said + "/edit": 1,
			"/comments/" + said:           2, // the comment, and the page that it is on
			"/notifications":              0,
			"/api/v1/posts":               0,
			"/posts/" + post.text("id") + "/" + post.text("slug"): 1,
		} {
			asked := w.service.asked(func() {
				require.Less(t, bob.send("GET", path, nil, "Accept", "text/html").status, 400, path)
			})
			require.LessOrEqual(t, len(asked), calls, "%s asks %v", path, asked)
		}
		for path, calls := range map[string]int{"/moderation": 1, "/api/v1/moderation/queue?limit=100": 1} {
			asked := w.service.asked(func() { mod.send("GET", path, nil, "Accept", "text/html").want(200) })
			require.Len(t, asked, calls, "%s asks %v", path, asked)
		}
		asked := w.service.asked(func() { bob.says(post.text("id"), "Once more.", contracts.NewID()) })
		require.Len(t, asked, 1, "a write is one call: %v", asked)
	}
}
