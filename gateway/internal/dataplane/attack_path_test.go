package dataplane_test

import "testing"

// What is routed is what the owner gets; what two readers could read in two ways
// is refused, and what belongs to operators isn't there, in whatever spelling.
func TestAttacksOnThePath(t *testing.T) {
	request := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: blog\r\n\r\n" }
	var rows []attack
	for path, owner := range map[string]string{
		"/a//b": "/a/b", "//a": "/a", "///": "/", "/a/./b": "/a/b", "/a/.": "/a/", "/a/..": "/", "/a/../b": "/b", "/a/b/../../c": "/c",
		"/../../etc/passwd": "/etc/passwd", "/%2e%2e/%2e%2e/etc": "/etc", "/.%2e/a": "/a", "/%2E./a": "/a", "/a/%2e/b": "/a/b",
		"/...": "/...", "/a/.../b": "/a/.../b", "/..a": "/..a", "/.well-known/x": "/.well-known/x", "/%61%2D%5f%7e": "/a-_~",
		"/a;b=c": "/a;b=c", "/a;b/c": "/a;b/c", "/%252e%252e/a": "/%252e%252e/a", "/%25": "/%25", "/%252f": "/%252f",
		"/%c3%a4": "/%C3%A4", "/%C0%2e": "/%C0.", "/%c0/%af": "/%C0/%AF", "/ä": "/%C3%A4", "/%e4": "/%E4", "/a%20b": "/a%20b", "/a%3bb": "/a%3Bb", "/a%3fb": "/a%3Fb", "/a%23b": "/a%23b",
		"/a?/../b": "/a?/../b", "/a/..?b": "/?b", "/internal/../a": "/a", "/_strangler/../a": "/a", "/internals": "/internals", "/a/internal": "/a/internal",
		"/metrics.html": "/metrics.html", "/xinternal": "/xinternal",
	} {
		rows = append(rows, passes("passes "+path, request(path), "GET "+owner+" "))
	}
	for _, path := range []string{
		"/a%2fb", "/a%2Fb", "/%2f", "/%2f/internal", "/a/..%2finternal", "/a%5cb", "/a%5C..%5cinternal", "/a\\b", "/\\internal", "/..\\",
		"/..;/", "/..;/internal", "/a/..;/internal", "/a/..;x=y/internal", "/.;/internal", "/a/%2e%2e;/internal", "/;/internal", "/a/;x/../internal", "/;",
		"/a%00", "/internal%00", "/a%00.html", "/a%0d%0aX:%20y", "/a%0a", "/a%1f", "/a%7f", "/a%09",
		"/a%", "/a%2", "/a%zz", "/a%u002e", "/%%32%65", "/a%2g",
		"/%c0%ae%c0%ae/a", "/%c0%af", "/a%c0%80", "/%c1%9c", "/%e0%80%af", "/%e0%80%ae", "/%f0%80%80%af", "/\xc0\xaeinternal",
	} {
		rows = append(rows, refused("refused "+path, request(path), 400))
	}
	for _, path := range []string{
		"/livez", "/readyz", "/metrics", "/internal", "/internal/", "/internal/a", "/internal/identity", "/INTERNAL/identity", "/internal;x/identity", "/a/..//%69nternal/identity", "/debug/pprof/", "/_strangler/", "/_strangler/api",
		"/INTERNAL", "/Internal/a", "/MeTrIcS", "/_STRANGLER/x", "/%69nternal", "/%49NTERNAL", "/intern%61l", "/%5fstrangler/", "/%5Fstrangler",
		"//internal", "///internal/a", "/./internal", "/%2e/internal", "/a/../internal", "/a/%2e%2e/internal", "/../internal", "/a/b/../../internal/x",
		"/internal;x", "/internal;x=y/a", "/internal%3bx", "/a;b/../internal", "/internal?x", "/internal/./a", "/internal//a", "/metrics;.css",
	} {
		rows = append(rows, attack{name: "unknown " + path, send: request(path), status: []int{404}, open: true})
	}
	run(t, rows)
}
