package dataplane_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

// What comes behind a client's body comes behind it at the owner too, announced or
// not; without what nobody may say there.
func TestTrailersOfRequestsPass(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		announced := len(r.Trailer)
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v %d %v", body, err, announced, r.Trailer)
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
		for _, c := range []struct{ announced, sent, seen string }{
			{"", "", "map[]"},
			{"Trailer: X-Sum, x-more\r\n", "X-Sum: abc\r\nx-more:  d e \r\n", "map[X-More:[d e] X-Sum:[abc]]"},
			{"", "X-Sum: abc\r\n", "map[X-Sum:[abc]]"},
			{"Trailer: X-Sum, X-User-Id, Cookie2\r\nTrailer: X-Last\r\n", "X-User-Id: evil\r\nx-forwarded-for: 6.6.6.6\r\nX_User_Id: evil\r\nAuthorization: evil\r\nCookie: evil\r\nContent-Type: evil\r\nIf-Match: evil\r\nX-Canary: evil\r\nX-Sum: abc\r\n", "map[Cookie2:[] X-Last:[] X-Sum:[abc]]"},
		} {
			conn.send(post + expect + c.announced + "Transfer-Encoding: chunked\r\n\r\n")
			if expect != "" {
				res, _ := conn.answer("POST")
				require.Equal(t, 100, res.StatusCode)
			}
			_, body := conn.ask("3\r\nabc\r\n0\r\n" + c.sent + "\r\n")
			announced := strings.Count(c.announced, ",") + strings.Count(c.announced, "Trailer") - strings.Count(c.announced, "X-User-Id")
			require.Equal(t, fmt.Sprintf("abc <nil> %d %s", announced, c.seen), body)
		}
	}
	_, body := conn.ask(post + "Trailer: X-Sum\r\nContent-Length: 3\r\n\r\nabc")
	require.Equal(t, "abc <nil> 0 map[]", body, "only chunks have trailers")
}

// What an owner has sent of a chunk is passed on, though the rest is not there.
func TestPiecesOfChunksPassAtOnce(t *testing.T) {
	next := make(chan struct{})
	pieces := []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "lo\r", "\n", "5", "\r\nworld", "\r\n0\r\n", "\r\n"}
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		for _, piece := range pieces {
			_, _ = io.WriteString(c, piece)
			<-next
		}
	})
	r := newRig(t, oneOwner("", app))
	conn := r.raw(t)
	conn.send(get + "\r\n")
	res, err := http.ReadResponse(conn.r, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	for _, text := range []string{"hel", "lo", "", "", "world", "", ""} {
		part := make([]byte, len(text))
		_, err := io.ReadFull(res.Body, part)
		require.NoError(t, err)
		require.Equal(t, text, string(part))
		next <- struct{}{}
	}
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Empty(t, rest)
}

// counted counts the writes to clients.
type counted struct {
	net.Listener
	writes *atomic.Int64
}

func (l counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countedConn{conn, l.writes}, err
}

type countedConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

func TestChunksThatComeTogetherLeaveTogether(t *testing.T) {
	const size = 1 << 20
	answer := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("400\r\n"+strings.Repeat("x", 1024)+"\r\n", size/1024) + "0\r\n\r\n"
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, answer)
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var writes atomic.Int64
	r := newRigOn(t, counted{ln, &writes}, oneOwner("", app), dataplane.DefaultLimits())
	_, body := r.get(t, "/")
	require.Len(t, body, size)
	require.Less(t, writes.Load(), int64(size/(8<<10)))
}
