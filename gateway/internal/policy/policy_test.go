package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

func route(pattern string, methods ...string) *Route {
	return &Route{Pattern: pattern, Methods: methods}
}

func TestFindPrefersTheMoreSpecificWhateverTheOrder(t *testing.T) {
	routes := []*Route{
		route("/*"), route("/a/*"), route("/a/{x}"), route("/a/b"), route("/a/{x}/c"), route("/a/b/{y}", "GET"), route("/a/b/c", "POST"), route("/"),
	}
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "/"},
		{"GET", "/z", "/*"},
		{"GET", "/a", "/a/*"},
		{"GET", "/a/", "/a/*"},
		{"GET", "/a/x", "/a/{x}"},
		{"GET", "/a/b", "/a/b"},
		{"GET", "/a/x/c", "/a/{x}/c"},
		{"GET", "/a/b/c", "/a/b/{y}"},
		{"POST", "/a/b/c", "/a/b/c"},
		{"PUT", "/a/b/c", "/a/{x}/c"},
		{"PUT", "/a/b/d", "/a/*"},
		{"GET", "/a/x/", "/a/*"},
	} {
		for range len(routes) {
			routes = append(routes[1:], routes[0])
			var tree node
			for _, r := range routes {
				tree.insert(r)
			}
			got := tree.find([]byte(c.path)[1:], []byte(c.method), true)
			require.NotNil(t, got, c.path)
			require.Equal(t, c.want, got.Pattern, "%s %s", c.method, c.path)
		}
	}
	var tree node
	tree.insert(route("/a/{x}"))
	require.Nil(t, tree.find([]byte("a"), []byte("GET"), true))
	require.Nil(t, tree.find([]byte("a/"), []byte("GET"), true), "a wildcard is a segment, not nothing")
}

func TestKind(t *testing.T) {
	for name, want := range map[string]Header{
		"Accept": Forward, "X-Custom": Forward, "x-forwarded-for": ForwardedFor, "X-Forwarded-PROTO": ForwardedProto, "x-forwarded-host": ForwardedHost, "X-FORWARDED-ANYTHING": Distrusted,
		"X_Forwarded_For": Distrusted, "X-User-Id": Distrusted, "x_user_id": Distrusted, "X-Banyan-Identity": Distrusted,
		"X-Real-IP": Distrusted, "Forwarded": Distrusted, "X-Request-ID": RequestID, "X_Request_Id": Distrusted,
		"Content-Length": ContentLength, "content_length": Distrusted, "TRANSFER-ENCODING": TransferEncoding,
		"Host": Host, "Connection": Connection, "Keep-Alive": Hop, "TE": Hop, "Cookie": Cookie, "traceparent": Traceparent,
		"Tracestate": Forward, "Upgrade": Upgrade, "Expect": Expect, "Under_score": Forward,
		"X-Forwarded-" + strings.Repeat("x", 100): Distrusted, strings.Repeat("y", 100): Forward, "X": Forward, "x-": Forward,
	} {
		require.Equal(t, want, Kind([]byte(name)), name)
	}
}

func TestSaneRequestID(t *testing.T) {
	require.True(t, SaneRequestID([]byte("0197-aB.c~d_e:f/g+h=@")))
	for _, bad := range []string{"", "a b", "a\"b", "é", "a,b", strings.Repeat("a", 129)} {
		require.False(t, SaneRequestID([]byte(bad)), bad)
	}
}

func TestSetsSession(t *testing.T) {
	o := &Owner{affinity: &affinity{cookie: []byte("pin"), session: []byte("sid")}}
	for value, want := range map[string]bool{
		"sid=1": true, "sid=1; Path=/": true, "__Host-sid=1": true, "__Secure-sid=x": true, " sid =1": true,
		"sids=1": false, "xsid=1": false, "": false, "__Host-=1": false, "other=sid=1": false,
	} {
		require.Equal(t, want, o.SetsSession([]byte(value)), value)
	}
}

func TestARouteIsNotWalkedAroundByEscapes(t *testing.T) {
	c, err := config.Parse("f", []byte(`
owners: {a: {replicas: [{name: r, url: "http://127.0.0.1:1"}]}}
routes:
  - {name: batch, match: {path: "/users:batch"}, owner: a}
  - {name: odd, match: {path: "/a@b!c,d=e"}, owner: a}
  - {name: rest, match: {path: "/*"}, owner: a}
`))
	require.NoError(t, err)
	table := New(c)
	for path, want := range map[string]string{
		"/users:batch": "batch", "/users%3Abatch": "batch", "/users%3abatch": "batch", "/%75sers%3Abatch": "batch",
		"/a%40b%21c%2Cd%3De": "odd", "/users%253Abatch": "rest", "/users%3Bbatch": "rest", "/users:batch%20": "rest",
	} {
		canonical, err := Canonical(nil, []byte(path))
		require.NoError(t, err, path)
		require.Equal(t, want, table.Match(&Request{Method: []byte("GET"), Path: canonical}).Name, path)
	}
	canonical, err := Canonical(nil, []byte("/users%3abatch"))
	require.NoError(t, err)
	require.Equal(t, "/users%3Abatch", string(canonical), "what is forwarded keeps its escape")
	escaped := &Request{Method: []byte("GET"), Path: canonical}
	require.Zero(t, testing.AllocsPerRun(100, func() { table.Match(escaped) }))
}
