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
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

func (w *witness) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}

// Each row is what an attacker sends on one connection, the statuses it gets, and
// the requests the owner may see. Nothing hidden in a body or behind an odd length
// ever becomes a request of its own.
func TestSmuggling(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: blog\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		status  []int
		owner   []string
		goesOn  bool // the refused request ended where it said
	}{
		"both lengths":                {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"both lengths, other order":   {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"two different lengths":       {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 0\r\nContent-Length: 45\r\n\r\n" + smuggled, []int{400}, nil, false},
		"the same length twice":       {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"a list of lengths":           {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 0, 0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"a signed length":             {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: +4\r\n\r\nabcd", []int{400}, nil, false},
		"a negative length":           {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: -1\r\n\r\n" + smuggled, []int{400}, nil, false},
		"a hexadecimal length":        {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 0x4\r\n\r\nabcd", []int{400}, nil, false},
		"an endless length":           {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 99999999999999999999\r\n\r\n", []int{400}, nil, false},
		"an empty length":             {"POST / HTTP/1.1\r\nHost: blog\r\nContent-Length:\r\n\r\n" + smuggled, []int{400}, nil, false},
		"another coding":              {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{400}, nil, false},
		"identity":                    {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: identity\r\n\r\n" + smuggled, []int{400}, nil, false},
		"two codings":                 {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"a list of codings":           {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400}, nil, false},
		"coding in HTTP/1.0":          {"POST / HTTP/1.0\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"blank before the colon":      {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"vertical tab":                {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", []int{400}, nil, false},
		"folded header":               {"POST / HTTP/1.1\r\nHost: blog\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n", []int{400}, nil, false},
		"folded coding":               {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", []int{400}, nil, false},
		"bare LF":                     {"GET / HTTP/1.1\r\nHost: blog\nX-A: b\r\n\r\n", []int{400}, nil, false},
		"bare LF at the end":          {"GET / HTTP/1.1\r\nHost: blog\n\n\r\n\r\n" + smuggled, []int{400}, nil, false},
		"bare CR":                     {"GET / HTTP/1.1\r\nHost: blog\r\nX-A: b\rX-User-Id: evil\r\n\r\n", []int{400}, nil, false},
		"NUL":                         {"GET / HTTP/1.1\r\nHost: blog\r\nX-A: b\x00c\r\n\r\n", []int{400}, nil, false},
		"no Host":                     {"GET / HTTP/1.1\r\nX-A: b\r\n\r\n", []int{400}, nil, false},
		"two Hosts":                   {"GET / HTTP/1.1\r\nHost: blog\r\nHost: evil\r\n\r\n", []int{400}, nil, false},
		"a list of Hosts":             {"GET / HTTP/1.1\r\nHost: blog, evil\r\n\r\n", []int{400}, nil, false},
		"Host with a path":            {"GET / HTTP/1.1\r\nHost: blog/internal\r\n\r\n", []int{400}, nil, false},
		"absolute URI":                {"GET http://evil/ HTTP/1.1\r\nHost: blog\r\n\r\n", []int{400}, nil, false},
		"unknown version":             {"GET / HTTP/2.0\r\nHost: blog\r\n\r\n", []int{505}, nil, false},
		"HTTP/2 preface":              {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{505}, nil, false},
		"h2c upgrade":                 {"GET / HTTP/1.1\r\nHost: blog\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", []int{200}, []string{"GET / "}, false},
		"upgrade with a body":         {"POST / HTTP/1.1\r\nHost: blog\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi", []int{200}, []string{"POST / hi"}, false},
		"GET with a body":             {"GET / HTTP/1.1\r\nHost: blog\r\nContent-Length: " + itoa(len(smuggled)) + "\r\n\r\n" + smuggled, []int{200}, []string{"GET / " + smuggled}, false},
		"body of an unknown path":     {"POST /internal HTTP/1.1\r\nHost: blog\r\nContent-Length: " + itoa(len(smuggled)) + "\r\n\r\n" + smuggled, []int{404}, nil, true},
		"chunks of an unknown path":   {"POST /internal HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled, []int{404}, nil, false},
		"long body, unknown path":     {"POST /internal HTTP/1.1\r\nHost: blog\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat(smuggled, 250), []int{404}, nil, false},
		"broken chunk":                {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiX\r\n0\r\n\r\n" + smuggled, []int{400}, nil, false},
		"chunk size with a sign":      {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n", []int{400}, nil, false},
		"chunk size ended by LF":      {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", []int{400}, nil, false},
		"chunk size overflow":         {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000002\r\nhi\r\n0\r\n\r\n", []int{400}, nil, false},
		"chunk extension":             {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\n\r\n", []int{200}, []string{"POST / hi"}, false},
		"trailers that claim":         {"POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n2\r\nhi\r\n0\r\nX-User-Id: evil\r\n\r\n", []int{200}, []string{"POST / hi"}, false},
		"two honest requests at once": {"POST /1 HTTP/1.1\r\nHost: blog\r\nContent-Length: 2\r\n\r\nhiGET /2 HTTP/1.1\r\nHost: blog\r\n\r\n", []int{200, 200}, []string{"POST /1 hi", "GET /2 "}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &witness{}
			r := newRig(t, oneOwner("", rawOwner(t, w.serve)))
			conn := r.raw(t)
			conn.send(c.request)
			for _, status := range c.status {
				res, _ := conn.answer("GET")
				require.Equal(t, status, res.StatusCode)
			}
			if last := c.status[len(c.status)-1]; last >= 400 && !c.goesOn {
				conn.closed()
			} else {
				conn.send("GET /after HTTP/1.1\r\nHost: blog\r\n\r\n")
				res, _ := conn.answer("GET")
				require.Equal(t, 200, res.StatusCode, "the connection goes on where the request ended")
				c.owner = append(c.owner, "GET /after ")
			}
			require.Equal(t, append([]string(nil), c.owner...), w.requests())
		})
	}
}
