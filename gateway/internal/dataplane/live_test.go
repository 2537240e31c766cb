package dataplane_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func TestServerSentEventsArriveOneByOne(t *testing.T) {
	next, left := make(chan string), make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case event := <-next:
				fmt.Fprintf(w, "data: %s\n\n", event)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				close(left)
				return
			}
		}
	})
	r := newRig(t, oneOwner("timeout: 200ms", app.URL))
	res, err := r.client.Get(r.url)
	require.NoError(t, err, "the head comes before the first event")
	lines := bufio.NewReader(res.Body)
	for _, event := range []string{"one", "two", "three"} {
		next <- event // the next one is made only when this one has arrived
		text, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "data: "+event+"\n", text)
		_, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	time.AfterFunc(400*time.Millisecond, func() { next <- "late" })
	text, err := lines.ReadString('\n')
	require.NoError(t, err, "silence is in the nature of events: no deadline cuts it")
	require.Equal(t, "data: late\n", text)
	require.NoError(t, res.Body.Close())
	select {
	case <-left:
	case <-time.After(wait):
		t.Fatal("the owner was not told that the client left")
	}
}

func TestASlowSizedBodyArrivesAsItComes(t *testing.T) {
	next := make(chan string)
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "6")
		for range 2 {
			_, _ = io.WriteString(w, <-next)
			_ = http.NewResponseController(w).Flush()
		}
	})
	r := newRig(t, oneOwner("", app.URL))
	go func() { next <- "abc" }()
	res, err := r.client.Get(r.url)
	require.NoError(t, err)
	defer res.Body.Close()
	part := make([]byte, 3)
	for _, text := range []string{"abc", "def"} {
		if text == "def" {
			next <- text
		}
		_, err = io.ReadFull(res.Body, part)
		require.NoError(t, err)
		require.Equal(t, text, string(part))
	}
}

func TestWebSocket(t *testing.T) {
	closed := make(chan websocket.StatusCode, 1)
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"talk"}})
		if err != nil {
			return
		}
		c.SetReadLimit(1 << 20)
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				closed <- websocket.CloseStatus(err)
				return
			}
			if string(message) == "leave" {
				closed <- 0
				_ = c.Close(4001, "as asked")
				return
			}
			_ = c.Write(r.Context(), kind, append([]byte("echo "), message...))
		}
	})
	r := newRig(t, oneOwner("timeout: 500ms", app.URL))
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	dial := func() *websocket.Conn {
		c, res, err := websocket.Dial(ctx, strings.Replace(r.url, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{"talk"}, HTTPClient: r.client})
		require.NoError(t, err)
		require.Equal(t, "app/r0", res.Header.Get("X-Served-By"))
		require.Equal(t, "talk", c.Subprotocol())
		c.SetReadLimit(1 << 20)
		return c
	}
	c := dial()
	for _, message := range []string{"a", strings.Repeat("b", 100_000)} {
		require.NoError(t, c.Write(ctx, websocket.MessageText, []byte(message)))
		_, got, err := c.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "echo "+message, string(got))
	}
	require.NoError(t, c.Close(4000, "bye"))
	require.Equal(t, websocket.StatusCode(4000), <-closed, "the client's close reaches the owner")

	c = dial()
	require.NoError(t, c.Write(ctx, websocket.MessageText, []byte("leave")))
	_, _, err := c.Read(ctx)
	require.Equal(t, websocket.StatusCode(4001), websocket.CloseStatus(err), "the owner's close reaches the client")
	<-closed

	c = dial()
	require.NoError(t, c.CloseNow())
	require.Equal(t, websocket.StatusCode(-1), <-closed, "a client that vanishes ends the owner's side")
}

func TestAnUpgradeThatIsRefusedIsAnAnswer(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Upgrade-Seen", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusUpgradeRequired)
	})
	r := newRig(t, oneOwner("", app.URL))
	res, _ := r.get(t, "/", "Connection", "Upgrade", "Upgrade", "websocket")
	require.Equal(t, 426, res.StatusCode)
	require.Equal(t, "websocket", res.Header.Get("Upgrade-Seen"))
}

func TestEarlyHintsPass(t *testing.T) {
	proceed := make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		<-proceed
		fmt.Fprint(w, "done")
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	line, err := conn.r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 103 Early Hints\r\n", line)
	var hints string
	for !strings.HasSuffix(hints, "\r\n\r\n") {
		text, err := conn.r.ReadString('\n')
		require.NoError(t, err)
		hints += text
	}
	require.Contains(t, hints, "Link: </style.css>; rel=preload\r\n")
	close(proceed)
	res, body := conn.answer("GET")
	require.Equal(t, "200 done", fmt.Sprint(res.StatusCode, " ", body))

	conn = r.raw(t)
	conn.send("GET / HTTP/1.0\r\n\r\n")
	res, body = conn.answer("GET")
	require.Equal(t, "200 done", fmt.Sprint(res.StatusCode, " ", body), "HTTP/1.0 knows no interim answers")
}

func TestAClientThatLeavesCancelsTheOwner(t *testing.T) {
	begun, left := make(chan struct{}), make(chan struct{})
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(left)
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	conn.send("GET /slow HTTP/1.1\r\nHost: blog\r\n\r\n")
	<-begun
	require.NoError(t, conn.Close())
	select {
	case <-left:
	case <-time.After(wait):
		t.Fatal("the owner still works for nobody")
	}
	idle(t, r)
	require.Zero(t, r.replica().Figures().Failures, "the client's fault")
}

func TestAClientThatLeavesDuringItsUploadCancelsTheOwner(t *testing.T) {
	failed := make(chan error, 1)
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	conn.send("POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 20000))
	require.NoError(t, conn.Conn.(*net.TCPConn).CloseWrite())
	require.Error(t, <-failed, "half a body must not look like a whole one")
	res, _ := conn.answer("POST")
	require.Equal(t, 400, res.StatusCode)
	idle(t, r)
	require.Zero(t, r.replica().Figures().Failures, "the client's fault")
}

// idle waits until the gateway has ended what it had with its first replica.
func idle(t *testing.T, r *rig) {
	t.Helper()
	require.Eventually(t, func() bool { return r.replica().InFlight() == 0 }, wait, time.Millisecond)
}
