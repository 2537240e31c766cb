package shadow_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"
)

// packed compresses a text.
func packed(text string, with func(io.Writer) io.WriteCloser) string {
	var out bytes.Buffer
	w := with(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.String()
}

func zip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func TestContentCodingsAreUndone(t *testing.T) {
	for name, c := range map[string]struct {
		coding, sent string
		matched      bool
		why          string
	}{
		"gzip":    {"gzip", packed(`{"id":1.0}`, zip), true, ""},
		"br":      {"BR", packed(`{"id":1.0}`, func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }), true, ""},
		"unknown": {"zstd", "x", false, `coding "zstd" can't be undone: unknown`},
		"a lie":   {"gzip", `{"id":1}`, false, `coding "gzip" can't be undone`},
		"a bomb":  {"gzip", packed(strings.Repeat("0", 1<<20), zip), false, "longer than compare.max_body"},
		"cut off": {"gzip", packed(`{"id":1.0}`, zip)[:20], false, "can't be undone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, policy())
			r.shadow.set(body(c.sent, "Content-Encoding", c.coding, "Content-Type", "application/json"))
			r.send(head("GET", "/", "Accept-Encoding: gzip, br"))
			f := r.settle()
			require.Equal(t, c.matched, f.Matched == 1, "%+v", f)
			if !c.matched {
				require.Equal(t, uint64(1), f.Skipped)
				require.Contains(t, f.LastSkip.Reason, c.why)
			}
			require.Equal(t, "gzip, br", r.shadow.requests()[0].Header.Get("Accept-Encoding"))
		})
	}
}

func TestAnOwnerThatAnswersGarbage(t *testing.T) {
	for name, text := range map[string]string{
		"no HTTP":            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"nothing":            "",
		"half a head":        "HTTP/1.1 200 OK\r\nContent-",
		"half a body":        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc",
		"a broken chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"an endless head":    "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 1<<16),
		"another protocol":   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"a negative length":  "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		"chunks without end": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, policy())
			r.speaks(func(conn net.Conn) { _, _ = io.WriteString(conn, text) })
			r.send(head("GET", "/"))
			f := r.settle()
			require.Equal(t, uint64(1), f.Failed, "%+v", f)
			require.NotEmpty(t, f.LastFailure.Reason)
			require.WithinDuration(t, time.Now(), f.LastFailure.At, time.Hour)
			require.True(t, r.shadow.replica().Healthy(), "a copy takes no replica out")
			require.Zero(t, r.shadow.replica().Figures().Failures)
		})
	}
}

func TestWaysToFrameAnAnswer(t *testing.T) {
	const answer = `{"id":1}`
	for name, text := range map[string]string{
		"length":        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n" + answer,
		"chunks":        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nTrailer: X\r\n\r\n3\r\n{\"i\r\n5\r\nd\":1}\r\n0\r\nX: y\r\n\r\n",
		"until close":   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + answer,
		"HTTP/1.0":      "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + answer,
		"interim first": "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n" + answer,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, policy())
			r.speaks(func(conn net.Conn) { _, _ = io.WriteString(conn, text) })
			r.send(head("GET", "/"))
			r.send(head("GET", "/"))
			f := r.settle()
			require.Equal(t, uint64(2), f.Matched, "%+v %+v", f, f.LastFailure)
		})
	}
}
