package dataplane_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBodiesStreamBothWaysAtConstantMemory(t *testing.T) {
	big := bigBody(t)
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/up":
			fmt.Fprintf(w, "%d %s", r.ContentLength, sum(t, r.Body))
		case "/down":
			w.Header().Set("Content-Length", strconv.FormatInt(big, 10))
			_, _ = io.CopyN(w, &pattern{}, big)
		case "/down/chunked":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.CopyN(w, &pattern{}, big)
			w.Header().Set("X-Sum", "abc")
		}
	})
	r := newRig(t, oneOwner("timeout: 60s", app.URL))
	r.get(t, "/") // what is made once is there
	want := sum(t, io.LimitReader(&pattern{}, big))
	grown := peak(t, func() {
		for _, length := range []int64{big, -1} {
			req, err := http.NewRequest("POST", r.url+"/up", io.LimitReader(&pattern{}, big))
			require.NoError(t, err)
			req.ContentLength = length
			began := time.Now()
			_, body := r.do(t, req)
			require.Equal(t, fmt.Sprintf("%d %s", length, want), body)
			t.Logf("up, Content-Length %d: %.0f MiB/s", length, float64(big>>20)/time.Since(began).Seconds())
		}
		for _, path := range []string{"/down", "/down/chunked"} {
			began := time.Now()
			res, err := r.client.Get(r.url + path)
			require.NoError(t, err)
			require.Equal(t, want, sum(t, res.Body), path)
			t.Logf("%s: %.0f MiB/s", path, float64(big>>20)/time.Since(began).Seconds())
			require.NoError(t, res.Body.Close())
			if path != "/down" {
				require.Equal(t, "abc", res.Trailer.Get("X-Sum"), "an announced trailer passes")
			}
		}
	})
	t.Logf("%d MiB each: %d KiB more heap than before, client and owner included", big>>20, grown>>10)
	require.Less(t, grown, uint64(6<<20), "bodies must not gather in memory")
}

func TestSmallChunkedBodyAndKeepAliveAfterIt(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s%s", r.TransferEncoding, body)
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	for range 3 {
		conn.send("POST / HTTP/1.1\r\nHost: blog\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
		_, body := conn.answer("POST")
		require.Equal(t, "[chunked]abcde", body)
	}
}

func TestAnswersWithoutBody(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("ETag", `"v1"`)
			w.WriteHeader(304)
		case "/empty":
		default:
			http.ServeContent(w, r, "a.txt", time.Unix(1, 0), strings.NewReader("0123456789"))
		}
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t) // one connection: a wrong length would show in the next answer
	for range 2 {
		conn.send("HEAD /file HTTP/1.1\r\nHost: blog\r\n\r\n")
		res, _ := conn.answer("HEAD")
		require.Equal(t, int64(10), res.ContentLength)
		conn.send("GET /204 HTTP/1.1\r\nHost: blog\r\n\r\n")
		res, body := conn.answer("GET")
		require.Equal(t, "204 ", fmt.Sprint(res.StatusCode, " ", body))
		require.Empty(t, res.Header.Get("Content-Length"))
		conn.send("GET /304 HTTP/1.1\r\nHost: blog\r\n\r\n")
		res, _ = conn.answer("GET")
		require.Equal(t, 304, res.StatusCode)
		require.Equal(t, `"v1"`, res.Header.Get("ETag"))
		conn.send("GET /file HTTP/1.1\r\nHost: blog\r\nRange: bytes=2-4\r\n\r\n")
		res, body = conn.answer("GET")
		require.Equal(t, 206, res.StatusCode)
		require.Equal(t, "234", body)
		require.Equal(t, "bytes 2-4/10", res.Header.Get("Content-Range"))
		conn.send("GET /empty HTTP/1.1\r\nHost: blog\r\n\r\n")
		res, body = conn.answer("GET")
		require.Equal(t, "200 ", fmt.Sprint(res.StatusCode, " ", body))
		require.Equal(t, "0", res.Header.Get("Content-Length"))
	}
}

func TestOwnerThatEndsItsAnswerByClosing(t *testing.T) {
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
		}
	})
	r := newRig(t, oneOwner("", app))
	for range 2 {
		res, body := r.get(t, "/")
		require.Equal(t, "until the end", body)
		require.Equal(t, []string{"chunked"}, res.TransferEncoding)
	}
	conn := r.raw(t)
	conn.send("GET / HTTP/1.0\r\n\r\n")
	text, err := io.ReadAll(conn.r)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(text), "\r\n\r\nuntil the end"), "HTTP/1.0 knows no chunks: %s", text)
	require.NotContains(t, string(text), "chunked")
}

func TestAnAnswerCutShortIsNotAWholeOne(t *testing.T) {
	for name, head := range map[string]string{"sized": "Content-Length: 100000\r\n\r\n", "chunked": "Transfer-Encoding: chunked\r\n\r\n5\r\n"} {
		app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head+"hello")
			}
		})
		r := newRig(t, oneOwner("", app))
		res, err := r.client.Get(r.url)
		require.NoError(t, err)
		_, err = io.ReadAll(res.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		require.NoError(t, res.Body.Close())
	}
}

func TestExpectAsksTheOwnerBeforeTheBodyIsSent(t *testing.T) {
	var bodies atomic.Int64
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		body, _ := io.ReadAll(r.Body) // Go's server says 100 Continue here
		bodies.Add(1)
		fmt.Fprint(w, len(body))
	})
	r := newRig(t, oneOwner("", app.URL))
	for _, spelling := range []string{"Expect: 100-continue", "expect: 100-continue", "EXPECT: 100-Continue"} {
		conn := r.raw(t)
		conn.send("PUT /no HTTP/1.1\r\nHost: blog\r\n" + spelling + "\r\nContent-Length: 5\r\n\r\n")
		res, body := conn.answer("PUT")
		require.Equal(t, "403 no\n", fmt.Sprint(res.StatusCode, " ", body), spelling)
		conn.closed()

		conn = r.raw(t)
		conn.send("PUT /yes HTTP/1.1\r\nHost: blog\r\n" + spelling + "\r\nContent-Length: 5\r\n\r\n")
		line, err := conn.r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "HTTP/1.1 100 Continue\r\n", line, spelling)
		_, err = conn.r.ReadString('\n')
		require.NoError(t, err)
		conn.send("hello")
		_, body = conn.answer("PUT")
		require.Equal(t, "5", body)
		conn.send("GET /yes HTTP/1.1\r\nHost: blog\r\n\r\n")
		_, body = conn.answer("GET")
		require.Equal(t, "0", body, "the connection goes on")
	}
	require.Equal(t, int64(6), bodies.Load())
	conn := r.raw(t)
	conn.send("PUT /livez HTTP/1.1\r\nHost: blog\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	res, _ := conn.answer("PUT")
	require.Equal(t, 404, res.StatusCode, "the gateway's own answers come before the body too")
	conn = r.raw(t)
	conn.send("PUT / HTTP/1.1\r\nHost: blog\r\nExpect: a miracle\r\nContent-Length: 5\r\n\r\nhello")
	res, _ = conn.answer("PUT")
	require.Equal(t, 417, res.StatusCode)
}

func TestAnOwnerThatKnowsNoExpectGetsTheBodyAllTheSame(t *testing.T) {
	app := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	r := newRig(t, oneOwner("", app))
	conn := r.raw(t)
	conn.send("PUT / HTTP/1.1\r\nHost: blog\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
	line, err := conn.r.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100")
	_, err = conn.r.Discard(2)
	require.NoError(t, err)
	conn.send("hello")
	_, body := conn.answer("PUT")
	require.Equal(t, "hello", body)
}

func TestAnEarlyAnswerDoesNotWaitForTheUpload(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	conn.send("POST / HTTP/1.1\r\nHost: blog\r\nContent-Length: 100000000\r\n\r\n")
	conn.send(strings.Repeat("x", 9000)) // and then nothing: the client waits
	res, body := conn.answer("POST")
	require.Equal(t, "413 too much\n", fmt.Sprint(res.StatusCode, " ", body))
	require.Equal(t, "close", strings.ToLower(res.Header.Get("Connection")+map[bool]string{true: "close"}[res.Close && res.Header.Get("Connection") == ""]))
}

func TestFullDuplex(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		in := bufio.NewReader(r.Body)
		for {
			text, err := in.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(w, "echo "+text)
			_ = control.Flush()
		}
	})
	r := newRig(t, oneOwner("", app.URL))
	in, out := io.Pipe()
	req, err := http.NewRequest("POST", r.url, in)
	require.NoError(t, err)
	go func() { _, _ = io.WriteString(out, "one\n") }()
	res, err := r.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for _, word := range []string{"one", "two", "three"} {
		if word != "one" {
			_, err = io.WriteString(out, word+"\n")
			require.NoError(t, err)
		}
		text, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "echo "+word+"\n", text)
	}
	require.NoError(t, out.Close())
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.True(t, bytes.Equal(rest, nil))
}
