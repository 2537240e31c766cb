package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/problem"
)

func TestWritesFromAnotherSiteAreRefused(t *testing.T) {
	m := startMonolith(t)
	ada := m.client(t)
	ada.author("Ada")
	text := document{"title": "t", "body": "b"}
	for name, headers := range map[string][]string{
		"by fetch metadata": {"Sec-Fetch-Site", "cross-site"},
		"a sibling site":    {"Sec-Fetch-Site", "same-site"},
		"by origin":         {"Origin", "https://evil.example"},
		"a null origin":     {"Origin", "null"},
	} {
		ada.call("POST", "/posts", text, headers...).refused(403, problem.Forbidden)
		ada.call("DELETE", "/sessions/current", nil, headers...).refused(403, problem.Forbidden)
		victim := m.client(t)
		victim.call("POST", "/sessions", document{"email": "ada@example.org", "password": password}, headers...).refused(403, problem.Forbidden)
		require.Empty(t, victim.cookies(), "login CSRF: %s", name)
	}
	ada.call("POST", "/posts", text, "Origin", m.base, "Sec-Fetch-Site", "same-origin").want(201)
	form := []byte(`{"title":"t","body":"b"}`)
	ada.send("POST", "/api/v1/posts", form, "Content-Type", "text/plain").refused(415, problem.UnsupportedMediaType)
	ada.send("POST", "/api/v1/posts", form, "Content-Type", "application/x-www-form-urlencoded").refused(415, problem.UnsupportedMediaType)
}

func (c *client) cookies() []*http.Cookie {
	r, err := http.NewRequest(http.MethodGet, c.base, nil)
	require.NoError(c.t, err)
	return c.http.Jar.Cookies(r.URL)
}

func TestTheCookie(t *testing.T) {
	read := func(m *running) *http.Cookie {
		a := m.client(t).call("POST", "/accounts", document{"name": "Ada", "email": "ada@example.org", "password": password}).want(201)
		cookies := (&http.Response{Header: a.header}).Cookies()
		require.Len(t, cookies, 1)
		return cookies[0]
	}
	secure := read(startMonolith(t, "COOKIE_SECURE=true"))
	require.Equal(t, "__Host-banyan_session", secure.Name)
	require.True(t, secure.Secure)
	plain := read(startMonolith(t))
	require.Equal(t, "banyan_session", plain.Name)
	require.False(t, plain.Secure)
	for _, c := range []*http.Cookie{secure, plain} {
		require.True(t, c.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.GreaterOrEqual(t, len(c.Value), 22, "128 bits at least")
	}
}

func TestATokenFromOutsideIsNeverAdopted(t *testing.T) {
	m := startMonolith(t)
	m.client(t).signUp("Ada")
	victim := m.client(t)
	planted := []string{"Cookie", "banyan_session=planted-by-an-attacker-0123456789"}
	victim.get("/accounts/me", planted...).want(401)
	a := victim.call("POST", "/sessions", document{"email": "ada@example.org", "password": password}, planted...).want(201)
	require.NotContains(t, a.header.Get("Set-Cookie"), "planted")
	m.client(t).get("/accounts/me", planted...).want(401)

	// Signing in again renews the token, and the old one is worth nothing.
	before := victim.cookies()[0].Value
	victim.call("POST", "/sessions", document{"email": "ada@example.org", "password": password}).want(201)
	after := victim.cookies()[0].Value
	require.NotEqual(t, before, after)
	m.client(t).get("/accounts/me", "Cookie", "banyan_session="+before).want(401)

	// After signing out too.
	victim.call("DELETE", "/sessions/current", nil).want(204)
	m.client(t).get("/accounts/me", "Cookie", "banyan_session="+after).want(401)
}

func TestGuessingIsThrottledAndTheVictimStillGetsIn(t *testing.T) {
	m := startMonolith(t)
	m.client(t).signUp("Ada")
	sign := func(password, from string) answer {
		return m.client(t).call("POST", "/sessions", document{"email": "ada@example.org", "password": password}, "X-Forwarded-For", from)
	}
	for range 10 {
		sign("a wrong password", "203.0.113.9").refused(401, problem.BadCredentials)
	}
	told := sign("a wrong password", "203.0.113.9")
	told.refused(429, problem.RateLimited)
	require.NotEmpty(t, told.header.Get("Retry-After"))
	sign(password, "203.0.113.9").refused(429, problem.RateLimited)
	sign(password, "198.51.100.7").want(201)
}

func TestNobodyWritesWhatIsNotTheirs(t *testing.T) { onEither(t, nobodyWritesWhatIsNotTheirs) }

func nobodyWritesWhatIsNotTheirs(t *testing.T, m *running) {
	t.Helper()
	c := m.client(t)
	for _, extra := range []string{"role", "id", "version", "created_at", "password_hash"} {
		c.call("POST", "/accounts", document{"name": "Eve", "email": "eve@example.org", "password": password, extra: "moderator"}).refused(400, problem.Malformed)
	}
	ada := m.client(t)
	ada.author("Ada")
	for _, extra := range []string{"id", "author", "author_id", "status", "html", "slug", "version", "comment_count"} {
		ada.call("POST", "/posts", document{"title": "t", "body": "b", extra: "x"}).refused(400, problem.Malformed)
	}
	post := ada.post("A post")
	for _, extra := range []string{"status", "author", "html", "post_id"} {
		ada.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "b", extra: "approved"}).refused(400, problem.Malformed)
	}
	// Headers that a gateway might set are nobody's identity here.
	for _, header := range []string{"X-User-Id", "X-User", "X-Role", "X_User_Id", "Authorization"} {
		m.client(t).get("/accounts/me", header, post.inner("author").text("id")).refused(401, problem.Unauthenticated)
	}
}

func TestLargeBodiesAndHeaders(t *testing.T) {
	m := startMonolith(t)
	ada := m.client(t)
	ada.author("Ada")
	post := ada.post("A post")
	ada.send("POST", "/api/v1/posts", bytes.Repeat([]byte("x"), 10<<20), "Content-Type", "application/json").refused(413, problem.TooLarge)
	ada.send("PUT", "/api/v1/posts/"+post.text("id")+"/cover", bytes.Repeat([]byte("x"), 5<<20+1), "Content-Type", "image/png").refused(413, problem.TooLarge)
	require.Equal(t, 431, ada.send("GET", "/", nil, "X-Long", strings.Repeat("x", 1<<20)).status)
	deep := strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)
	ada.send("POST", "/api/v1/posts", []byte(deep), "Content-Type", "application/json").refused(400, problem.Malformed)
	ada.get("/accounts/me").want(200)
}

func TestWhatPeopleWriteNeverBecomesAHeaderOrALogLine(t *testing.T) {
	onEither(t, whatPeopleWriteNeverBecomesAHeaderOrALogLine)
}

func whatPeopleWriteNeverBecomesAHeaderOrALogLine(t *testing.T, m *running) {
	t.Helper()
	ada := m.client(t)
	ada.author("Ada")
	a := ada.call("POST", "/posts", document{"title": "x\r\nSet-Cookie: a=b", "body": "text", "publish": true}).want(422)
	require.Empty(t, a.header.Get("Set-Cookie"))
	ada.get("/posts/%0d%0aSet-Cookie:%20a=b").want(404)
	m.client(t).call("POST", "/sessions", document{"email": "a\n{\"level\":\"ERROR\"}", "password": "hunter2-hunter2"}).want(401)
	for line := range strings.Lines(m.log.String()) {
		require.True(t, strings.HasPrefix(line, `{"time"`), line)
	}
	require.NotContains(t, m.log.String(), "hunter2")
	require.NotContains(t, m.log.String(), password)
	for _, cookie := range ada.cookies() {
		require.NotContains(t, m.log.String(), cookie.Value)
	}
}

func TestStoredMarkupIsInert(t *testing.T) { onEither(t, storedMarkupIsInert) }

func storedMarkupIsInert(t *testing.T, m *running) {
	t.Helper()
	ada := m.client(t)
	ada.author("Ada")
	body := "<script>alert(1)</script>\n\n[x](javascript:alert(1)) <img src=x onerror=alert(1)>"
	post := ada.call("POST", "/posts", document{"title": "<script>", "body": body, "publish": true}).want(201).json()
	for _, bad := range []string{"<script", "onerror", "javascript:"} {
		require.NotContains(t, post.text("html"), bad)
	}
	comment := ada.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": body}).want(201).json()
	require.NotContains(t, comment.text("html"), "<script")
	hits := m.client(t).get("/search?q=alert").want(200)
	require.NotContains(t, hits.json().items()[0].text("highlight"), "<script")
	require.NotContains(t, string(hits.body), "<script", "JSON is escaped too, should a browser ever read it as a page")
}

func TestAnswersToPeopleAreNeverStored(t *testing.T) { onEither(t, answersToPeopleAreNeverStored) }

func answersToPeopleAreNeverStored(t *testing.T, m *running) {
	t.Helper()
	ada := m.client(t)
	ada.author("Ada")
	post := ada.post("A post")
	for _, path := range []string{"/api/v1/accounts/me", "/api/v1/posts/" + post.text("id"), "/api/v1/feed", "/"} {
		require.Equal(t, "no-store", ada.send("GET", path, nil).header.Get("Cache-Control"), path)
	}
	visitor := m.client(t).send("GET", "/api/v1/feed", nil)
	require.Equal(t, "no-cache", visitor.header.Get("Cache-Control"))
	require.Contains(t, visitor.header.Values("Vary"), "Cookie")
	require.Empty(t, visitor.header.Get("Set-Cookie"), "visitors get no cookie")
}

func TestAnswersBoundTheBrowser(t *testing.T) { onEither(t, answersBoundTheBrowser) }

func answersBoundTheBrowser(t *testing.T, m *running) {
	t.Helper()
	for _, path := range []string{"/", "/nothing", "/api/v1/feed", "/api/v1/nothing"} {
		h := m.client(t).send("GET", path, nil).header
		require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe", path)
		require.Contains(t, h.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.NotEmpty(t, h.Get("Referrer-Policy"), path)
	}
}
