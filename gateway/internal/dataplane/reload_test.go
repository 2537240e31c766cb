package dataplane_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
)

func TestReloadsUnderLoadFailNoRequest(t *testing.T) {
	a, b := owner(t, echoes("a")), owner(t, echoes("b"))
	config := func(revision int, urls ...string) string {
		return strings.Replace(oneOwner("", urls...), "revision: 1", fmt.Sprintf("revision: %d", revision), 1)
	}
	r := newRig(t, config(1, a.URL))
	var requests atomic.Int64
	stop, failed := make(chan struct{}), make(chan string, 8)
	for i := range 8 {
		go func() {
			for {
				select {
				case <-stop:
					failed <- ""
					return
				default:
				}
				method, body := "GET", io.Reader(nil)
				if i%2 == 1 {
					method, body = "POST", io.LimitReader(&pattern{}, 20_000)
				}
				req, err := http.NewRequest(method, r.url, body)
				if err != nil {
					failed <- err.Error()
					return
				}
				res, err := r.client.Do(req)
				if err != nil {
					failed <- err.Error()
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err != nil || res.StatusCode != 200 {
					failed <- fmt.Sprint(res.Status, err)
					return
				}
				requests.Add(1)
			}
		}()
	}
	sets := [][]string{{a.URL}, {b.URL}, {a.URL, b.URL}, {b.URL, a.URL}}
	for i := range 200 {
		require.NoError(t, r.current.Apply("api", "body", []byte(config(i+2, sets[i%len(sets)]...)), current.Any))
		before := requests.Load()
		require.Eventually(t, func() bool { return requests.Load() > before || len(failed) > 0 }, wait, 50*time.Microsecond)
	}
	close(stop)
	for range 8 {
		require.Empty(t, <-failed)
	}
	require.Equal(t, int64(201), r.current.Snapshot().Revision)
}

func TestARequestInFlightKeepsItsConfiguration(t *testing.T) {
	begun, proceed := make(chan struct{}), make(chan struct{})
	old := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-proceed
		_, _ = io.CopyN(w, &pattern{}, 1<<20)
	})
	next := owner(t, echoes("new"))
	r := newRig(t, oneOwner("", old.URL))
	got := make(chan string, 1)
	go func() {
		res, err := r.client.Get(r.url)
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		n, err := io.Copy(io.Discard, res.Body)
		got <- fmt.Sprint(n, err)
	}()
	<-begun
	require.NoError(t, r.current.Apply("api", "body", []byte(strings.Replace(oneOwner("", next.URL), "revision: 1", "revision: 2", 1)), current.Any))
	_, body := r.get(t, "/")
	require.Contains(t, body, "new")
	close(proceed)
	require.Equal(t, fmt.Sprint(1<<20, nil), <-got)
}

func TestDrainLetsRequestsEndAndClosesTheRest(t *testing.T) {
	begun, proceed := make(chan struct{}), make(chan struct{})
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-proceed
		}
		fmt.Fprint(w, "done")
	})
	r := newRig(t, oneOwner("", app.URL))
	idle, slow := r.raw(t), r.raw(t)
	idle.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	res, _ := idle.answer("GET")
	require.False(t, res.Close)
	slow.send("GET /slow HTTP/1.1\r\nHost: blog\r\n\r\n")
	<-begun

	r.drained = true
	drained := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	r.server.BeginDrain()
	idle.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	res, _ = idle.answer("GET")
	require.True(t, res.Close, "a request on a kept connection is the last one there")
	idle.closed()
	go func() { drained <- r.server.Drain(ctx) }()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, wait, time.Millisecond, "nothing more is accepted")
	close(proceed)
	res, body := slow.answer("GET")
	require.Equal(t, "done", body)
	require.True(t, res.Close)
	require.NoError(t, <-drained)
}

func TestADrainIsBounded(t *testing.T) {
	app := owner(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	r := newRig(t, oneOwner("", app.URL))
	conn := r.raw(t)
	conn.send("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	_, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	r.drained = true
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	require.ErrorIs(t, r.server.Drain(ctx), context.DeadlineExceeded)
	require.Less(t, time.Since(began), 5*time.Second)
	require.NoError(t, conn.Close())
}
