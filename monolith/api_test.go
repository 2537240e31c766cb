package main

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The whole API once, by people who use it, each answer held against the OpenAPI
// document: nothing may be answered that is not promised, and nothing promised that
// is not answered.
func TestTheAPIIsWhatTheDocumentSays(t *testing.T) { onEither(t, theAPIIsWhatTheDocumentSays) }

func theAPIIsWhatTheDocumentSays(t *testing.T, m *running) {
	t.Helper()
	ada, bob, mod := m.client(t), m.client(t), m.client(t)
	author := ada.author("Ada")
	reader := bob.signUp("Bob")
	m.moderator(t, mod, "Mod")

	post := aPostIsWrittenAndChanged(t, ada, bob)
	aCoverIsGivenAndTaken(t, ada, bob, post.text("id"))
	comment := commentsAreWrittenAndJudged(t, bob, mod, post.text("id"))
	theAuthorIsTold(t, ada, post.text("id"))
	visitorsFindThePost(t, m.client(t), author.text("id"), post.text("id"))
	peopleLookAfterTheirAccount(t, bob, reader)

	bob.call("DELETE", "/comments/"+comment.text("id"), nil).want(204)
	bob.call("DELETE", "/comments/"+comment.text("id"), nil).want(204)
	ada.call("DELETE", "/posts/"+post.text("id"), nil).want(204)
	ada.call("DELETE", "/posts/"+post.text("id"), nil).want(204)
	m.client(t).get("/posts/" + post.text("id")).want(404)
	bob.call("DELETE", "/sessions/current", nil).want(204)
	bob.call("DELETE", "/sessions/current", nil).want(204)
	bob.get("/accounts/me").want(401)
	require.Contains(t, string(bob.get("/openapi.yaml").want(200).body), "openapi: 3")

	require.Empty(t, m.contract.missing(), "operations of the document that nobody asked for")
	m.everyRouteIsDocumented(t)
}

func aPostIsWrittenAndChanged(t *testing.T, ada, bob *client) document {
	t.Helper()
	made := ada.call("POST", "/posts", document{"title": "Notes & <b>Queries</b>", "body": "# One\n\nTwo.", "tags": []string{"go", "web"}}).want(201)
	post := made.json()
	path := "/posts/" + post.text("id")
	require.Equal(t, "/api/v1"+path, made.header.Get("Location"))
	require.Equal(t, `"1"`, made.header.Get("ETag"))
	require.Equal(t, "draft", post.text("status"))
	bob.get(path).want(404)
	ada.get("/posts?mine=true").want(200)
	require.Len(t, ada.get("/posts?mine=true").json().items(), 1)
	require.Empty(t, bob.get("/posts").want(200).json().items())

	ada.call("POST", path+"/publish", nil).want(200)
	again := ada.call("POST", path+"/publish", nil).want(200)
	tag := again.header.Get("ETag")
	edited := ada.call("PUT", path, document{"title": "Notes and Queries", "body": "Two trees.", "tags": []string{"go"}}, "If-Match", tag).want(200)
	require.NotEqual(t, tag, edited.header.Get("ETag"))
	ada.call("PUT", path, document{"title": "Lost", "body": "race"}, "If-Match", tag).want(412)
	seen := bob.get(path).want(200)
	bob.get(path, "If-None-Match", seen.header.Get("ETag")).want(304)
	head := bob.call("HEAD", path, nil).want(200)
	require.Empty(t, head.body)
	require.Equal(t, seen.header.Get("Content-Length"), head.header.Get("Content-Length"))
	return seen.json()
}

// pixel is the smallest GIF.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func aCoverIsGivenAndTaken(t *testing.T, ada, bob *client, id string) {
	t.Helper()
	path := "/api/v1/posts/" + id + "/cover"
	bob.send("GET", path, nil).want(404)
	ada.send("PUT", path, []byte(pixel), "Content-Type", "image/gif").want(204)
	whole := bob.send("GET", path, nil).want(200)
	require.Equal(t, pixel, string(whole.body))
	require.Equal(t, "image/gif", whole.header.Get("Content-Type"))
	require.Equal(t, "nosniff", whole.header.Get("X-Content-Type-Options"))
	bob.send("GET", path, nil, "If-None-Match", whole.header.Get("ETag")).want(304)
	part := bob.send("GET", path, nil, "Range", "bytes=0-5").want(206)
	require.Equal(t, "GIF89a", string(part.body))
	bob.send("GET", path, nil, "Range", "bytes=900-").want(416)
	head := bob.send("HEAD", path, nil).want(200)
	require.Equal(t, whole.header.Get("Content-Length"), head.header.Get("Content-Length"))
	require.Contains(t, string(bob.get("/posts/"+id).body), `"cover_url":"/api/v1/posts/`+id+`/cover`)
	ada.send("PUT", path, []byte("<script>alert(1)</script>"), "Content-Type", "image/gif").want(415)
	bob.send("PUT", path, []byte(pixel), "Content-Type", "image/gif").want(403)
	bob.send("DELETE", path, nil).want(403)
	ada.send("DELETE", path, nil).want(204)
	bob.send("GET", path, nil).want(404)
}

func commentsAreWrittenAndJudged(t *testing.T, bob, mod *client, postID string) document {
	t.Helper()
	rule := mod.call("POST", "/moderation/rules", document{"kind": "word", "pattern": "casino", "verdict": "pending"}).want(201).json()
	require.Len(t, mod.get("/moderation/rules").want(200).json().items(), 1)

	list := "/posts/" + postID + "/comments"
	fine := bob.call("POST", list, document{"body": "Well said."}).want(201).json()
	require.Equal(t, "approved", fine.text("status"))
	held := bob.call("POST", list, document{"body": "Visit my casino"}).want(201).json()
	require.Equal(t, "pending", held.text("status"))
	require.Len(t, bob.get(list).want(200).json().items(), 2, "one's own is seen")
	visitor := newClient(t, bob.base, bob.contract)
	require.Len(t, visitor.get(list).want(200).json().items(), 1)
	visitor.get("/comments/" + held.text("id")).want(404)

	queue := mod.get("/moderation/queue").want(200).json().items()
	require.Len(t, queue, 1)
	require.Equal(t, held.text("id"), queue[0].inner("comment").text("id"))
	mod.call("PUT", "/moderation/comments/"+held.text("id"), document{"verdict": "approved", "reason": "it is a song"}).want(200)
	require.Empty(t, mod.get("/moderation/queue").json().items())
	require.Len(t, visitor.get(list).json().items(), 2)
	mod.call("DELETE", "/moderation/rules/"+rule.text("id"), nil).want(204)

	path := "/comments/" + fine.text("id")
	tag := bob.get(path).want(200).header.Get("ETag")
	bob.call("PUT", path, document{"body": "Very well said."}, "If-Match", tag).want(200)
	bob.call("PUT", path, document{"body": "lost race"}, "If-Match", tag).want(412)
	return fine
}

func theAuthorIsTold(t *testing.T, ada *client, postID string) {
	t.Helper()
	inbox := ada.get("/notifications").want(200).json()
	require.EqualValues(t, 2, inbox["unread"])
	first := inbox.items()[0]
	require.Equal(t, postID, first.inner("post").text("id"))
	ada.call("PUT", "/notifications/"+first.text("id")+"/read", nil).want(204)
	require.EqualValues(t, 1, ada.get("/notifications").json()["unread"])
	ada.call("PUT", "/notifications/read", nil).want(204)
	require.EqualValues(t, 0, ada.get("/notifications").json()["unread"])
	ada.call("HEAD", "/notifications/stream", nil).want(200)
}

func visitorsFindThePost(t *testing.T, visitor *client, authorID, postID string) {
	t.Helper()
	entry := visitor.get("/feed").want(200).json().items()[0]
	require.Equal(t, postID, entry.inner("post").text("id"))
	require.Len(t, entry["latest_comments"], 2)
	require.EqualValues(t, 2, entry.inner("post")["comment_count"])
	hit := visitor.get("/search?q=trees").want(200).json().items()[0]
	require.Contains(t, hit.text("highlight"), "<mark>trees</mark>")
	require.Equal(t, "go", visitor.get("/tags").want(200).json().items()[0].text("tag"))
	require.Len(t, visitor.get("/posts?tag=go&author="+authorID).want(200).json().items(), 1)
	require.Empty(t, visitor.get("/posts?tag=other").want(200).json().items())
	public := visitor.get("/accounts/" + authorID).want(200).json()
	require.NotContains(t, public, "email")
}

func peopleLookAfterTheirAccount(t *testing.T, bob *client, reader document) {
	t.Helper()
	me := bob.get("/accounts/me").want(200)
	require.Equal(t, "no-store", me.header.Get("Cache-Control"))
	renamed := bob.call("PATCH", "/accounts/me", document{"name": "Robert"}, "If-Match", me.header.Get("ETag")).want(200)
	require.Equal(t, "Robert", renamed.json().text("name"))
	bob.call("PATCH", "/accounts/me", document{"name": "Late"}, "If-Match", me.header.Get("ETag")).want(412)

	elsewhere := newClient(t, bob.base, bob.contract)
	elsewhere.call("POST", "/sessions", document{"email": reader.text("email"), "password": password}, "User-Agent", "a telephone").want(201)
	sessions := bob.get("/sessions").want(200).json().items()
	require.Len(t, sessions, 2)
	for _, s := range sessions {
		if s["current"] == false {
			require.Equal(t, "a telephone", s.text("user_agent"))
			bob.call("DELETE", "/sessions/"+s.text("id"), nil).want(204)
		}
	}
	elsewhere.get("/accounts/me").want(401)
	bob.call("DELETE", "/sessions/unknown", nil).want(404)
}

func TestAStreamTellsOfACommentAtOnce(t *testing.T) { onEither(t, aStreamTellsOfACommentAtOnce) }

func aStreamTellsOfACommentAtOnce(t *testing.T, m *running) {
	t.Helper()
	ada, bob := m.client(t), m.client(t)
	ada.author("Ada")
	bob.signUp("Bob")
	post := ada.post("Streams")

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+"/api/v1/notifications/stream", nil)
	require.NoError(t, err)
	response, err := ada.http.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	require.True(t, lines.Scan())
	require.Equal(t, "retry: 1000", lines.Text(), "the first byte comes at once, through the session's middleware")

	comment := bob.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "Hello"}).want(201).json()
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			require.Contains(t, data, comment.text("id"))
			return
		}
	}
	t.Fatal("the stream ended without the notification: ", lines.Err())
}
