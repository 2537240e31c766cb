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

func TestAwait(t *testing.T) {
	here, there := pair(t)
	require.True(t, sock.CanAwait(here))
	require.Equal(t, sock.Quiet, sock.Await(here, time.Now().Add(10*time.Millisecond)), "the deadline ends it")
	found := make(chan sock.State)
	go func() { found <- sock.Await(here, time.Now().Add(time.Minute)) }()
	_, err := there.Write([]byte("x"))
	require.NoError(t, err)
	require.Equal(t, sock.Data, <-found)
	require.Equal(t, sock.Data, sock.Await(here, time.Now().Add(time.Minute)), "waiting takes nothing away")
	require.NoError(t, here.SetReadDeadline(time.Time{}))
	_, err = here.Read(make([]byte, 1))
	require.NoError(t, err)

	go func() { found <- sock.Await(here, time.Now().Add(time.Minute)) }()
	require.NoError(t, there.Close())
	require.Equal(t, sock.Closed, <-found)

	here, _ = pair(t)
	go func() { found <- sock.Await(here, time.Time{}) }()
	require.NoError(t, here.Close())
	require.Equal(t, sock.Closed, <-found, "closing on this side ends it")
}

func TestLookWhereItCannotBeAsked(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	require.Equal(t, sock.Unknown, sock.Look(a))
	require.False(t, sock.CanAwait(a))
	require.Equal(t, sock.Unknown, sock.Await(a, time.Now()))
}
