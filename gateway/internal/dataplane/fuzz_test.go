package dataplane

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
)

// script is a connection on which a text arrives in pieces.
type script struct {
	net.Conn
	text  []byte
	piece int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), max(1, s.piece))], s.text)
	s.text = s.text[n:]
	return n, nil
}

func (s *script) SetReadDeadline(time.Time) error { return nil }

// scripted is a client that sends a text.
func scripted(text []byte, piece int) *client {
	limits := DefaultLimits()
	limits.Header = 4 << 10
	s := &Server{limits: limits, logger: slog.New(slog.DiscardHandler), none: metrics.New(prometheus.NewRegistry()).Meter("none", "gateway")}
	return &client{Conn: &script{text: text, piece: piece}, server: s}
}

var requests = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA \r\n0123456789\r\n00\r\n\r\nxyz",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
	"\r\n\r\nGET / HTTP/1.0\r\nX: y\r\n\r\n",
	"GET / HTTP/1.1\nHost: a\n\n",
	"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 00002\r\nX-\x7f: \x00\r\n\r\nhi",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}

// What the gateway takes for one request, net/http takes for the same request, with
// the same body and the same rest behind it. So does the owner, for which the
// gateway writes it anew.
func FuzzRequests(f *testing.F) {
	for _, text := range requests {
		f.Add([]byte(text), 1)
		f.Add([]byte(text), 7)
		f.Add([]byte(text), 100_000)
	}
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		for len(text) > 0 {
			rest, ok := sameRequest(t, text, piece)
			if !ok {
				return
			}
			require.Less(t, len(rest), len(text))
			text = rest
		}
	})
}

// sameRequest reads one request in the gateway's way and in net/http's, and returns
// what lies behind it. It is false for one that the gateway refuses.
func sameRequest(t *testing.T, text []byte, piece int) (rest []byte, ok bool) {
	c := scripted(bytes.Clone(text), piece)
	raw, body, ok := take(c)
	if !ok {
		return nil, false
	}
	var h head
	line, lines, _ := bytes.Cut(raw, []byte("\r\n"))
	parts := strings.Split(string(line), " ")
	if len(parts) != 3 || !isToken([]byte(parts[0])) || h.read(lines, parts[2] == "HTTP/1.1") != nil {
		return nil, false
	}
	theirs := bufio.NewReader(bytes.NewReader(bytes.TrimLeft(text, "\r\n")))
	req, err := http.ReadRequest(theirs)
	if err != nil { // fasthttp refuses odd methods, targets, versions and values
		return nil, false
	}
	require.Equal(t, req.Method, parts[0])
	require.Equal(t, req.RequestURI, parts[1])
	read, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	require.Equal(t, string(read), string(body))
	for i := range h.lines {
		if l := &h.lines[i]; l.kind == policy.Forward {
			require.Contains(t, req.Header[textproto.CanonicalMIMEHeaderKey(string(l.name))], string(l.value))
		}
	}
	left, err := io.ReadAll(theirs)
	require.NoError(t, err)
	c.chunks, c.left, c.trouble = chunks{}, 0, nil
	mine := append(append([]byte(nil), c.room[c.from:]...), c.Conn.(*script).text...)
	require.Equal(t, string(left), string(mine), "both end it at the same byte")
	return mine, true
}

// take reads a head as fasthttp does, and the body as an upload does.
func take(c *client) (head, body []byte, ok bool) {
	p := make([]byte, 4<<10)
	for {
		n, err := c.Read(p[:1+len(p)/2])
		head = append(head, p[:n]...)
		if err != nil || c.refused != nil || c.trouble != nil {
			return nil, nil, false
		}
		if len(head) >= c.framing.at {
			break
		}
	}
	head, body = head[:c.framing.at], append(body, head[c.framing.at:]...)
	for c.left > 0 {
		n, err := c.Read(p)
		body = append(body, p[:n]...)
		if err != nil {
			return nil, nil, false
		}
	}
	for c.chunks.open {
		n, err := chunkReader{c}.Read(p)
		body = append(body, p[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, false
		}
	}
	return head, body, true
}

// What the gateway believes of an answer's head, net/http reads in the same way: one
// status, one length, and the same bytes behind it.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 200\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 000 \r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		mine := bufio.NewReaderSize(bytes.NewReader(text), 4<<10)
		size, err := awaitAnswer(mine)
		if err != nil {
			return
		}
		head, err := mine.Peek(size)
		require.NoError(t, err)
		if _, err := checkAnswer(head); err != nil {
			return
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
		if err != nil { // net/http is stricter in places
			return
		}
		require.Equal(t, res.Status[:3], string(head[len("HTTP/1.1 "):][:3]))
		var framed framing
		framed.scan(head)
		if framed.codings > 0 {
			require.Equal(t, []string{"chunked"}, res.TransferEncoding)
		} else if framed.lengths > 0 && res.ContentLength > 0 {
			require.Equal(t, framed.length, res.ContentLength)
		}
		require.Equal(t, 1, bytes.Count(head, []byte("\r\n\r\n")))
		require.True(t, bytes.HasSuffix(head, []byte("\r\n\r\n")))
	})
}
