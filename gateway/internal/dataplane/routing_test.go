package dataplane_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// echoes answers with what it was asked, and its name.
func echoes(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", name, r.Method, r.RequestURI)
	}
}

func TestTheMostSpecificRouteThatTakesTheMethodWins(t *testing.T) {
	monolith, comments := owner(t, echoes("monolith")), owner(t, echoes("comments"))
	r := newRig(t, fmt.Sprintf(`
owners:
  monolith: {replicas: [{name: m, url: %q}]}
  comments: {replicas: [{name: c, url: %q}]}
routes:
  - {match: {path: "/*"}, owner: monolith}
  - {match: {path: "/api/posts/{id}/comments", methods: [GET, HEAD]}, owner: comments}
  - {match: {path: "/api/posts/latest/comments"}, owner: monolith}
  - {match: {path: "/api/comments/*"}, owner: comments}
  - {match: {path: "/api/comments/export"}, owner: monolith}
  - {match: {path: "/only", methods: [POST]}, owner: comments}
`, monolith.URL, comments.URL))
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "monolith"},
		{"GET", "/api/posts/1/comments", "comments"},
		{"POST", "/api/posts/1/comments", "monolith"},
		{"GET", "/api/posts/latest/comments", "monolith"},
		{"GET", "/api/posts/1/comments/2", "monolith"},
		{"GET", "/api/posts//1/comments", "comments"},
		{"GET", "/api/comments", "comments"},
		{"GET", "/api/comments/", "comments"},
		{"DELETE", "/api/comments/7/x", "comments"},
		{"GET", "/api/comments/export", "monolith"},
		{"GET", "/api/comments/%65xport", "monolith"},
		{"GET", "/api/commentsx", "monolith"},
		{"GET", "/only", "monolith"},
		{"POST", "/only", "comments"},
	} {
		req, err := http.NewRequest(c.method, r.url+c.path, nil)
		require.NoError(t, err)
		_, body := r.do(t, req)
		require.Contains(t, body, c.want+" "+c.method, "%s %s", c.method, c.path)
	}
}

func TestNoRouteIsAProblem(t *testing.T) {
	app := owner(t, echoes("app"))
	r := newRig(t, fmt.Sprintf("owners: {app: {replicas: [{name: a, url: %q}]}}\nroutes: [{match: {path: /known, methods: [GET]}, owner: app}]", app.URL))
	res, body := r.get(t, "/unknown?x=1")
	require.Equal(t, 404, res.StatusCode)
	require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	require.Equal(t, "gateway", res.Header.Get("X-Served-By"))
	var problem map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &problem))
	require.Equal(t, "urn:banyan:problem:not-found", problem["type"])
	require.Equal(t, "/unknown", problem["instance"])
	require.Equal(t, res.Header.Get("X-Request-Id"), problem["request_id"])
}

// What a client sends as path, and what the owner sees: the same path that was
// routed. An empty want is a refusal with the status.
func TestPathsAreCanonical(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) })
	r := newRig(t, oneOwner("", app.URL))
	for _, c := range []struct {
		path, want string
		status     int
	}{
		{"/a/b?q=/../x%2f", "/a/b?q=/../x%2f", 200},
		{"/a//b", "/a/b", 200},
		{"//a", "/a", 200},
		{"/a/./b/", "/a/b/", 200},
		{"/a/../b", "/b", 200},
		{"/a/b/..", "/a/", 200},
		{"/../../a", "/a", 200},
		{"/a/%2e%2e/b", "/b", 200},
		{"/a/.%2E/b", "/b", 200},
		{"/%61", "/a", 200},
		{"/a%20b%c3%a9", "/a%20b%C3%A9", 200},
		{"/.well-known/x", "/.well-known/x", 200},
		{"/...", "/...", 200},
		{"/a;v=1/b", "/a;v=1/b", 200},
		{"/a%252e%252e/b", "/a%252e%252e/b", 200},
		{"/a%2fb", "", 400},
		{"/a%2Fb", "", 400},
		{"/a%5cb", "", 400},
		{`/a\b`, "", 400},
		{"/a/..;x/b", "", 400},
		{"/a/%2e%2e;/b", "", 400},
		{"/a%00b", "", 400},
		{"/a%0d%0ab", "", 400},
		{"/a%zz", "", 400},
		{"/a%", "", 400},
		{"/a#b", "", 400},
		{"http://evil.example/a", "", 400},
		{"*", "", 400},
		{"/livez", "", 404},
		{"/readyz", "", 404},
		{"/metrics", "", 404},
		{"/internal/x", "", 404},
		{"/debug/pprof/", "", 404},
		{"/_strangler/", "", 404},
		{"//internal", "", 404},
		{"/./internal", "", 404},
		{"/posts/../internal", "", 404},
		{"/posts/%2e%2e/internal", "", 404},
		{"/%69nternal", "", 404},
		{"/INTERNAL", "", 404},
		{"/internal;x=1/y", "", 404},
		{"/%6d%65trics?x", "", 404},
		{"/posts/..%2finternal", "", 400},
		{"/internals", "/internals", 200},
	} {
		conn := r.raw(t)
		conn.send("GET " + c.path + " HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n")
		res, body := conn.answer("GET")
		require.Equal(t, c.status, res.StatusCode, c.path)
		if c.want != "" {
			require.Equal(t, c.want, body, c.path)
		} else {
			require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), c.path)
		}
		_ = conn.Close()
	}
}

func TestMethodsThatNoRouteCanTake(t *testing.T) {
	app := owner(t, echoes("app"))
	r := newRig(t, oneOwner("", app.URL))
	for request, status := range map[string]int{
		"CONNECT blog:443 HTTP/1.1\r\nHost: blog:443\r\n\r\n": 400,
		"CONNECT / HTTP/1.1\r\nHost: blog\r\n\r\n":            501,
		"TRACE / HTTP/1.1\r\nHost: blog\r\n\r\n":              501,
	} {
		conn := r.raw(t)
		conn.send(request)
		res, _ := conn.answer("GET")
		require.Equal(t, status, res.StatusCode, request)
	}
}
