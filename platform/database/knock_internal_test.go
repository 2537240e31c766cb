package database

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// swallowing is a network that drops the first packets of whoever dials, for a while, as
// one does whose policies don't know the address yet. A dropped attempt hears nothing; TCP
// would send it again after a second.
type swallowing struct {
	until time.Time
	tried atomic.Int32
}

func (s *swallowing) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.tried.Add(1)
	wait := time.Duration(0)
	if time.Now().Before(s.until) {
		wait = time.Second
	}
	if err := pause(ctx, wait); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	far.Close()
	return near, nil
}

func TestAHostThatStartsKnocksAgainWhileItsPacketsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		network := &swallowing{until: begin.Add(450 * time.Millisecond)}
		k := &knocker{dial: network.dial}
		conn, err := k.open(t.Context(), "tcp", "postgres:5432")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Equal(t, 500*time.Millisecond, time.Since(begin)) // the first knock after it
		require.EqualValues(t, 6, network.tried.Load())
	})
}

func TestOnceReachedADatabaseIsDialledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		network := &swallowing{until: begin.Add(450 * time.Millisecond)}
		k := &knocker{dial: network.dial}
		k.reached.Store(true)
		conn, err := k.open(t.Context(), "tcp", "postgres:5432")
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.EqualValues(t, 1, network.tried.Load())
	})
}

func TestOfSeveralAnsweredKnocksOneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		far := func(ctx context.Context, _, _ string) (net.Conn, error) { // 250 ms away, however little one waits
			time.Sleep(250 * time.Millisecond)
			near, other := net.Pipe()
			other.Close()
			open.Add(1)
			return counted{near, &open}, nil
		}
		conn, err := (&knocker{dial: far}).open(t.Context(), "tcp", "postgres:5432")
		require.NoError(t, err)
		time.Sleep(time.Second)
		require.EqualValues(t, 1, open.Load())
		require.NoError(t, conn.Close())
	})
}

// counted is a connection that tells when it is closed.
type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestARefusalIsAnAnswer(t *testing.T) {
	refused := errors.New("refused")
	k := &knocker{dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	_, err := k.open(t.Context(), "tcp", "postgres:5432")
	require.ErrorIs(t, err, refused)
}

func TestWhoHasNoTimeLeftStopsKnocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &swallowing{until: time.Now().Add(time.Hour)}
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		_, err := (&knocker{dial: network.dial}).open(ctx, "tcp", "postgres:5432")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 3, network.tried.Load())
	})
}
