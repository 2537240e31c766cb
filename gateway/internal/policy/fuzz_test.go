package policy

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

// A canonical path is stable, resolved, and means one thing.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"/", "/a/../b", "//", "/%2e%2e/x", "/a;b/..", "/é", "/%C3%A9", "/a/./", "/.a/..b/c..", "/%", "/..;/x", "/;/x", "/%c0%af", "/%25%32%65", "/%3b/x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		sent := bytes.Clone(raw)
		path, err := Canonical(nil, raw)
		require.Equal(t, sent, raw, "the input is not changed")
		if err != nil {
			return
		}
		require.Equal(t, byte('/'), path[0])
		require.NotContains(t, string(path), "//")
		for segment := range strings.SplitSeq(string(path), "/") {
			name, _, _ := strings.Cut(segment, ";")
			require.NotContains(t, []string{".", ".."}, name)
		}
		lower := strings.ToLower(string(path))
		for _, never := range []string{"%2f", "%5c", "%00", "\\", " ", "%2e"} {
			require.NotContains(t, lower, never)
		}
		again, err := Canonical(nil, bytes.Clone(path))
		require.NoError(t, err)
		require.Equal(t, path, again, "canonical is canonical")
		if !IsInternal(path) {
			require.NotContains(t, internal[:], reached(string(path)), "a lenient owner finds nothing else there")
		}
	})
}

// reached is the first segment that a server of the careless kind finds in a path: it
// undoes escapes, drops parameters, tidies up, and doesn't tell capitals.
func reached(p string) string {
	if plain, err := url.PathUnescape(p); err == nil {
		p = plain
	}
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	first, _, _ := strings.Cut(path.Clean(strings.Join(segments, "/"))[1:], "/")
	return strings.ToLower(first)
}

var patterns = []string{
	"/", "/*", "/a", "/a/*", "/a/{x}", "/a/{x}/c", "/a/b", "/a/b/*", "/{x}/b", "/{x}/{y}", "/{x}/{y}/*", "GET /a/b", "POST /a/{x}", "GET /{x}/*", "PUT,DELETE /a/b/c",
}

// The tree finds what one finds by trying all patterns one after another.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"/", "/a", "/a/", "/a/b", "/a/b/c", "/x/b", "/x/y/z", "/a/x/c", "/internal", "/a//b", "/a/../b", "/x"} {
		f.Add([]byte(seed), "GET", uint16(0xffff))
		f.Add([]byte(seed), "PUT", uint16(0x5555))
	}
	f.Fuzz(func(t *testing.T, raw []byte, method string, chosen uint16) {
		where, err := Canonical(nil, raw)
		if err != nil || IsInternal(where) {
			return
		}
		table := tableOf(t, chosen)
		got := table.Match(&Request{Method: []byte(method), Path: where})
		want := tried(table, method, string(where))
		require.Equal(t, want, got, "%s %s", method, where)
		require.Equal(t, got, table.Match(&Request{Method: []byte(method), Path: where}), "it is found again")
	})
}

// tableOf is a table of some of the patterns.
func tableOf(t *testing.T, chosen uint16) *Table {
	var text strings.Builder
	text.WriteString("owners: {app: {address: \"http://app\"}}\nroutes:\n")
	for i, p := range patterns {
		if chosen&(1<<i) == 0 && chosen != 0 {
			continue
		}
		match := fmt.Sprintf("path: %q", p)
		if methods, pattern, ok := strings.Cut(p, " "); ok {
			match = fmt.Sprintf("path: %q, methods: [%s]", pattern, methods)
		}
		fmt.Fprintf(&text, "  - {match: {%s}, owner: app}\n", match)
	}
	c, err := config.Parse("gateway.yaml", []byte(text.String()))
	require.NoError(t, err, text.String())
	return New(c)
}

// tried is the best route that takes the request, by comparison of all.
func tried(table *Table, method, where string) *Route {
	var best *Route
	for _, r := range table.Routes {
		if len(r.Methods) > 0 && !slices.Contains(r.Methods, method) || !takes(r.Pattern, where) {
			continue
		}
		if best == nil || rank(r) > rank(best) {
			best = r
		}
	}
	return best
}

func takes(pattern, where string) bool {
	segments := strings.Split(where[1:], "/")
	for i, p := range strings.Split(pattern[1:], "/") {
		switch {
		case p == "*":
			return true
		case i >= len(segments):
			return false
		case strings.HasPrefix(p, "{"):
			if segments[i] == "" {
				return false
			}
		case p != segments[i]:
			return false
		}
		if i == strings.Count(pattern, "/")-1 {
			return len(segments) == i+1
		}
	}
	return false
}

// rank orders the patterns that take one request: from the left a literal segment
// goes before a wildcard, that before the end of the path in a tail, and last a
// pattern that names the method.
func rank(r *Route) string {
	var b strings.Builder
	for p := range strings.SplitSeq(r.Pattern[1:], "/") {
		switch {
		case p == "*":
			b.WriteByte('a')
		case strings.HasPrefix(p, "{"):
			b.WriteByte('c')
		default:
			b.WriteByte('d')
		}
	}
	if !strings.HasSuffix(r.Pattern, "*") {
		b.WriteByte('b') // here goes before a tail of nothing
	}
	if len(r.Methods) > 0 {
		b.WriteByte('!')
	}
	return b.String()
}

// What the gateway reads in a Cookie header is what a server behind it would, and
// what it takes out is its own cookie alone.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{"a=1; banyan_replica=x; b=2", "banyan_replica=x", "=;;=", "a", "a=b=c; ; banyan_replica", " banyan_replica = x ;c=\"d\"",
		"banyan_user=1; banyan_users=2; banyan_canary=3;banyan_replica", "a=\"x; banyan_user=1\"; b=2", "a=1,banyan_user=2", "\tbanyan_user\t=\t1\t;a", "\u00a0banyan_user=1", "\u0085banyan_user\u00a0=1"} {
		f.Add([]byte(seed))
	}
	table := &Table{}
	for _, name := range own {
		table.cookies = append(table.cookies, []byte(name))
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		if bytes.ContainsFunc(header, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return // no header of a request that came so far
		}
		left := table.AppendForeignCookies([]byte("before "), header)
		require.True(t, bytes.HasPrefix(left, []byte("before ")), "what was there stays")
		left = left[len("before "):]
		for _, name := range table.cookies {
			_, found := cookieOf([][]byte{left}, name)
			require.False(t, found, "none of the gateway's own cookies is left")
		}
		again := table.AppendForeignCookies(nil, left)
		require.Equal(t, string(left), string(again), "nothing is left to take out")
		require.LessOrEqual(t, len(left), 2*len(header)+1)
		before, after := foreign(string(header)), foreign(string(left))
		require.Equal(t, before, after, "all others are")
	})
}

// own are the gateway's cookies.
var own = []string{"banyan_replica", "banyan_user", "banyan_canary"}

// foreign is what net/http reads, without the gateway's own cookies.
func foreign(header string) []string {
	var out []string
	for _, c := range (&http.Request{Header: http.Header{"Cookie": {header}}}).Cookies() {
		if !slices.Contains(own, c.Name) {
			out = append(out, c.Name+"="+c.Value)
		}
	}
	return out
}
