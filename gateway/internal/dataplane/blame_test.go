//go:build unix

package dataplane_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALateOwnerCountsAsItsFailure(t *testing.T) {
	app := owner(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r := newRig(t, oneOwner("timeout: 100ms", app.URL))
	res, _ := r.get(t, "/")
	require.Equal(t, 504, res.StatusCode)
	require.EqualValues(t, 1, r.replica().Figures().Failures)
	require.True(t, r.replica().Healthy())
}

// A request with little time says nothing about a replica that takes a little
// longer to accept.
func TestADialThatRunsOutOfTheRequestsTimeTakesNobodyOut(t *testing.T) {
	r := newRig(t, strings.Replace(oneOwner("timeout: 100ms", crowded(t)), "interval: 50ms, timeout: 1s", "interval: 1m, timeout: 1m", 1))
	res, body := r.get(t, "/")
	require.Equal(t, 504, res.StatusCode, body)
	require.True(t, r.replica().Healthy(), r.replica().Verdict().Reason)
	require.Zero(t, r.replica().Figures().Failures)
}

func TestAnInterimAnswerThatNobodyTakesIsTheClientsFault(t *testing.T) {
	begun, left := make(chan struct{}), make(chan struct{})
	url := rawOwner(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		close(begun)
		<-left
		_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
		_, _ = r.ReadByte()
	})
	r := newRig(t, oneOwner("", url))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	<-begun
	require.NoError(t, conn.Conn.(*net.TCPConn).SetLinger(0)) // a reset: the next write fails
	require.NoError(t, conn.Close())
	close(left)
	idle(t, r)
	require.Zero(t, r.replica().Figures().Failures)
}

// crowded is a URL where connections are neither accepted nor refused: the queue of
// those that wait to be accepted is full.
func crowded(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for {
		conn, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			return "http://" + addr
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}
