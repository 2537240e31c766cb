package dataplane_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

func TestABodyThatIsTooLongToBeKeptIsNotLostSilently(t *testing.T) {
	m := movingRig(t, "")
	for _, chunked := range []bool{false, true} {
		body := strings.Repeat("y", 200<<10)
		res, answer := m.sends(t, body, chunked)
		require.Equal(t, 200, res.StatusCode, answer)
		done := m.done("old")
		require.Equal(t, body, done[len(done)-1], "it streams, whole")
	}
	m.move("new", 2)
	for i, chunked := range []bool{false, true} {
		res, answer := m.sends(t, strings.Repeat("y", 200<<10), chunked)
		require.Equal(t, 503, res.StatusCode)
		require.Equal(t, "1", res.Header.Get("Retry-After"))
		require.Contains(t, answer, "Nothing was done")
		require.Equal(t, [3]uint64{0, 0, uint64(i + 1)}, m.counts())
	}
	require.Zero(t, m.times("new"))
}

// What comes behind a kept body on the same connection is a request of its own.
func TestKeptBodiesEndWhereTheyEnd(t *testing.T) {
	m := movingRig(t, "")
	m.move("new", 2)
	c := m.raw(t)
	long := strings.Repeat("z", 20<<10)
	c.send("POST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n" +
		"POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: " + itoa(len(long)) + "\r\n\r\n" + long + "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []string{"new 5 ", fmt.Sprintf("new %d ", len(long)), "new 0 "} {
		res, body := c.answer("POST")
		require.Equal(t, 200, res.StatusCode, body)
		require.Equal(t, want, body)
	}
	require.Equal(t, []string{"abcde", long, ""}, m.done("new"))
}

func TestAKeptBodyThatDoesNotComeIsTheClientsFault(t *testing.T) {
	m := movingRig(t, "")
	c := m.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\nabc")
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	_, _ = io.ReadAll(c.r)
	c = m.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	res, _ := c.answer("POST")
	require.Equal(t, 400, res.StatusCode)
	c.closed()
	require.Zero(t, m.times("old"))
	require.Zero(t, m.current.Lasting.Holds.Gate("everything").Figures().InFlight)
}

// The client asks before it sends its body. What is kept the gateway asks for itself;
// for what is longer it finds out first who wants it.
func TestAnExpectedBodyFollowsToo(t *testing.T) {
	m := movingRig(t, "")
	m.move("new", 2)
	for _, size := range []int{5, 20 << 10, 100 << 10} {
		body := strings.Repeat("e", size)
		c := m.raw(t)
		c.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: " + itoa(size) + "\r\n\r\n")
		res, err := http.ReadResponse(c.r, nil)
		require.NoError(t, err)
		require.Equal(t, 100, res.StatusCode, "%d bytes", size)
		c.send(body)
		res, answer := c.answer("POST")
		require.Equal(t, 200, res.StatusCode, answer)
		require.Equal(t, fmt.Sprintf("new %d ", size), answer)
	}
}

// An owner that sends away before it has the whole body, and closes.
func TestAnEarlyWordOnAStreamedBodyIsHeard(t *testing.T) {
	url := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line == "\r\n" {
				break
			}
		}
		_, _ = io.WriteString(c, "HTTP/1.1 421 Misdirected Request\r\nStrangler-Owner: new\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, r)
	})
	r := newRig(t, fmt.Sprintf(resourceRoutes, 1, "old", 1, url, owner(t, echoes("new")).URL, ""))
	c := r.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n" + strings.Repeat("s", 100<<10))
	res, body := c.answer("POST")
	require.Equal(t, 503, res.StatusCode, body)
	require.Contains(t, body, "problem:held")
	c.closed()
}

// The owner's time begins with the last byte of a body, here as where it streams: who
// sends slowly, but within the bounds, isn't late.
func TestTheTimeToKeepABodyIsNotTheOwners(t *testing.T) {
	m := movingRig(t, ", timeout: 300ms")
	m.move("new", 2)
	body := strings.Repeat("b", 20_000)
	frames := strings.Repeat("3e8\r\n"+strings.Repeat("b", 1000)+"\r\n", 20) + "0\r\n\r\n"
	for name, c := range map[string]struct{ head, body string }{
		"sized":     {"Content-Length: 20000\r\n\r\n", body},
		"chunked":   {"Transfer-Encoding: chunked\r\n\r\n", frames},
		"asked for": {"Expect: 100-continue\r\nContent-Length: 20000\r\n\r\n", body},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := m.raw(t)
			conn.send("POST / HTTP/1.1\r\nHost: x\r\n" + c.head)
			go trickle(conn, c.body, 1000, 30*time.Millisecond)
			res, text := conn.answer("POST")
			if res.StatusCode == http.StatusContinue {
				res, text = conn.answer("POST")
			}
			require.Equal(t, 200, res.StatusCode, text)
			require.Equal(t, "new 20000 ", text)
		})
	}
}

// Bodies that wait for their rest share a room. What finds none streams, and its owner
// hears of it at once; what is answered leaves its room to others.
func TestKeptBodiesShareABoundedRoom(t *testing.T) {
	const size = 60 << 10
	o := &ownership{owner: "old", epoch: 1, writes: map[string][]string{}, asked: map[string]int{}}
	heads := make(chan struct{}, 100)
	old := owner(t, func(w http.ResponseWriter, r *http.Request) {
		heads <- struct{}{}
		o.host("old")(w, r)
	})
	limits := dataplane.DefaultLimits()
	limits.Kept = size + size/2
	m := moving{o, newRigWith(t, fmt.Sprintf(resourceRoutes, 1, "old", 1, old.URL, owner(t, o.host("new")).URL, ""), limits), nil}
	head, body := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "+itoa(size)+"\r\n\r\n", strings.Repeat("k", size)
	kept, streamed := m.raw(t), m.raw(t)
	kept.send(head + body[:20<<10])
	require.Eventually(t, func() bool { return m.server.Kept() == size }, time.Minute, time.Millisecond)
	streamed.send(head + body[:20<<10])
	<-heads
	for _, c := range []*raw{streamed, kept} {
		c.send(body[20<<10:])
		res, text := c.answer("POST")
		require.Equal(t, 200, res.StatusCode, text)
	}
	require.Equal(t, []string{body, body}, m.done("old"))

	m.move("new", 2)
	require.Eventually(t, func() bool { return m.server.Kept() == 0 }, time.Minute, time.Millisecond)
	for range 5 { // each gives its room back
		for _, chunked := range []bool{false, true} {
			res, text := m.sends(t, body, chunked)
			require.Equal(t, 200, res.StatusCode, text)
		}
	}
	require.Eventually(t, func() bool { return m.server.Kept() == 0 }, time.Minute, time.Millisecond)
}
