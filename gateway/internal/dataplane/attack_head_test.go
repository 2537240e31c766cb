package dataplane_test

import (
	"strings"
	"testing"
)

// The request line says one thing in one way.
func TestAttacksOnTheRequestLine(t *testing.T) {
	const rest = "Host: blog\r\n\r\n"
	target := func(target string) string { return "GET " + target + " HTTP/1.1\r\n" + rest }
	run(t, []attack{
		refused("HTTP/0.9", "GET /\r\n\r\n", 400),
		refused("HTTP/0.9 by name", "GET / HTTP/0.9\r\n"+rest, 505),
		refused("HTTP/1.2", "GET / HTTP/1.2\r\n"+rest, 505),
		refused("HTTP/2.0", "GET / HTTP/2.0\r\n"+rest, 505),
		refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
		refused("HTTP/1", "GET / HTTP/1\r\n"+rest, 400),
		refused("HTTP/1.10", "GET / HTTP/1.10\r\n"+rest, 400),
		refused("HTTP/01.1", "GET / HTTP/01.1\r\n"+rest, 400),
		refused("http/1.1", "GET / http/1.1\r\n"+rest, 400),
		refused("HTTP /1.1", "GET / HTTP /1.1\r\n"+rest, 400),
		refused("ICAP/1.1", "GET / ICAP/1.1\r\n"+rest, 400),
		refused("a version with other digits", "GET / HTTP/1.\u0661\r\n"+rest, 400),
		refused("a blank behind the version", "GET / HTTP/1.1 \r\n"+rest, 400),
		refused("a word behind the version", "GET / HTTP/1.1 x\r\n"+rest, 400),
		refused("two blanks", "GET  / HTTP/1.1\r\n"+rest, 400),
		refused("two blanks before the version", "GET /  HTTP/1.1\r\n"+rest, 400),
		refused("tabs", "GET\t/\tHTTP/1.1\r\n"+rest, 400),
		refused("a blank before the method", " GET / HTTP/1.1\r\n"+rest, 400),
		refused("no method", "/ HTTP/1.1\r\n"+rest, 400),
		refused("no target", "GET HTTP/1.1\r\n"+rest, 400),
		refused("a method with a colon", "GET: / HTTP/1.1\r\n"+rest, 400),
		refused("a method with a quote", "G\"T / HTTP/1.1\r\n"+rest, 400),
		refused("a method with NUL", "GET\x00 / HTTP/1.1\r\n"+rest, 400),
		refused("a method beyond ASCII", "G\u00cbT / HTTP/1.1\r\n"+rest, 400),
		refused("CONNECT", "CONNECT evil:443 HTTP/1.1\r\n"+rest, 400),
		{name: "CONNECT with a path", send: "CONNECT / HTTP/1.1\r\n" + rest, status: []int{501}, open: true},
		{name: "TRACE", send: "TRACE / HTTP/1.1\r\n" + rest, status: []int{501}, open: true},
		refused("an absolute URI", target("http://blog/"), 400),
		refused("an absolute URI of another host", target("http://evil/"), 400),
		refused("an absolute URI of a file", target("file:///etc/passwd"), 400),
		refused("an absolute URI behind an at", target("@evil/"), 400),
		refused("an authority", target("evil:80"), 400),
		refused("an asterisk", target("*"), 400),
		refused("an asterisk for OPTIONS", "OPTIONS * HTTP/1.1\r\n"+rest, 400),
		refused("no slash", target("a"), 400),
		refused("a blank in the target", target("/a b"), 400),
		refused("a tab in the target", target("/a\tb"), 400),
		refused("NUL in the target", target("/a\x00"), 400),
		refused("CR in the target", target("/a\rb"), 400),
		refused("NUL in the query", target("/a?\x00"), 400),
		refused("DEL in the query", target("/a?\x7f"), 400),
		refused("CR in the query", target("/a?b\rX: y"), 400),
		refused("a fragment", target("/a#b"), 400),
		refused("a fragment in the query", target("/a?b#c"), 400),
		refused("bare LF behind it", "GET / HTTP/1.1\nHost: blog\r\n\r\n", 400),
		refused("bare LF everywhere", "GET / HTTP/1.1\nHost: blog\n\n", 400),
		refused("bare CR behind it", "GET / HTTP/1.1\rHost: blog\r\n\r\n", 400),
		refused("CR CR LF behind it", "GET / HTTP/1.1\r\r\nHost: blog\r\n\r\n", 400),
		refused("bare LF before it", "\n"+get+"\r\n", 400),
		refused("bare CR before it", "\r"+get+"\r\n", 400),
		refused("many empty lines before it", strings.Repeat("\r\n", 50)+get+"\r\n", 400),
		refused("garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400), // a TLS greeting
		refused("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
		passes("an empty line before it", "\r\n"+get+"\r\n", "GET / "),
		passes("an empty line between two", get+"\r\n\r\n"+get+"\r\n", "GET / ", "GET / "),
		passes("a method nobody knows", "BREW /pot HTTP/1.1\r\n"+rest, "BREW /pot "),
		passes("a small method", "get / HTTP/1.1\r\n"+rest, "get / "),
		passes("an odd query", target("/?a=/../&b=//&c=%2e%2e%2f;%00|<>\"\\^`{}\xff"), "GET /?a=/../&b=//&c=%2e%2e%2f;%00|<>\"\\^`{}\xff "),
	})
}

// Header lines end in CR LF, have a name, and hold no control characters.
func TestAttacksOnHeaderLines(t *testing.T) {
	line := func(lines string) string { return get + lines + "\r\n" + smuggled }
	run(t, []attack{
		refused("bare LF", line("X-A: b\nX-B: c\r\n"), 400),
		refused("bare LF behind the first", "GET / HTTP/1.1\r\nHost: blog\nX-A: b\r\n\r\n"+smuggled, 400),
		refused("bare LF at the end", "GET / HTTP/1.1\r\nHost: blog\n\r\n"+smuggled, 400),
		refused("LF LF at the end", "GET / HTTP/1.1\r\nHost: blog\n\n"+smuggled, 400),
		refused("LF instead of the empty line", "GET / HTTP/1.1\r\nHost: blog\r\n\n"+smuggled, 400),
		refused("CR CR LF at the end", "GET / HTTP/1.1\r\nHost: blog\r\n\r\r\n"+smuggled, 400),
		refused("a blank line with a blank", "GET / HTTP/1.1\r\nHost: blog\r\n \r\n\r\n"+smuggled, 400),
		refused("bare CR", line("X-A: b\rX-User-Id: evil\r\n"), 400),
		refused("CR at the end", line("X-A: b\r\r\n"), 400),
		refused("NUL", line("X-A: b\x00c\r\n"), 400),
		refused("a bell", line("X-A: b\ac\r\n"), 400),
		refused("an escape", line("X-A: \x1b[2J\r\n"), 400),
		refused("DEL", line("X-A: \x7f\r\n"), 400),
		refused("a vertical tab", line("X-A: b\vc\r\n"), 400),
		refused("folded", line("X-A: b\r\n c\r\n"), 400),
		refused("folded with a tab", line("X-A: b\r\n\tc\r\n"), 400),
		refused("folded as the first line", "GET / HTTP/1.1\r\n Host: blog\r\n\r\n", 400),
		refused("folded empty", line("X-A: b\r\n \r\n"), 400),
		refused("no name", line(": b\r\n"), 400),
		refused("no colon", line("hello\r\n"), 400),
		refused("a blank in the name", line("X A: b\r\n"), 400),
		refused("a blank behind the name", line("X-A : b\r\n"), 400),
		refused("a tab behind the name", line("X-A\t: b\r\n"), 400),
		refused("a quote in the name", line("X\"A: b\r\n"), 400),
		refused("a slash in the name", line("X/A: b\r\n"), 400),
		refused("brackets in the name", line("X[A]: b\r\n"), 400),
		refused("NUL in the name", line("X\x00A: b\r\n"), 400),
		refused("a name beyond ASCII", line("X-\u00c4: b\r\n"), 400),
		refused("a request line as a header", line("GET /x HTTP/1.1\r\n"), 400),
		refused("a pseudo-header", line(":authority: evil\r\n"), 400),
		passes("an empty value", line("X-A:\r\n"), "GET / ", "GET /smuggled "),
		passes("values beyond ASCII", line("X-A: \u00e4\xff\r\n"), "GET / ", "GET /smuggled "),
		passes("a colon in the value", line("X-A:b:c\r\n"), "GET / ", "GET /smuggled "),
	})
}

// Two readers must find the same host.
func TestAttacksOnTheHost(t *testing.T) {
	host := func(lines string) string { return "GET / HTTP/1.1\r\n" + lines + "\r\n" }
	run(t, []attack{
		refused("missing", host("X-A: b\r\n"), 400),
		refused("empty", host("Host:\r\n"), 400),
		refused("blank", host("Host: \t \r\n"), 400),
		refused("doubled", host("Host: blog\r\nHost: blog\r\n"), 400),
		refused("two", host("Host: blog\r\nhost: evil\r\n"), 400),
		refused("a list", host("Host: blog, evil\r\n"), 400),
		refused("two words", host("Host: blog evil\r\n"), 400),
		refused("a path", host("Host: blog/internal\r\n"), 400),
		refused("a backslash", host("Host: blog\\evil\r\n"), 400),
		refused("a query", host("Host: blog?x\r\n"), 400),
		refused("a fragment", host("Host: blog#x\r\n"), 400),
		refused("a user", host("Host: blog@evil\r\n"), 400),
		refused("a URL", host("Host: http://blog\r\n"), 400),
		refused("a port of letters", host("Host: blog:evil\r\n"), 400),
		refused("two ports", host("Host: blog:80:80\r\n"), 400),
		refused("a long port", host("Host: blog:000000000000080\r\n"), 400),
		refused("a port alone", host("Host: :80\r\n"), 400),
		refused("an open bracket", host("Host: [::1\r\n"), 400),
		refused("a bracket in the middle", host("Host: a[::1]\r\n"), 400),
		refused("behind a bracket", host("Host: [::1]evil\r\n"), 400),
		refused("nothing in brackets", host("Host: []\r\n"), 400),
		refused("quotes", host("Host: \"blog\"\r\n"), 400),
		refused("markup", host("Host: <script>\r\n"), 400),
		refused("braces", host("Host: {blog}\r\n"), 400),
		refused("NUL", host("Host: blog\x00evil\r\n"), 400),
		refused("beyond ASCII", host("Host: bl\u00f6g\r\n"), 400),
		refused("folded", host("Host: blog\r\n evil\r\n"), 400),
		refused("a blank before the colon", host("Host : blog\r\n"), 400),
		refused("a blank before the name", host(" Host: blog\r\n"), 400),
		refused("in HTTP/1.0 twice", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
		passes("an underscore in the name", host("Host: blog\r\nH_ost: evil\r\n"), "GET / "),
		passes("a port", host("Host: blog.example:8080\r\n"), "GET / "),
		passes("an empty port", host("Host: blog:\r\n"), "GET / "),
		passes("IPv4", host("Host: 127.0.0.1:80\r\n"), "GET / "),
		passes("IPv6", host("Host: [2001:db8::1]:80\r\n"), "GET / "),
		passes("an underscore", host("Host: my_blog\r\n"), "GET / "),
	})
}

// What would take the connection out of HTTP, or out of sight.
func TestAttacksByUpgrade(t *testing.T) {
	run(t, []attack{
		passes("h2c", get+"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "GET / "),
		passes("H2C", get+"Connection: Upgrade\r\nUpgrade: H2C\r\n\r\n", "GET / "),
		passes("HTTP/2.0", get+"Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n\r\n", "GET / "),
		passes("h2c in a list", get+"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", "GET / "),
		passes("h2c in two lines", get+"Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n\r\n", "GET / "),
		passes("TLS", get+"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n", "GET / "),
		passes("not named in Connection", get+"Upgrade: websocket\r\n\r\n"+smuggled, "GET / ", "GET /smuggled "),
		passes("with a body", post+"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi"+smuggled, "POST / hi", "GET /smuggled "),
		passes("that the owner doesn't take", get+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"+smuggled, "GET / ", "GET /smuggled "),
		{name: "in HTTP/1.0", send: "GET / HTTP/1.0\r\nConnection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n", status: []int{200}, owner: []string{"GET / "}},
	})
}

// Heads are bounded in length and number of lines.
func TestAttacksBySize(t *testing.T) {
	run(t, []attack{
		refused("a long header", get+"X-A: "+strings.Repeat("a", 20_000)+"\r\n\r\n", 431),
		refused("a long name", get+strings.Repeat("a", 20_000)+": b\r\n\r\n", 431),
		refused("a long target", "GET /"+strings.Repeat("a", 20_000)+" HTTP/1.1\r\nHost: blog\r\n\r\n", 431),
		refused("a long method", strings.Repeat("G", 20_000)+" / HTTP/1.1\r\nHost: blog\r\n\r\n", 431),
		refused("an endless line", get+"X-A: "+strings.Repeat("a", 500_000), 431),
		refused("many headers", get+strings.Repeat("a:\r\n", 4_000)+"\r\n", 431),
		refused("many short headers", get+strings.Repeat("a:\r\n", 500)+"\r\n", 431),
		refused("many cookies' headers", get+strings.Repeat("Cookie: a=b\r\n", 500)+"\r\n", 431),
		passes("a fair number", get+strings.Repeat("X-Some: b\r\n", 100)+"\r\n", "GET / "),
		passes("a long cookie", get+"Cookie: "+strings.Repeat("a=b; ", 2_000)+"\r\n\r\n", "GET / "),
		passes("a long path", "GET /"+strings.Repeat("a/", 4_000)+" HTTP/1.1\r\nHost: blog\r\n\r\n", "GET /"+strings.Repeat("a/", 4_000)+" "),
	})
}
