package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// What a reader of the blog may do with comments holds here as at the monolith: the
// public contract does not know which host answers.
func TestTheFeaturesJourneys(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	j := journey{world: w, running: r}
	j.ann, j.rita = w.monolith.person("Ann", contracts.Author), w.monolith.person("Rita", contracts.Reader)
	j.mallory, j.mo = w.monolith.person("Mallory", contracts.Reader), w.monolith.person("Mo", contracts.Moderator)
	for name, walk := range map[string]func(t *testing.T){
		"a comment is written, edited and deleted":      j.life,
		"comments stand in the order they were written": j.order,
		"a retried write is one write":                  j.retries,
		"another's comment is not yours to change":      j.manners,
		"what is held back is seen by few":              j.held,
		"what can't be read is refused":                 j.refusals,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); walk(t) })
	}
}

type journey struct {
	*world
	*running
	ann, rita, mallory, mo contracts.Viewer
}

func text(body string) map[string]string { return map[string]string{"body": body} }

func path(c contracts.Comment) string { return "/api/v1/comments/" + c.ID }

func (j journey) life(t *testing.T) {
	post := j.monolith.post(j.ann)
	rita, visitor := j.as(t, j.rita), j.as(t, contracts.Viewer{})
	said := rita.says(post, "First!\n\nAnd <b>second</b>.").is(201).comment()
	require.Contains(t, said.HTML, "&lt;b&gt;second")
	require.Equal(t, post, said.PostID)
	require.Equal(t, []string{"First!\n\nAnd <b>second</b>."}, visitor.reads(post).bodies())
	rita.send("PUT", path(said), text("No")).refused(428, problem.PreconditionRequired)
	edited := rita.send("PUT", path(said), text("Not first after all."), "If-Match", `"1"`).is(200)
	require.Equal(t, `"2"`, edited.header.Get("ETag"))
	rita.send("PUT", path(said), text("Too late."), "If-Match", `"1"`).refused(412, problem.VersionMismatch)
	seen := visitor.send("GET", path(said), nil).is(200)
	require.Equal(t, "Not first after all.", seen.comment().Body)
	visitor.send("GET", path(said), nil, "If-None-Match", seen.header.Get("ETag")).is(304)
	visitor.send("HEAD", path(said), nil).is(200)
	rita.send("DELETE", path(said), nil, "If-Match", `"1"`).refused(412, problem.VersionMismatch)
	rita.send("DELETE", path(said), nil).is(204)
	rita.send("DELETE", path(said), nil).is(204)
	visitor.send("GET", path(said), nil).refused(404, problem.NotFound)
	require.Empty(t, visitor.reads(post).bodies())
}

func (j journey) order(t *testing.T) {
	post := j.monolith.post(j.ann)
	var want, got []string
	for _, n := range strings.Split("1234567", "") {
		j.as(t, j.rita).says(post, n).is(201)
		want = append(want, n)
	}
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		var list struct {
			Items []contracts.Comment `json:"items"`
			Next  string              `json:"next"`
		}
		page := j.as(t, contracts.Viewer{}).send("GET", "/api/v1/posts/"+post+"/comments?limit=3&cursor="+url.QueryEscape(cursor), nil).is(200)
		require.NoError(t, json.Unmarshal(page.body, &list))
		for _, c := range list.Items {
			got = append(got, c.Body)
		}
		cursor = list.Next
		require.Less(t, pages, 3)
	}
	require.Equal(t, want, got)
}

func (j journey) retries(t *testing.T) {
	post := j.monolith.post(j.ann)
	rita := j.as(t, j.rita)
	key := contracts.NewID()
	first := rita.says(post, "hello", "Idempotency-Key", key).is(201).comment()
	again := rita.says(post, "hello", "Idempotency-Key", key).is(201)
	require.Equal(t, first.ID, again.comment().ID)
	require.Equal(t, "true", again.header.Get(httpkit.HeaderIdempotencyReplayed))
	rita.says(post, "good bye", "Idempotency-Key", key).refused(422, problem.KeyReused)
	require.Len(t, rita.reads(post).bodies(), 1)
	for range 2 {
		rita.send("PUT", path(first), text("hello again"), "If-Match", `"1"`, "Idempotency-Key", key+"-edit").is(200)
	}
}

func (j journey) manners(t *testing.T) {
	post := j.monolith.post(j.ann)
	said := j.as(t, j.rita).says(post, "mine").is(201).comment()
	for _, other := range []contracts.Viewer{j.mallory, j.ann} {
		j.as(t, other).send("PUT", path(said), text("changed"), "If-Match", `"1"`).refused(403, problem.Forbidden)
		j.as(t, other).send("DELETE", path(said), nil).refused(403, problem.Forbidden)
	}
	visitor := j.as(t, contracts.Viewer{})
	visitor.send("PUT", path(said), text("changed"), "If-Match", `"1"`).refused(401, problem.Unauthenticated)
	visitor.send("DELETE", path(said), nil).refused(401, problem.Unauthenticated)
	visitor.says(post, "anonymous").refused(401, problem.Unauthenticated)
	require.Equal(t, []string{"mine"}, visitor.reads(post).bodies())
	j.as(t, j.mo).send("DELETE", path(said), nil).is(204)
	require.Empty(t, visitor.reads(post).bodies())
}

func (j journey) held(t *testing.T) {
	post := j.monolith.post(j.ann)
	held := j.as(t, j.rita).says(post, "casino").is(201).comment()
	require.Equal(t, contracts.Pending, held.Status)
	for who, sees := range map[*contracts.Viewer]int{&j.rita: 1, &j.mo: 1, &j.ann: 0, &j.mallory: 0, {}: 0} {
		require.Len(t, j.as(t, *who).reads(post).bodies(), sees, who.Name)
		require.Equal(t, sees == 1, j.as(t, *who).send("GET", path(held), nil).status == 200, who.Name)
	}
	j.as(t, j.mo).send("POST", "/internal/comments/"+held.ID+"/decision", map[string]string{"status": "rejected"}).is(200)
	edited := j.as(t, j.rita).send("PUT", path(held), text("a tree"), "If-Match", `"2"`).is(200).comment()
	require.Equal(t, contracts.Rejected, edited.Status, "an edit does not undo a verdict")
}

func (j journey) refusals(t *testing.T) {
	post := j.monolith.post(j.ann)
	rita := j.as(t, j.rita)
	rita.says(contracts.NewID(), "where?").refused(404, problem.NotFound)
	rita.says("no-id", "where?").refused(404, problem.NotFound)
	rita.says(post, " ").refused(422, problem.Validation)
	rita.says(post, strings.Repeat("x", 4001)).refused(422, problem.Validation)
	rita.says(post, strings.Repeat("x", 2<<20)).refused(413, problem.TooLarge)
	rita.says(post, "nul \x00").refused(422, problem.Validation)
	rita.send("POST", "/api/v1/posts/"+post+"/comments", map[string]any{"body": "x", "status": "approved"}).refused(400, problem.Malformed)
	rita.send("POST", "/api/v1/posts/"+post+"/comments", []string{"x"}).refused(400, problem.Malformed)
	rita.send("POST", "/api/v1/posts/"+post+"/comments", text("x"), "Content-Type", "text/plain").refused(415, problem.UnsupportedMediaType)
	rita.says(post, "x", "Idempotency-Key", strings.Repeat("k", 129)).refused(400, problem.Malformed)
	rita.send("GET", "/api/v1/posts/"+post+"/comments?limit=0", nil).refused(422, problem.Validation)
	rita.send("PATCH", "/api/v1/posts/"+post+"/comments", nil).refused(405, httpkit.MethodNotAllowed)
	rita.send("GET", "/api/v1/posts", nil).refused(404, problem.NotFound)
	require.Empty(t, rita.reads(post).bodies())
}

func TestWithoutTheMonolithNothingIsWritten(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	w.monolith.server.Close()
	refused := r.as(t, ann).says(post, "Is anybody there?", "Idempotency-Key", "k").refused(503, httpkit.Unavailable)
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Zero(t, rows(t, w.database)["comments"]+rows(t, w.database)["comment_keys"], "the same write may be sent again")
}
