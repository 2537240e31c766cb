package dataplane_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// splitter is an owner that says what it is told to at /attack, and "after"
// elsewhere. What stands behind a pause mark comes a moment later.
func splitter(t *testing.T, answer string) string {
	return rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path != "/attack" {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter")
				continue
			}
			for i, part := range strings.Split(answer, pause) {
				if i > 0 {
					time.Sleep(20 * time.Millisecond)
				}
				_, _ = io.WriteString(c, part)
			}
			if strings.HasSuffix(answer, hangUp) {
				return
			}
		}
	})
}

const (
	pause  = "\x00PAUSE\x00"
	hangUp = pause
	evil   = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: 1\r\n\r\nevil"
)

// An owner that answers in two ways, or twice, or without end must not make a client
// see anything but one answer to each request.
func TestAnswersThatCannotBeTrusted(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, c := range map[string]struct {
		answer string
		status int
		body   string // "" beside 502
	}{
		"both lengths":                  {ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 502, ""},
		"both lengths, the other order": {ok + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + evil, 502, ""},
		"two lengths":                   {ok + "Content-Length: 2\r\nContent-Length: 60\r\n\r\nok" + evil, 502, ""},
		"a length twice":                {ok + "Content-Length: 2\r\ncontent-length: 2\r\n\r\nok", 502, ""},
		"a list of lengths":             {ok + "Content-Length: 2, 2\r\n\r\nok", 502, ""},
		"a signed length":               {ok + "Content-Length: +2\r\n\r\nok", 502, ""},
		"a negative length":             {ok + "Content-Length: -2\r\n\r\nok", 502, ""},
		"an empty length":               {ok + "Content-Length:\r\n\r\nok", 502, ""},
		"a length of letters":           {ok + "Content-Length: two\r\n\r\nok", 502, ""},
		"an endless length":             {ok + "Content-Length: 99999999999999999999\r\n\r\nok", 502, ""},
		"a blank before its colon":      {ok + "Content-Length : 2\r\n\r\nok" + evil, 502, ""},
		"another coding":                {ok + "Transfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 502, ""},
		"two codings":                   {ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n" + evil, 502, ""},
		"a list of codings":             {ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + evil, 502, ""},
		"a coding in HTTP/1.0":          {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + hangUp, 502, ""},
		"bare LF":                       {ok + "X-A: b\nX-Evil: c\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"bare LF behind the status":     {"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", 502, ""},
		"bare LF everywhere":            {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 502, ""},
		"bare CR":                       {ok + "X-A: b\rX-Evil: c\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"NUL":                           {ok + "X-A: b\x00c\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"an escape":                     {ok + "X-A: \x1b[2J\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"an escape as the reason":       {"HTTP/1.1 200 \x1b[2J\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"no name":                       {ok + ": b\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a name with a blank":           {ok + "X A: b\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"no colon":                      {ok + "hello\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"no status line":                {"Content-Length: 2\r\n\r\nok", 502, ""},
		"an empty line first":           {"\r\n" + ok + "Content-Length: 2\r\n\r\nok", 502, ""},
		"another protocol":              {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a request":                     {"GET / HTTP/1.1\r\nHost: blog\r\n\r\n", 502, ""},
		"a status of zero":              {"HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a status of two digits":        {"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a status of four digits":       {"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a status below all":            {"HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok", 502, ""},
		"a switch nobody asked for":     {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + evil, 502, ""},
		"a huge head":                   {ok + "X-A: " + strings.Repeat("a", 40_000) + "\r\n\r\n", 502, ""},
		"many headers":                  {ok + strings.Repeat("X-A: b\r\n", 1_000) + "\r\n", 502, ""},
		"half a head":                   {ok + "Content-Le" + hangUp, 502, ""},
		"nothing":                       {hangUp, 502, ""},
		"a TLS alert":                   {"\x15\x03\x01\x00\x02\x02\x0a" + hangUp, 502, ""},

		"a second answer":                {ok + "Content-Length: 2\r\n\r\nok" + evil, 200, "ok"},
		"a second answer, later":         {ok + "Content-Length: 2\r\n\r\nok" + pause + evil, 200, "ok"},
		"a second answer behind chunks":  {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + evil, 200, "ok"},
		"chunks and a later one":         {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + pause + evil, 200, "ok"},
		"more than the length":           {ok + "Content-Length: 2\r\n\r\nokmore", 200, "ok"},
		"a body with 204":                {"HTTP/1.1 204 No Content\r\nContent-Length: 58\r\n\r\n" + evil, 204, ""},
		"a later body with 204":          {"HTTP/1.1 204 No Content\r\n\r\n" + pause + evil, 204, ""},
		"chunks with 204":                {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", 204, ""},
		"a body with 304":                {"HTTP/1.1 304 Not Modified\r\nContent-Length: 58\r\n\r\n" + evil, 304, ""},
		"chunks with 304":                {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", 304, ""},
		"a folded header":                {ok + "X-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		"trailers that were not asked":   {ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Evil: 1\r\nContent-Length: 5\r\n\r\n", 200, "ok"},
		"an announced evil trailer":      {ok + "Transfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n2\r\nok\r\n0\r\nX-A: b\nX-Evil: 1\r\n\r\n", 200, "ok"},
		"a length and the end":           {ok + "Content-Length: 2\r\n\r\nok" + hangUp, 200, "ok"},
		"no length":                      {ok + "\r\nok" + hangUp, 200, "ok"},
		"no length, then another answer": {ok + "\r\n" + evil + hangUp, 200, evil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, oneOwner("", splitter(t, c.answer)))
			conn := r.raw(t)
			res, body := conn.ask("GET /attack HTTP/1.1\r\nHost: blog\r\n\r\n")
			require.Equal(t, c.status, res.StatusCode, body)
			require.Empty(t, res.Header.Get("X-Evil"))
			require.Empty(t, res.Trailer.Get("X-Evil"))
			if c.status == 502 {
				require.Equal(t, "bad-gateway", problemKind(t, body))
			} else {
				require.Equal(t, c.body, body)
			}
			time.Sleep(40 * time.Millisecond) // what comes late has come
			for range 2 {
				res, body = conn.ask("GET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
				require.Equal(t, "after", body)
				require.Empty(t, res.Header.Get("X-Evil"))
			}
			conn.quiet()
		})
	}
}

// quiet tells that nothing is left to read.
func (c *raw) quiet() {
	c.t.Helper()
	require.NoError(c.t, c.Conn.(*net.TCPConn).CloseWrite())
	rest, err := io.ReadAll(c.r)
	require.NoError(c.t, err)
	require.Empty(c.t, string(rest))
}

// A body that breaks off, or goes on where it should end, ends the client's
// connection: the client must be able to tell, and nothing may follow.
func TestBodiesThatBreakEndTheConnection(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
	for name, answer := range map[string]string{
		"a chunk without a size":   chunked + "\r\nevil\r\n0\r\n\r\n" + evil,
		"a chunk of letters":       chunked + "zz\r\nevil\r\n0\r\n\r\n" + evil,
		"a negative chunk":         chunked + "-4\r\nevil\r\n0\r\n\r\n" + evil,
		"a huge chunk":             chunked + "fffffffffffffffff\r\nevil\r\n0\r\n\r\n" + evil,
		"LF behind a size":         chunked + "4\nevil\r\n0\r\n\r\n" + evil,
		"too much data in a chunk": chunked + "2\r\nevil\r\n0\r\n\r\n" + evil,
		"an answer as a chunk":     chunked + evil,
		"half a chunk":             chunked + "9\r\nevil" + hangUp,
		"no last chunk":            chunked + hangUp,
		"half a body":              "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok" + hangUp,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, oneOwner("", splitter(t, answer)))
			conn := r.raw(t)
			conn.send("GET /attack HTTP/1.1\r\nHost: blog\r\n\r\nGET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
			res, err := http.ReadResponse(conn.r, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.NotContains(t, string(body), "HTTP/1.1")
			rest, _ := io.ReadAll(conn.r)
			require.Empty(t, string(rest), "nothing follows")
			idle(t, r)
		})
	}
}

// HEAD has no body, whatever the owner sends.
func TestABodyBehindHeadIsNotTheNextAnswer(t *testing.T) {
	for name, answer := range map[string]string{
		"at once": "HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n" + evil,
		"later":   "HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n" + pause + evil,
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, oneOwner("", splitter(t, answer)))
			conn := r.raw(t)
			res, _ := conn.ask("HEAD /attack HTTP/1.1\r\nHost: blog\r\n\r\n")
			require.Equal(t, 200, res.StatusCode)
			time.Sleep(40 * time.Millisecond)
			_, body := conn.ask("GET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
			require.Equal(t, "after", body)
			conn.quiet()
		})
	}
}

func TestInterimAnswersWithoutEndAreCut(t *testing.T) {
	for _, status := range []string{"100 Continue", "102 Processing", "103 Early Hints"} {
		r := newRig(t, oneOwner("", splitter(t, strings.Repeat("HTTP/1.1 "+status+"\r\nLink: <a>\r\n\r\n", 10_000)+evil)))
		conn := r.raw(t)
		conn.send("GET /attack HTTP/1.1\r\nHost: blog\r\n\r\n")
		interims := 0
		for {
			res, _ := conn.answer("GET")
			if res.StatusCode >= 200 {
				require.Equal(t, 502, res.StatusCode, status)
				break
			}
			interims++
		}
		require.Less(t, interims, 100)
		_, body := conn.ask("GET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
		require.Equal(t, "after", body)
	}
}

// An answer that was there before its request answers that request at most; what
// lies behind it answers nothing.
func TestAnswersBeforeTheirRequest(t *testing.T) {
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"+evil)
		_, _ = io.Copy(io.Discard, r)
	})
	r := newRig(t, oneOwner("", app))
	for range 5 {
		_, body := r.get(t, "/")
		require.Equal(t, "ok", body)
	}
}
