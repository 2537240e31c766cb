package dataplane_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The attacks in attack_*_test.go are those of RFC 9112, section 11, of
// https://portswigger.net/research/http-desync-attacks and its successors, of
// https://w4ke.info/2025/06/18/funky-chunks.html and of
// https://mda2av.github.io/Http11Probe/; each row says what the gateway answers and
// what its owner sees of it.

func itoa(n int) string { return strconv.Itoa(n) }

// witness is an owner that notes each request it is brought.
type witness struct {
	mu   sync.Mutex
	seen []string
}

func (w *witness) serve(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		w.mu.Lock()
		w.seen = append(w.seen, req.Method+" "+req.RequestURI+" "+string(body))
		w.mu.Unlock()
		answer := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
		if req.Method != http.MethodHead {
			answer += "ok"
		}
		_, _ = io.WriteString(c, answer)
	}
}

// requests are those seen since it was asked before.
func (w *witness) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// attack is what somebody sends on one connection, and what comes of it.
type attack struct {
	name   string
	send   string
	status []int
	owner  []string // as "method target body"
	open   bool     // the connection goes on after a refusal
}

// refused never reaches the owner, and ends the connection.
func refused(name, send string, status int) attack {
	return attack{name: name, send: send, status: []int{status}}
}

// passes reaches the owner as these requests, each answered 200, and the connection
// goes on behind the last one.
func passes(name, send string, owner ...string) attack {
	a := attack{name: name, send: send, owner: owner}
	for range owner {
		a.status = append(a.status, 200)
	}
	return a
}

// run sends the attacks, each on its own connection, to one data plane before one
// owner, whose connection they share.
func run(t *testing.T, attacks []attack) {
	w := &witness{}
	r := newRig(t, oneOwner("", rawOwner(t, w.serve)))
	names := map[string]bool{}
	for _, a := range attacks {
		require.False(t, names[a.name], "%s: named twice", a.name)
		names[a.name] = true
		t.Run(a.name, func(t *testing.T) {
			w.requests()
			conn := r.raw(t)
			_, _ = io.WriteString(conn, a.send) // it may be refused before its end
			method, _, _ := strings.Cut(strings.TrimLeft(a.send, "\r\n"), " ")
			for _, status := range a.status {
				res, body := conn.answer(method)
				require.Equal(t, status, res.StatusCode, body)
				method = "GET"
			}
			if last := a.status[len(a.status)-1]; last >= 400 && !a.open {
				conn.closed()
			} else {
				res, _ := conn.ask("GET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
				require.Equal(t, 200, res.StatusCode, "the connection goes on where the request ended")
				a.owner = append(a.owner, "GET /after ")
			}
			require.Equal(t, a.owner, w.requests())
		})
	}
}

const (
	get      = "GET / HTTP/1.1\r\nHost: blog\r\n"
	post     = "POST / HTTP/1.1\r\nHost: blog\r\n"
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: blog\r\n\r\n"
)

// ask sends one request and reads its answer.
func (c *raw) ask(request string) (*http.Response, string) {
	c.t.Helper()
	c.send(request)
	method, _, _ := strings.Cut(request, " ")
	return c.answer(method)
}
