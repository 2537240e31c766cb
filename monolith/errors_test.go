package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

func TestEveryRefusalHasItsStatusAndKind(t *testing.T) { onEither(t, everyRefusalHasItsStatusAndKind) }

func everyRefusalHasItsStatusAndKind(t *testing.T, m *running) {
	t.Helper()
	ada, bob, visitor := m.client(t), m.client(t), m.client(t)
	ada.author("Ada")
	me := bob.signUp("Bob")
	post, draft := ada.post("A post"), ada.call("POST", "/posts", document{"title": "A draft", "body": "text"}).want(201).json()
	comment := ada.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "mine"}).want(201).json()
	p, d, c := "/posts/"+post.text("id"), "/posts/"+draft.text("id"), "/comments/"+comment.text("id")
	none := contracts.NewID()
	text := document{"title": "t", "body": "b"}

	for _, row := range []struct {
		what         string
		who          *client
		method, path string
		body         any
		headers      []string
		status       int
		kind         problem.Kind
		field        string
	}{
		{"a short password", visitor, "POST", "/accounts", document{"name": "X", "email": "x@example.org", "password": "short"}, nil, 422, problem.Validation, "password"},
		{"a bad address", visitor, "POST", "/accounts", document{"name": "X", "email": "x", "password": password}, nil, 422, problem.Validation, "email"},
		{"an address that is taken", visitor, "POST", "/accounts", document{"name": "X", "email": "BOB@example.org", "password": password}, nil, 409, problem.EmailTaken, ""},
		{"a wrong password", visitor, "POST", "/sessions", document{"email": "bob@example.org", "password": "wrong password"}, nil, 401, problem.BadCredentials, ""},
		{"nobody's account", visitor, "GET", "/accounts/me", nil, nil, 401, problem.Unauthenticated, ""},
		{"an unknown account", visitor, "GET", "/accounts/" + none, nil, nil, 404, problem.NotFound, ""},
		{"an account without an id", visitor, "GET", "/accounts/1%20OR%201=1", nil, nil, 404, problem.NotFound, ""},
		{"another's role", bob, "PUT", "/accounts/" + none + "/role", document{"role": "author"}, nil, 403, problem.Forbidden, ""},
		{"making oneself moderator", bob, "PUT", "/accounts/" + me.text("id") + "/role", document{"role": "moderator"}, nil, 403, problem.Forbidden, ""},
		{"an unknown role", bob, "PUT", "/accounts/" + me.text("id") + "/role", document{"role": "king"}, nil, 422, problem.Validation, "role"},
		{"a rename without a version", bob, "PATCH", "/accounts/me", document{"name": "B"}, nil, 428, problem.PreconditionRequired, ""},
		{"a rename to nothing", bob, "PATCH", "/accounts/me", document{"name": " "}, []string{"If-Match", `"1"`}, 422, problem.Validation, "name"},
		{"a stranger's sessions", visitor, "GET", "/sessions", nil, nil, 401, problem.Unauthenticated, ""},
		{"a stranger's session", visitor, "DELETE", "/sessions/abc", nil, nil, 401, problem.Unauthenticated, ""},
		{"a reader's post", bob, "POST", "/posts", text, nil, 403, problem.Forbidden, ""},
		{"a visitor's post", visitor, "POST", "/posts", text, nil, 401, problem.Unauthenticated, ""},
		{"a post without a title", ada, "POST", "/posts", document{"title": "", "body": "b"}, nil, 422, problem.Validation, "title"},
		{"a title with NUL", ada, "POST", "/posts", document{"title": "a\x00b", "body": "b"}, nil, 422, problem.Validation, "title"},
		{"a bad tag", ada, "POST", "/posts", document{"title": "t", "body": "b", "tags": []string{"Two Words"}}, nil, 422, problem.Validation, "tags"},
		{"an unknown post", visitor, "GET", "/posts/" + none, nil, nil, 404, problem.NotFound, ""},
		{"another's draft", bob, "GET", d, nil, nil, 404, problem.NotFound, ""},
		{"editing another's draft", bob, "PUT", d, text, []string{"If-Match", `"1"`}, 404, problem.NotFound, ""},
		{"deleting another's draft", bob, "DELETE", d, nil, nil, 404, problem.NotFound, ""},
		{"publishing another's draft", bob, "POST", d + "/publish", nil, nil, 404, problem.NotFound, ""},
		{"a draft's comments", bob, "GET", d + "/comments", nil, nil, 404, problem.NotFound, ""},
		{"a comment on a draft", bob, "POST", d + "/comments", document{"body": "b"}, nil, 404, problem.NotFound, ""},
		{"editing another's post", bob, "PUT", p, text, []string{"If-Match", `"1"`}, 403, problem.Forbidden, ""},
		{"deleting another's post", bob, "DELETE", p, nil, nil, 403, problem.Forbidden, ""},
		{"an edit without a version", ada, "PUT", p, text, nil, 428, problem.PreconditionRequired, ""},
		{"an edit of an old version", ada, "PUT", p, text, []string{"If-Match", `"99"`}, 412, problem.VersionMismatch, ""},
		{"a version that is no tag", ada, "PUT", p, text, []string{"If-Match", `1`}, 400, problem.Malformed, ""},
		{"a weak version", ada, "PUT", p, text, []string{"If-Match", `W/"1"`}, 412, problem.VersionMismatch, ""},
		{"a deletion of an old version", ada, "DELETE", p, nil, []string{"If-Match", `"99"`}, 412, problem.VersionMismatch, ""},
		{"a comment by a visitor", visitor, "POST", p + "/comments", document{"body": "b"}, nil, 401, problem.Unauthenticated, ""},
		{"an empty comment", bob, "POST", p + "/comments", document{"body": " "}, nil, 422, problem.Validation, "body"},
		{"an endless comment", bob, "POST", p + "/comments", document{"body": strings.Repeat("x", 4001)}, nil, 422, problem.Validation, "body"},
		{"another's comment", bob, "PUT", c, document{"body": "b"}, []string{"If-Match", `"1"`}, 403, problem.Forbidden, ""},
		{"deleting another's comment", bob, "DELETE", c, nil, nil, 403, problem.Forbidden, ""},
		{"a comment's edit without a version", ada, "PUT", c, document{"body": "b"}, nil, 428, problem.PreconditionRequired, ""},
		{"the queue for a reader", bob, "GET", "/moderation/queue", nil, nil, 403, problem.Forbidden, ""},
		{"the queue for a visitor", visitor, "GET", "/moderation/queue", nil, nil, 401, problem.Unauthenticated, ""},
		{"judging as a reader", bob, "PUT", "/moderation/comments/" + comment.text("id"), document{"verdict": "rejected"}, nil, 403, problem.Forbidden, ""},
		{"rules for a reader", bob, "POST", "/moderation/rules", document{"kind": "word", "pattern": "x", "verdict": "pending"}, nil, 403, problem.Forbidden, ""},
		{"a page that is too long", visitor, "GET", "/posts?limit=101", nil, nil, 422, problem.Validation, "limit"},
		{"a page of words", visitor, "GET", "/feed?limit=ten", nil, nil, 422, problem.Validation, "limit"},
		{"a foreign cursor", visitor, "GET", "/feed?cursor=nonsense", nil, nil, 422, problem.Validation, "cursor"},
		{"a cursor made by hand", visitor, "GET", "/feed?cursor=eyJpIjoiJyBPUiAxPTEifQ", nil, nil, 422, problem.Validation, "cursor"},
		{"a tag with NUL", visitor, "GET", "/posts?tag=%00", nil, nil, 422, problem.Validation, "tag"},
		{"an author who is none", visitor, "GET", "/posts?author=x", nil, nil, 422, problem.Validation, "author"},
		{"one's own posts as a visitor", visitor, "GET", "/posts?mine=true", nil, nil, 401, problem.Unauthenticated, ""},
		{"an empty search", visitor, "GET", "/search?q=", nil, nil, 422, problem.Validation, "q"},
		{"a search with NUL", visitor, "GET", "/search?q=%00", nil, nil, 422, problem.Validation, "q"},
		{"a visitor's notifications", visitor, "GET", "/notifications", nil, nil, 401, problem.Unauthenticated, ""},
		{"a visitor's stream", visitor, "GET", "/notifications/stream", nil, nil, 401, problem.Unauthenticated, ""},
		{"another's notification", bob, "PUT", "/notifications/" + none + "/read", nil, nil, 404, problem.NotFound, ""},
		{"a bad key", ada, "POST", "/posts", text, []string{"Idempotency-Key", strings.Repeat("k", 129)}, 400, problem.Malformed, ""},
		{"an unknown field", ada, "POST", "/posts", document{"title": "t", "body": "b", "author": "x"}, nil, 400, problem.Malformed, ""},
		{"a field of the wrong type", ada, "POST", "/posts", document{"title": 1, "body": "b"}, nil, 422, problem.Validation, "title"},
		{"no route", visitor, "GET", "/nothing", nil, nil, 404, problem.NotFound, ""},
		{"no such method", visitor, "PATCH", "/posts", text, nil, 405, httpkit.MethodNotAllowed, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			who := *row.who
			who.t = t
			told := who.call(row.method, row.path, row.body, row.headers...).refused(row.status, row.kind)
			if row.field != "" {
				require.NotEmpty(t, told.Errors)
				require.Equal(t, row.field, told.Errors[0].Field)
				require.NotEmpty(t, told.Errors[0].Detail)
			}
		})
	}
}

func TestASecondTryWithTheSameKeyIsTheSameWrite(t *testing.T) {
	onEither(t, aSecondTryWithTheSameKeyIsTheSameWrite)
}

func aSecondTryWithTheSameKeyIsTheSameWrite(t *testing.T, m *running) {
	t.Helper()
	ada, bob := m.client(t), m.client(t)
	me := ada.author("Ada")
	bob.author("Bob")
	key := []string{"Idempotency-Key", "k-1"}

	body := document{"title": "Once", "body": "text", "publish": true}
	first := ada.call("POST", "/posts", body, key...).want(201)
	again := ada.call("POST", "/posts", body, key...).want(201)
	require.Equal(t, first.json().text("id"), again.json().text("id"))
	require.Empty(t, first.header.Get("Idempotency-Replayed"))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	ada.call("POST", "/posts", document{"title": "Another", "body": "text"}, key...).refused(422, problem.KeyReused)
	require.NotEqual(t, first.json().text("id"), bob.call("POST", "/posts", body, key...).want(201).json().text("id"), "keys are each author's own")
	require.Len(t, ada.get("/posts?author="+me.text("id")).json().items(), 1)

	path := "/posts/" + first.json().text("id")
	edit, tag := document{"title": "Once more", "body": "text"}, first.header.Get("ETag")
	ada.call("PUT", path, edit, "If-Match", tag, "Idempotency-Key", "k-2").want(200)
	replay := ada.call("PUT", path, edit, "If-Match", tag, "Idempotency-Key", "k-2").want(200)
	require.Equal(t, "true", replay.header.Get("Idempotency-Replayed"), "the lost answer's retry is no lost race")

	comment := func() answer {
		return bob.call("POST", path+"/comments", document{"body": "Hello"}, "Idempotency-Key", "k-3").want(201)
	}
	require.Equal(t, comment().json().text("id"), comment().json().text("id"))
	require.EqualValues(t, 1, ada.get("/notifications").json()["unread"], "no effect is repeated")

	signUp := document{"name": "Eve", "email": "eve@example.org", "password": password}
	eve := m.client(t).call("POST", "/accounts", signUp, "Idempotency-Key", "k-4").want(201).json()
	second := m.client(t)
	require.Equal(t, eve.text("id"), second.call("POST", "/accounts", signUp, "Idempotency-Key", "k-4").want(201).json().text("id"))
	second.get("/accounts/me").want(200)
	signUp["password"] = "some other password"
	thief := m.client(t)
	thief.call("POST", "/accounts", signUp, "Idempotency-Key", "k-4").refused(422, problem.KeyReused)
	thief.get("/accounts/me").want(401)
}

func TestOfManyWhoChangeOneVersionOneWins(t *testing.T) {
	onEither(t, ofManyWhoChangeOneVersionOneWins)
}

func ofManyWhoChangeOneVersionOneWins(t *testing.T, m *running) {
	t.Helper()
	ada := m.client(t)
	ada.author("Ada")
	post := ada.post("A race")
	const racers = 8
	outcome := make(chan int, racers)
	for range racers {
		go func() {
			outcome <- ada.call("PUT", "/posts/"+post.text("id"), document{"title": "Mine", "body": "text"}, "If-Match", `"1"`).status
		}()
	}
	won := 0
	for range racers {
		if status := <-outcome; status == 200 {
			won++
		} else {
			require.Equal(t, 412, status)
		}
	}
	require.Equal(t, 1, won)
	require.Regexp(t, `^"2-`, ada.get("/posts/"+post.text("id")).header.Get("ETag"))
}

func TestListsPageToTheirEnd(t *testing.T) { onEither(t, listsPageToTheirEnd) }

func listsPageToTheirEnd(t *testing.T, m *running) {
	t.Helper()
	ada := m.client(t)
	ada.author("Ada")
	want := map[string]bool{}
	for range 7 {
		want[ada.post("A post").text("id")] = true
	}
	next := ""
	for pages := 1; ; pages++ {
		page := m.client(t).get("/posts?limit=3" + next).want(200).json()
		for _, post := range page.items() {
			require.True(t, want[post.text("id")], "shown twice")
			delete(want, post.text("id"))
		}
		if page["next"] == nil {
			require.Equal(t, 3, pages)
			break
		}
		next = "&cursor=" + page.text("next")
	}
	require.Empty(t, want)
}
