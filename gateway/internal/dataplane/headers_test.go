package dataplane_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/telemetry"
)

// reflector is an owner that answers with the head it was sent, byte for byte.
func reflector(t testing.TB) string {
	return rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for {
			var head strings.Builder
			for {
				text, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if text == "\r\n" {
					break
				}
				head.WriteString(text)
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+itoa(head.Len())+"\r\n\r\n"+head.String())
		}
	})
}

func TestHeadersAreForwardedInTheirOrderAndSpelling(t *testing.T) {
	r := newRig(t, oneOwner("", reflector(t)))
	conn := r.raw(t)
	conn.send("GET /a HTTP/1.1\r\nhost: Blog.Example:8080\r\nX-weird_CASE: 1\r\naccept: a\r\nAccept: b\r\nETag-ish:\t x \r\nContent-type: text/x\r\nEmpty:\r\n\r\n")
	_, head := conn.answer("GET")
	require.True(t, strings.HasPrefix(head, "GET /a HTTP/1.1\r\nHost: Blog.Example:8080\r\nX-weird_CASE: 1\r\naccept: a\r\nAccept: b\r\nETag-ish: x\r\nContent-type: text/x\r\nEmpty: \r\n"), head)
}

func TestWhatIsBetweenNeighboursEndsHere(t *testing.T) {
	r := newRig(t, oneOwner("", reflector(t)))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\nConnection: keep-alive, X-Mine, x-user-id, X-Request-Id, Host, X-Forwarded-For\r\nX-Mine: 1\r\n" +
		"Keep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Other: 1\r\n\r\n")
	_, head := conn.answer("GET")
	for _, name := range []string{"X-Mine", "Keep-Alive", "TE", "Proxy-Connection", "Proxy-Authorization", "Upgrade", "HTTP2-Settings", "Connection"} {
		require.NotContains(t, head, "\n"+name+":", name)
	}
	require.Contains(t, head, "X-Other: 1\r\n")
	require.Contains(t, head, "Host: blog\r\n", "naming it in Connection takes nothing away that the gateway sets")
	require.Contains(t, head, "X-Forwarded-For: 127.0.0.1\r\n")
	require.Contains(t, head, "X-Request-Id: ")
}

func TestClaimsFromOutsideAreDropped(t *testing.T) {
	r := newRig(t, oneOwner("", reflector(t)))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n" +
		"X-Forwarded-Host: evil\r\nX-Forwarded-Prefix: /evil\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-User-Id: evil\r\nx_user_id: evil\r\nX-USER-ROLE: evil\r\n" +
		"X-Banyan-Identity: evil\r\nX-Original-Host: evil\r\nX_Original_Forwarded_For: 6.6.6.6\r\nX-Host: evil\r\nX-Remote_User: evil\r\nX-Forwarded: for=6.6.6.6\r\nProxy: evil\r\nClient-Ip: 6.6.6.6\r\nTrue-Client-Ip: 6.6.6.6\r\nX-Original-URL: /evil\r\nX-Served-By: evil\r\nContent_Length: 666\r\nTransfer_Encoding: evil\r\n\r\n")
	_, head := conn.answer("GET")
	for _, evil := range []string{"6.6.6.6", "evil", "gopher", "666"} {
		require.NotContains(t, head, evil)
	}
	require.Equal(t, 1, strings.Count(strings.ToLower(head), "x-forwarded-for:"))
	require.Contains(t, head, "X-Forwarded-For: 127.0.0.1\r\n")
	require.Contains(t, head, "X-Real-Ip: 127.0.0.1\r\n")
	require.Contains(t, head, "X-Forwarded-Proto: http\r\n")
	require.Contains(t, head, "X-Forwarded-Host: blog\r\n")
}

func TestRequestIDAndTrace(t *testing.T) {
	r := newRig(t, oneOwner("", reflector(t)))
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
	res, head := r.get(t, "/", "x-request-id", "r-1.a~B", "traceparent", trace)
	require.Equal(t, "r-1.a~B", res.Header.Get("X-Request-Id"))
	require.Contains(t, head, "X-Request-Id: r-1.a~B\r\n")
	sent, ok := telemetry.ParseTraceparent(header(head, "Traceparent"))
	require.True(t, ok)
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", sent.ID())
	require.NotContains(t, head, "00f067aa0ba902b7", "the gateway's span is a new one")
	require.True(t, strings.HasSuffix(header(head, "Traceparent"), "-00"), "flags are kept")

	for _, bad := range []string{`"><script>`, "a b", strings.Repeat("x", 129)} {
		res, head = r.get(t, "/", "X-Request-Id", bad, "Traceparent", "00-bad")
		require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{32}$`), res.Header.Get("X-Request-Id"))
		require.Contains(t, head, "X-Request-Id: "+res.Header.Get("X-Request-Id")+"\r\n")
		_, ok = telemetry.ParseTraceparent(header(head, "Traceparent"))
		require.True(t, ok, head)
	}
}

func TestAnswersLoseWhatIsBetweenNeighbours(t *testing.T) {
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 201 Made Up\r\nserver: old/1\r\nconnection: keep-alive, x-hop\r\nx-hop: 1\r\nKeep-Alive: x\r\nx-served-by: evil\r\nX-request-ID: evil\r\n"+
			"ETag: \"a\"\r\nx-odd-CASE: 1\r\nSet-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\nContent-Length: 2\r\n\r\nok")
	})
	r := newRig(t, oneOwner("", app))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\nGET / HTTP/1.1\r\nHost: blog\r\nConnection: close\r\n\r\n")
	for range 2 {
		status, err := conn.r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 201 Made Up\r\n", status)
		var head string
		for !strings.HasSuffix(head, "\r\n\r\n") {
			text, err := conn.r.ReadString('\n')
			require.NoError(t, err)
			head += text
		}
		_, err = conn.r.Discard(2)
		require.NoError(t, err)
		for _, gone := range []string{"x-hop", "Keep-Alive", "evil"} {
			require.NotContains(t, head, gone)
		}
		for _, kept := range []string{"Server: old/1\r\n", "ETag: \"a\"\r\n", "x-odd-CASE: 1\r\n", "Set-Cookie: a=1\r\n", "Set-Cookie: b=2; Path=/\r\n", "X-Served-By: app/r0\r\n"} {
			require.Contains(t, head, kept)
		}
	}
	conn.closed()
}

func header(head, name string) string {
	for text := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(text, ": "); ok && strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}
