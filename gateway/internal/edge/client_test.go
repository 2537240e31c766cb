package edge_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// endless answers without an end, until nobody takes it.
func endless(left *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			return // a probe
		}
		defer left.Add(1)
		for chunk := make([]byte, 32<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

func dial(t *testing.T, addr, protocol string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}) //nolint:gosec // its own certificate
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestClientsThatReadNothingAreCut(t *testing.T) {
	var left atomic.Int64
	limits := generous
	limits.WriteStall = 200 * time.Millisecond
	r := newRigWith(t, endless(&left), limits)
	for range 20 {
		_, err := io.WriteString(dial(t, r.addr, "http/1.1"), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return left.Load() == 20 }, wait, time.Millisecond)
}

// They read their connection, and take nothing of their streams.
func TestStreamsThatNobodyReadsAreCut(t *testing.T) {
	var left atomic.Int64
	limits := generous
	limits.WriteStall = 200 * time.Millisecond
	r := newRigWith(t, endless(&left), limits)
	for range 20 {
		res, err := r.h2.Get("https://" + r.addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	require.Eventually(t, func() bool { return left.Load() == 20 }, wait, time.Millisecond)
}

// An owner that says nothing for a while is not a client that takes nothing.
func TestASilentStreamStays(t *testing.T) {
	limits := generous
	limits.WriteStall = 50 * time.Millisecond
	r := newRigWith(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 2 {
			fmt.Fprintln(w, "data")
			_ = http.NewResponseController(w).Flush()
			<-time.After(4 * limits.WriteStall)
		}
	}, limits)
	r.both(t, func(t *testing.T, c *http.Client) {
		_, body := ask(t, c, "GET", "https://"+r.addr, "")
		require.Equal(t, "data\ndata\n", body)
		_, body = ask(t, c, "GET", "https://"+r.addr, "")
		require.Equal(t, "data\ndata\n", body, "over the same connection")
	})
}

func TestThereAreNoMoreConnectionsThanAllowed(t *testing.T) {
	limits := generous
	limits.Connections = 2
	r := newRigWith(t, func(http.ResponseWriter, *http.Request) {}, limits)
	served := func(c *tls.Conn) bool {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	}
	first, second := dial(t, r.addr, "http/1.1"), dial(t, r.addr, "http/1.1")
	require.True(t, served(first))
	require.True(t, served(second))
	_, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own certificate
	require.Error(t, err)
	require.True(t, served(second), "those that were there stay")
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool {
		c, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // its own certificate
		if err != nil {
			return false
		}
		defer c.Close()
		return served(c)
	}, wait, 5*time.Millisecond)
}
