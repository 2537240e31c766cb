package sock_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/sock"
)

func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	there, err = net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	here, err = ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}

func TestLook(t *testing.T) {
	here, there := pair(t)
	require.Equal(t, sock.Quiet, sock.Look(here))
	_, err := there.Write([]byte("x"))
	require.NoError(t, err)
	is := func(s sock.State) func() bool { return func() bool { return sock.Look(here) == s } }
	require.Eventually(t, is(sock.Data), 5*time.Second, time.Millisecond)
	_, err = here.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, sock.Quiet, sock.Look(here), "looking takes nothing away, reading does")
	require.NoError(t, there.Close())
	require.Eventually(t, is(sock.Closed), 5*time.Second, time.Millisecond)
	require.NoError(t, here.Close())
	require.Equal(t, sock.Closed, sock.Look(here))
}

func TestLookWhereItCannotBeAsked(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	require.Equal(t, sock.Unknown, sock.Look(a))
}
