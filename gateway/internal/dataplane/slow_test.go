package dataplane_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

// trickle sends a text in pieces until it is over or nobody takes it.
func trickle(conn net.Conn, text string, piece int, pause time.Duration) {
	for len(text) > 0 {
		n := min(piece, len(text))
		if _, err := io.WriteString(conn, text[:n]); err != nil {
			return
		}
		text = text[n:]
		time.Sleep(pause)
	}
}

// counts is an owner that says how long the body was.
func counts(t *testing.T) string {
	return owner(t, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err == nil {
			fmt.Fprint(w, n)
		}
	}).URL
}

// A limit on each read would let these go on for seconds, and end in 200.
func TestWhatTricklesIsBoundedAsAWhole(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.HeadTime = 200 * time.Millisecond
	r := newRigWith(t, oneOwner("", counts(t)), limits)
	head := get + "X-A: " + strings.Repeat("a", 300) + "\r\n\r\n"
	for name, c := range map[string]struct{ before, slowly string }{
		"head":                      {"", head},
		"head of a second request":  {get + "\r\n", head},
		"head behind another":       {get + "\r\n" + get, head[len(get):]},
		"empty lines":               {"\r\n\r", "\n" + head},
		"short body":                {post + "Content-Length: 500\r\n\r\n", strings.Repeat("b", 500)},
		"short body, asked for":     {post + "Expect: 100-continue\r\nContent-Length: 500\r\n\r\n", strings.Repeat("b", 500)},
		"head that begins too late": {"G", "ET" + head[3:]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := r.raw(t)
			conn.send(c.before)
			if strings.HasPrefix(c.before, get) {
				res, _ := conn.answer("GET")
				require.Equal(t, 200, res.StatusCode)
			}
			go trickle(conn, c.slowly, 1, 10*time.Millisecond)
			res, _ := conn.answer("GET")
			if res.StatusCode == http.StatusContinue {
				res, _ = conn.answer("GET")
			}
			require.Equal(t, 408, res.StatusCode)
			conn.closed()
		})
	}
}

func TestABodyKeepsALowestRate(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.BodyRate, limits.BodyGrace = 20_000, 200*time.Millisecond
	r := newRigWith(t, oneOwner("", counts(t)), limits)
	const size = 40_000
	sized := post + "Content-Length: " + itoa(size) + "\r\n\r\n"
	const chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
	body := strings.Repeat("b", size)
	frames := strings.Repeat("a\r\n0123456789\r\n", size/10) + "0\r\n\r\n"
	for name, c := range map[string]struct {
		head, body string
		piece      int
		status     int
	}{
		"too slow":            {sized, body, 50, 408},
		"too slow, chunked":   {chunked, frames, 50, 408},
		"fast enough":         {sized, body, 2000, 200},
		"fast enough, chunks": {chunked, frames, 2000, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := r.raw(t)
			conn.send(c.head)
			go trickle(conn, c.body, c.piece, 10*time.Millisecond)
			res, text := conn.answer("POST")
			require.Equal(t, c.status, res.StatusCode, text)
			if c.status == 200 {
				require.Equal(t, itoa(size), text)
				return
			}
			conn.closed()
		})
	}
	idle(t, r)
	require.Zero(t, r.replica().Figures().Failures, "the client's fault")
}

func TestAnOwnerThatReadsSlowlyIsNotTheClientsFault(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.BodyRate, limits.BodyGrace = 1<<20, 100*time.Millisecond
	const size = 24 << 20 // more than all buffers on the way hold
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(3 * limits.BodyGrace)
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	r := newRigWith(t, oneOwner("", app.URL), limits)
	req, err := http.NewRequest("POST", r.url, io.LimitReader(&pattern{}, size))
	require.NoError(t, err)
	req.ContentLength = size
	res, text := r.do(t, req)
	require.Equal(t, fmt.Sprint("200 ", size), fmt.Sprint(res.StatusCode, " ", text))
}

// A client that was told to send its body and doesn't must not hold the owner.
func TestABodyThatWasAskedForAndDoesNotCome(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.HeadTime = 100 * time.Millisecond
	r := newRigWith(t, oneOwner("", counts(t)), limits)
	for _, leaves := range []bool{false, true} {
		conn := r.raw(t)
		conn.send(post + "Expect: 100-continue\r\nContent-Length: 500\r\n\r\n")
		res, _ := conn.answer("POST")
		require.Equal(t, 100, res.StatusCode)
		if leaves {
			require.NoError(t, conn.Close())
		} else {
			res, _ = conn.answer("POST")
			require.Equal(t, 408, res.StatusCode)
		}
		idle(t, r)
	}
	require.Zero(t, r.replica().Figures().Failures, "the client's fault")
}

// A client that takes nothing of its answer must not hold the owner.
func TestAClientThatDoesNotReadIsCut(t *testing.T) {
	var left atomic.Int64
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		defer left.Add(1)
		if r.URL.Path == "/sized" {
			w.Header().Set("Content-Length", itoa(1<<30))
		}
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		_, _ = io.Copy(w, &pattern{})
	})
	limits := dataplane.DefaultLimits()
	limits.WriteStall = 200 * time.Millisecond
	r := newRigWith(t, oneOwner("", app.URL), limits)
	for _, request := range []string{"GET /sized HTTP/1.1", "GET /chunked HTTP/1.1", "GET /events HTTP/1.1", "GET /old HTTP/1.0"} {
		r.raw(t).send(request + "\r\nHost: blog\r\n\r\n")
	}
	require.Eventually(t, func() bool { return left.Load() == 4 && r.server.Open() == 0 }, wait, time.Millisecond)
	idle(t, r)
	require.Zero(t, r.replica().Figures().Failures, "the client's fault")
}

// A client that reads slowly, but reads, gets all of its answer.
func TestAClientThatReadsSlowlyIsServed(t *testing.T) {
	const size = 8 << 20
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, &pattern{}, size) })
	limits := dataplane.DefaultLimits()
	limits.WriteStall = 400 * time.Millisecond
	r := newRigWith(t, oneOwner("", app.URL), limits)
	conn := r.raw(t)
	require.NoError(t, conn.Conn.(*net.TCPConn).SetReadBuffer(64<<10))
	conn.send(get + "\r\n")
	res, err := http.ReadResponse(conn.r, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	total, began := int64(0), time.Now()
	for { // longer than a client may take nothing
		n, err := io.CopyN(io.Discard, res.Body, 128<<10)
		total += n
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	require.EqualValues(t, size, total)
	require.Greater(t, time.Since(began), 2*limits.WriteStall)
}

func TestSilentConnectionsAreClosed(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.HeadTime, limits.Idle = 100*time.Millisecond, 100*time.Millisecond
	r := newRigWith(t, oneOwner("", owner(t, echoes("app")).URL), limits)
	never, once := r.raw(t), r.raw(t)
	once.ask(get + "\r\n")
	for _, conn := range []*raw{never, once} {
		text, err := io.ReadAll(conn.r)
		require.NoError(t, err)
		require.Empty(t, text, "there is nothing to say")
	}
	require.Eventually(t, func() bool { return r.server.Open() == 0 }, wait, time.Millisecond)
}

func TestThereAreNoMoreConnectionsThanAllowed(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.Connections = 2
	r := newRigWith(t, oneOwner("", owner(t, echoes("app")).URL), limits)
	first, second := r.raw(t), r.raw(t)
	first.ask(get + "\r\n")
	second.ask(get + "\r\n")
	third := r.raw(t)
	res, body := third.ask(get + "\r\n")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "unavailable", problemKind(t, body))
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	third.closed()
	require.Eventually(t, func() bool { return r.server.Open() == 2 }, wait, time.Millisecond)

	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { return r.server.Open() == 1 }, wait, time.Millisecond)
	res, _ = r.raw(t).ask(get + "\r\n")
	require.Equal(t, 200, res.StatusCode)
	res, _ = second.ask(get + "\r\n")
	require.Equal(t, 200, res.StatusCode, "those that were there stay")
}

// short is a listener on a machine that is short of descriptors for a while.
type short struct {
	net.Listener
	times atomic.Int64
}

func (l *short) Accept() (net.Conn, error) {
	if l.times.Add(1) < 4 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAShortageOfDescriptorsPasses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := newRigOn(t, &short{Listener: ln}, oneOwner("", owner(t, echoes("app")).URL), dataplane.DefaultLimits())
	res, _ := r.get(t, "/")
	require.Equal(t, 200, res.StatusCode)
}
