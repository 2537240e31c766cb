package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/internal/seed"
	"banyan.dev/platform/database"
)

// budget is how many statements one answer may cost, on either kind of stores. Who is
// asking costs one of them, sessions none: in Redis, where they are from step 03 on,
// neither is asked of the database.
type budget struct {
	who      string // visitor, author or moderator
	path     string // {post}, {draft}, {comment} and {author} are filled in
	tangle   int
	features int
}

// What a page costs more on the features' stores is one statement for each feature
// that the tangle had joined, and never one for each item.
var budgets = []budget{
	{"visitor", "/api/v1/feed?limit=100", 2, 3},
	{"visitor", "/api/v1/search?q=tree&limit=100", 1, 2},
	{"visitor", "/api/v1/posts?limit=100", 1, 2},
	{"author", "/api/v1/posts?mine=true&limit=100", 2, 3},
	{"visitor", "/api/v1/posts/{post}", 1, 2},
	{"visitor", "/api/v1/posts/{post}/comments?limit=100", 2, 3},
	{"visitor", "/api/v1/comments/{comment}", 1, 2},
	{"visitor", "/api/v1/accounts/{author}", 1, 1},
	{"visitor", "/api/v1/tags", 1, 1},
	{"author", "/api/v1/notifications?limit=100", 3, 5},
	{"moderator", "/api/v1/moderation/queue?limit=100", 2, 5},
	{"moderator", "/api/v1/moderation/rules", 2, 2},

	{"visitor", "/?limit=100", 3, 4},
	{"visitor", "/feed.atom", 2, 3},
	{"visitor", "/tags", 1, 1},
	{"visitor", "/authors/{author}?limit=100", 2, 3},
	{"visitor", "/search?q=tree&limit=100", 1, 2},
	{"visitor", "/posts/{post}", 3, 5},
	{"author", "/?limit=100", 5, 6},
	{"author", "/posts/{post}", 5, 7},
	{"author", "/me/posts?limit=100", 3, 4},
	{"author", "/notifications?limit=100", 4, 6},
	{"moderator", "/moderation?limit=100", 3, 6},
}

func TestStatementsOfAPageAreBoundedAndDoNotGrowWithIt(t *testing.T) {
	onEither(t, func(t *testing.T, m *running) {
		t.Helper()
		small := m.costs(t, seed.Config{Posts: 4, Comments: 250, Users: 3, Seed: 1})
		large := m.costs(t, seed.Config{Posts: 160, Comments: 2500, Users: 30, Seed: 2})
		for _, b := range budgets {
			allowed := b.tangle
			if m.cfg.Stores == config.Features {
				allowed = b.features
			}
			require.Equal(t, small[b], large[b], "%s %s asks more of a larger blog: for each item?", b.who, b.path)
			require.LessOrEqual(t, large[b], allowed, "%s %s", b.who, b.path)
			t.Logf("%-9s %-42s %d of %d", b.who, b.path, large[b], allowed)
		}
	})
}

// costs fills the blog further and counts what each answer asks of the database.
func (m *running) costs(t *testing.T, content seed.Config) map[budget]int {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: m.database})
	require.NoError(t, err)
	_, err = seed.Run(t.Context(), db, content)
	require.NoError(t, err)
	require.NoError(t, db.Close())

	who := map[string]*client{"visitor": m.client(t), "author": m.signedIn(t, seed.AuthorEmail), "moderator": m.signedIn(t, seed.ModeratorEmail)}
	most := document{"comment_count": -1.0}
	for _, p := range who["visitor"].get("/posts?limit=100").want(200).json().items() {
		if p["comment_count"].(float64) > most["comment_count"].(float64) {
			most = p
		}
	}
	comments := who["visitor"].get("/posts/" + most.text("id") + "/comments").want(200).json().items()
	require.NotEmpty(t, comments)
	require.NotEmpty(t, who["moderator"].get("/moderation/queue").want(200).json().items())
	require.NotEmpty(t, who["author"].get("/notifications").want(200).json().items())
	filled := strings.NewReplacer("{post}", most.text("id"), "{comment}", comments[0].text("id"), "{author}", most.inner("author").text("id"))

	costs := map[budget]int{}
	for _, b := range budgets {
		path := filled.Replace(b.path)
		for { // to where a short address leads; counted is the page itself
			var a answer
			costs[b] = m.statements(func() { a = who[b.who].send("GET", path, nil, "Accept", "text/html") })
			if a.status != 302 {
				require.Equal(t, 200, a.status, "%s %s: %s", b.who, path, a.body)
				break
			}
			path = a.header.Get("Location")
		}
	}
	return costs
}

func (m *running) signedIn(t *testing.T, email string) *client {
	t.Helper()
	c := m.client(t)
	c.call("POST", "/sessions", document{"email": email, "password": seed.Password}).want(201)
	return c
}

// Writes are a transaction of several statements, however much hangs on what they
// change.
func TestStatementsOfAWriteAreBoundedAndDoNotGrowWithIt(t *testing.T) {
	onEither(t, func(t *testing.T, m *running) {
		t.Helper()
		ada, bob, mod := m.client(t), m.client(t), m.client(t)
		ada.author("Ada")
		bob.signUp("Bob")
		m.moderator(t, mod, "Mod")
		mod.call("POST", "/moderation/rules", document{"kind": "word", "pattern": "casino", "verdict": "pending"}).want(201)
		costs := map[string][]int{}
		for _, comments := range []int{1, 30} {
			m.write(t, ada, bob, mod, comments, func(what string, n int) { costs[what] = append(costs[what], n) })
		}
		for what, allowed := range map[string][2]int{ // tangle, features
			"write a post":     {5, 6},
			"comment":          {10, 11},
			"edit a comment":   {11, 12},
			"judge a comment":  {12, 13},
			"delete a comment": {10, 10},
			"delete a post":    {12, 13}, // one of them notes that nobody comments there any more
		} {
			limit := allowed[0]
			if m.cfg.Stores == config.Features {
				limit = allowed[1]
			}
			require.Equal(t, costs[what][0], costs[what][1], "%s asks more where more hangs on it", what)
			require.LessOrEqual(t, costs[what][0], limit, what)
			t.Logf("%-17s %2d of %d", what, costs[what][0], limit)
		}
	})
}

// write does each write once, under a post with so many comments.
func (m *running) write(t *testing.T, ada, bob, mod *client, comments int, cost func(what string, n int)) {
	t.Helper()
	key := func(what string) []string { return []string{"Idempotency-Key", fmt.Sprint(what, comments)} }
	var post, said document
	cost("write a post", m.statements(func() {
		post = ada.call("POST", "/posts", document{"title": "t", "body": "b", "tags": []string{"go"}, "publish": true}, key("post")...).want(201).json()
	}))
	list := "/posts/" + post.text("id") + "/comments"
	for range comments {
		bob.call("POST", list, document{"body": "Hear, hear."}).want(201)
		bob.call("POST", list, document{"body": "Not in a casino."}).want(201)
	}
	cost("comment", m.statements(func() {
		said = bob.call("POST", list, document{"body": "Well said."}, key("say")...).want(201).json()
	}))
	one := "/comments/" + said.text("id")
	cost("edit a comment", m.statements(func() {
		bob.call("PUT", one, document{"body": "To the casino!"}, append(key("edit"), "If-Match", `"1"`)...).want(200)
	}))
	cost("judge a comment", m.statements(func() {
		mod.call("PUT", "/moderation"+one, document{"verdict": "approved"}).want(200)
	}))
	cost("delete a comment", m.statements(func() { bob.call("DELETE", one, nil).want(204) }))
	cost("delete a post", m.statements(func() { ada.call("DELETE", "/posts/"+post.text("id"), nil).want(204) }))
}
