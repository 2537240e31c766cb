package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

// writes makes a comment at the monolith, where it owns comments.
func (m *monolith) writes(t *testing.T, postID string, v contracts.Viewer, body string) contracts.Comment {
	t.Helper()
	c, _, err := m.kept.Create(t.Context(), said(postID, v, body), comments.Effects{}, contracts.Key{})
	require.NoError(t, err)
	return c
}

func TestAFollowerShowsWhatTheMonolithWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, rita := w.monolith.person("Ann", contracts.Author), w.monolith.person("Rita", contracts.Reader)
	post := w.monolith.post(ann)
	old := w.monolith.writes(t, post, rita, "Before there was a service")
	r := w.serves(t)
	visitor := r.as(t, contracts.Viewer{})
	require.Eventually(t, func() bool { return len(visitor.reads(post).bodies()) == 1 }, soon, often)
	w.monolith.writes(t, post, rita, "And after")
	require.Eventually(t, func() bool { return len(visitor.reads(post).bodies()) == 2 }, soon, often)
	require.Equal(t, []string{"Before there was a service", "And after"}, visitor.reads(post).bodies())

	shown := visitor.send("GET", "/api/v1/comments/"+old.ID, nil).is(200)
	require.Equal(t, "Rita", shown.comment().Author.Name)
	require.NoError(t, w.monolith.kept.Delete(t.Context(), old.ID, 0))
	require.Eventually(t, func() bool { return visitor.send("GET", "/api/v1/comments/"+old.ID, nil).status == 404 }, soon, often)
	visitor.reads(contracts.NewID()).refused(404, problem.NotFound)
	require.Equal(t, 2, w.monolith.timesAsked("people"), "once at the start, once for Rita: names are remembered")
}

func TestAFollowerRefusesWritesAndSaysWhoWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, mo := w.monolith.person("Ann", contracts.Author), w.monolith.person("Mo", contracts.Moderator)
	post := w.monolith.post(ann)
	r := w.serves(t)
	unknown := contracts.NewID() // which may be there at the owner
	for name, refused := range map[string]answer{
		"write":    r.as(t, ann).says(post, "Here?"),
		"edit":     r.as(t, ann).send("PUT", "/api/v1/comments/"+unknown, map[string]string{"body": "Here?"}, "If-Match", `"1"`),
		"delete":   r.as(t, ann).send("DELETE", "/api/v1/comments/"+unknown, nil),
		"decision": r.as(t, mo).send("POST", "/internal/comments/"+unknown+"/decision", map[string]string{"status": "approved"}),
		"close":    r.asService(t).send("POST", "/internal/posts/"+unknown+"/close", map[string]string{"key": "event"}),
	} {
		refused.refused(421, problem.NotOwner)
		require.Equal(t, "monolith", refused.header.Get(httpkit.HeaderOwner), name)
		require.Equal(t, "0", refused.header.Get(httpkit.HeaderEpoch), name)
		require.Empty(t, refused.header.Get("Set-Cookie"), name)
	}
	require.Zero(t, w.monolith.timesAsked("posts/:id")+w.monolith.timesAsked("verdicts"), "nothing is asked for a write that is not ours")
}

func TestAReaderSeesItsOwnWriteAtTheFollower(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	r := w.serves(t)
	reader := r.as(t, ann)
	c := w.monolith.writes(t, post, ann, "Mine")
	reader.cookie = "banyan_wrote_" + c.ID + ".1=1"
	require.Eventually(t, func() bool {
		seen := reader.reads(post)
		if seen.status == 421 { // the feed took longer than a reader waits
			require.Equal(t, "monolith", seen.header.Get(httpkit.HeaderOwner))
			return false
		}
		require.Equal(t, []string{"Mine"}, seen.bodies(), "never without it")
		return true
	}, soon, often)

	reader.cookie = "banyan_wrote_" + c.ID + ".2=1"
	reader.reads(post).refused(421, problem.NotOwner)
	reader.send("GET", "/api/v1/comments/"+c.ID, nil).refused(421, problem.NotOwner)
	reader.send("HEAD", "/api/v1/comments/"+c.ID, nil).is(421)
	reader.cookie = ""
	reader.reads(post).is(200)
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	w.monolith.writes(t, post, ann, "one")
	r := w.serves(t)
	require.Eventually(t, func() bool { return len(r.as(t, ann).reads(post).bodies()) == 1 }, soon, often)
	r.ends(t)
	w.monolith.writes(t, post, ann, "two")
	count := func(query string) (n int) {
		require.NoError(t, execute(t, w.database, func(ctx context.Context, q querier) error { return q.QueryRow(ctx, query).Scan(&n) }))
		return n
	}
	before := count("SELECT sum(next_offset) FROM inbox_positions")
	require.Equal(t, 1, count("SELECT count(*) FROM inbox_events"))
	again := w.serves(t)
	require.Eventually(t, func() bool { return len(again.as(t, ann).reads(post).bodies()) == 2 }, soon, often)
	require.Equal(t, before+1, count("SELECT sum(next_offset) FROM inbox_positions"))
	require.Equal(t, 2, count("SELECT count(*) FROM inbox_events"))
}

func TestWithoutTheMonolithListsAreRefusedQuickly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	c := w.monolith.writes(t, post, ann, "Still here")
	r := w.serves(t)
	reader := r.as(t, ann)
	require.Eventually(t, func() bool { return len(reader.reads(post).bodies()) == 1 }, soon, often)
	w.monolith.server.Close()
	for range 10 {
		refused := reader.reads(post).refused(503, httpkit.Unavailable)
		require.NotEmpty(t, refused.header.Get("Retry-After"))
	}
	reader.send("GET", "/api/v1/comments/"+c.ID, nil).is(200) // the name is remembered, the post is not asked for
	metrics := string(r.asAdmin(t).send("GET", "/metrics", nil).is(200).body)
	require.Contains(t, metrics, `calls_total{outcome="open",peer="monolith"}`, "the breaker spares everybody the wait")
	require.Contains(t, metrics, `call_breaker_open{peer="monolith"} 1`)
	r.as(t, contracts.Viewer{}).send("GET", "/readyz", nil).is(200)
}
