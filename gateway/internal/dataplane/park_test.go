package dataplane_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

// Parked connections are as good as others.
func TestParkedConnectionsServeAgain(t *testing.T) {
	r := newRig(t, oneOwner("", reflector(t)))
	never, once, gone := r.raw(t), r.raw(t), r.raw(t)
	once.ask(get + "\r\n")
	gone.ask(get + "\r\n")
	parked := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return r.server.Parked() == n }, wait, time.Millisecond)
	}
	parked(3)
	require.NoError(t, gone.Close())
	parked(2)
	require.Eventually(t, func() bool { return r.server.Open() == 2 }, wait, time.Millisecond)
	for range 2 {
		for _, conn := range []*raw{never, once} {
			_, head := conn.ask(post + "Content-Length: 0\r\n\r\n")
			require.Contains(t, head, "POST / HTTP/1.1\r\n")
			_, head = conn.ask(get + "X-Again: 1\r\n\r\n")
			require.Contains(t, head, "X-Again: 1\r\n")
		}
		parked(2)
	}
	// A request in pieces wakes it too.
	go trickle(never, get+"\r\n", 5, time.Millisecond)
	res, _ := never.answer("GET")
	require.Equal(t, 200, res.StatusCode)
}

func TestParkedConnectionsEndWithTheirTimeAndWithTheGateway(t *testing.T) {
	limits := dataplane.DefaultLimits()
	limits.Idle = 1200 * time.Millisecond
	r := newRigWith(t, oneOwner("", reflector(t)), limits)
	conn := r.raw(t)
	conn.ask(get + "\r\n")
	require.Eventually(t, func() bool { return r.server.Parked() == 1 }, wait, time.Millisecond)
	conn.closed()

	conn = r.raw(t)
	require.Eventually(t, func() bool { return r.server.Parked() == 1 }, wait, time.Millisecond)
	r.server.BeginDrain()
	res, _ := conn.ask(get + "\r\n")
	require.Equal(t, 200, res.StatusCode, "a request on its way when the drain begins is answered")
	require.True(t, res.Close)
	conn.closed()

	conn = r.raw(t)
	require.Eventually(t, func() bool { return r.server.Parked() == 1 }, wait, time.Millisecond)
	r.drained = true
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	require.NoError(t, r.server.Drain(ctx))
	conn.closed()
	require.Zero(t, r.server.Open())
}
