package upstream_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/upstream"
)

// piped runs a test under its own clock, with a Conn and what is behind it.
func piped(t *testing.T, test func(t *testing.T, c *upstream.Conn, owner net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		here, owner := net.Pipe()
		defer here.Close()
		defer owner.Close()
		test(t, upstream.Over(here), owner)
	})
}

func answers(t *testing.T, c *upstream.Conn, owner net.Conn, after time.Duration) {
	t.Helper()
	go func() {
		time.Sleep(after)
		_, _ = owner.Write([]byte("x"))
	}()
	n, err := c.Read(make([]byte, 8))
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestAReadEndsAtItsDeadline(t *testing.T) {
	for name, before := range map[string]time.Duration{"at once": 0, "a moment later": 30 * time.Millisecond, "much later": time.Hour} {
		t.Run(name, func(t *testing.T) {
			piped(t, func(t *testing.T, c *upstream.Conn, owner net.Conn) {
				c.SetDeadline(time.Now().Add(time.Minute))
				answers(t, c, owner, time.Millisecond)
				time.Sleep(before) // the deadline of the read before is still ahead, or over
				for _, d := range []time.Duration{time.Millisecond, 250 * time.Millisecond, 3 * time.Second} {
					until := time.Now().Add(d)
					c.SetDeadline(until)
					_, err := c.Read(make([]byte, 8))
					require.ErrorIs(t, err, upstream.ErrDeadline)
					require.ErrorIs(t, c.Err(), upstream.ErrDeadline)
					require.Equal(t, until, time.Now())
				}
				c.SetDeadline(time.Now().Add(time.Minute))
				answers(t, c, owner, 30*time.Second)
			})
		})
	}
}

func TestADeadlineMayMoveWhileAReadWaits(t *testing.T) {
	piped(t, func(t *testing.T, c *upstream.Conn, _ net.Conn) {
		begun := time.Now()
		c.SetDeadline(begun.Add(time.Second))
		go func() {
			time.Sleep(900 * time.Millisecond)
			c.SetDeadline(begun.Add(5 * time.Second))
		}()
		_, err := c.Read(make([]byte, 8))
		require.ErrorIs(t, err, upstream.ErrDeadline)
		require.Equal(t, begun.Add(5*time.Second), time.Now())
	})
}

func TestSilenceBoundsEachRead(t *testing.T) {
	piped(t, func(t *testing.T, c *upstream.Conn, owner net.Conn) {
		c.SetSilence(time.Second)
		for range 5 {
			answers(t, c, owner, 900*time.Millisecond)
		}
		_, err := c.Read(make([]byte, 8))
		require.ErrorIs(t, err, upstream.ErrDeadline)
	})
}

func TestTheClientIsLookedAfterWhileAnAnswerIsLate(t *testing.T) {
	piped(t, func(t *testing.T, c *upstream.Conn, owner net.Conn) {
		var looks []time.Duration
		var begun time.Time
		c.Gone = func() bool {
			looks = append(looks, time.Since(begun))
			return len(looks) > 4
		}
		for range 1000 {
			answers(t, c, owner, time.Millisecond)
		}
		require.Empty(t, looks, "answers in time cost no look")
		begun = time.Now()
		_, err := c.Read(make([]byte, 8))
		require.ErrorIs(t, err, upstream.ErrGone)
		require.Len(t, looks, 5)
		require.GreaterOrEqual(t, looks[0], 100*time.Millisecond)
		require.LessOrEqual(t, looks[0], 200*time.Millisecond)
		for i, want := range []time.Duration{200, 400, 800, 1000} {
			require.Equal(t, want*time.Millisecond, looks[i+1]-looks[i])
		}

		looks = nil
		go func() {
			time.Sleep(2 * time.Second)
			_, _ = owner.Write([]byte("x"))
		}()
		_, err = c.Read(make([]byte, 8))
		require.NoError(t, err)
		looks, begun = make([]time.Duration, 4), time.Now()
		_, err = c.Read(make([]byte, 8))
		require.ErrorIs(t, err, upstream.ErrGone)
		require.LessOrEqual(t, looks[4], 200*time.Millisecond, "after a late answer the first look is early again")
	})
}

func TestAWriteTakesItsTimeAndNoMore(t *testing.T) {
	piped(t, func(t *testing.T, c *upstream.Conn, owner net.Conn) {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
		var got bytes.Buffer
		var paused atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for b := make([]byte, 1); ; {
				if _, err := owner.Read(b); err != nil {
					return
				}
				got.Write(b)
				if paused.Load() {
					time.Sleep(800 * time.Millisecond)
				}
			}
		}()
		_, err := c.Write([]byte("first"))
		require.NoError(t, err)
		time.Sleep(900 * time.Millisecond)
		paused.Store(true)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Second)))
		n, err := c.Write([]byte("second"))
		require.NoError(t, err, "the first write's deadline passes within the second write")
		require.Equal(t, 6, n)
		synctest.Wait()
		require.Equal(t, "firstsecond", got.String())

		until := time.Now().Add(2 * time.Second)
		require.NoError(t, c.SetWriteDeadline(until))
		n, err = c.Write([]byte("third"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Positive(t, n)
		require.Less(t, n, 5)
		require.Equal(t, until, time.Now())
		require.NoError(t, owner.Close())
		<-done
	})
}

func TestADeadOwnerEndsAReadWithItsOwnError(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	here, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	owner, err := ln.Accept()
	require.NoError(t, err)
	require.NoError(t, owner.Close())
	c := upstream.Over(here)
	defer c.Discard()
	_, err = c.Read(make([]byte, 8))
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, c.Err(), io.EOF)
	require.False(t, c.Received())
}

// BenchmarkExchange is what a request costs on a kept connection without HTTP, with
// an owner that echoes.
func BenchmarkExchange(b *testing.B) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, struct{ io.Reader }{conn}) }()
		}
	}()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		c, out, in := upstream.Over(conn), make([]byte, 256), make([]byte, 4096)
		for pb.Next() {
			until := time.Now().Add(30 * time.Second)
			c.SetDeadline(until)
			if err := c.SetWriteDeadline(until); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Write(out); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Read(in); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
