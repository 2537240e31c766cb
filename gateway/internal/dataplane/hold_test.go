package dataplane_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
)

const held = "hold: {max_wait: 5s, max_requests: 3}"

func holdRig(t *testing.T, policies string) (r *rig, config func(revision int, owner string) string) {
	old, new := owner(t, echoes("old")), owner(t, echoes("new"))
	config = func(revision int, owner string) string {
		return strings.Replace(twoOwners(revision, old.URL, new.URL, "", policies), "owner: old", "owner: "+owner, 1)
	}
	return newRig(t, config(1, "old")), config
}

// post sends a body and returns status and answer.
func (r *rig) post(body string) (string, error) {
	res, err := r.client.Post(r.url+"/", "text/plain", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", string(text)), err
}

func TestHeldRequestsGoToTheOwnerOfTheNewConfiguration(t *testing.T) {
	r, config := holdRig(t, held)
	gate := r.current.Lasting.Holds.Gate("everything")
	h, err := r.current.Lasting.Holds.Hold([]string{"everything"}, time.Minute)
	require.NoError(t, err)
	answers := make(chan string, 3)
	for _, body := range []string{"short", strings.Repeat("long", 20_000), ""} {
		go func() {
			answer, err := r.post(body)
			answers <- fmt.Sprint(strings.Fields(answer)[:2], err)
		}()
	}
	require.Eventually(t, func() bool { return gate.Figures().Waiting == 3 }, wait, time.Millisecond)
	require.Zero(t, h.InFlight())

	full, err := r.post("one too many")
	require.NoError(t, err)
	require.Contains(t, full, "503")
	require.Contains(t, full, "urn:banyan:problem:held")

	require.NoError(t, r.current.Apply("api", "body", []byte(config(2, "new")), current.Any))
	require.NoError(t, r.current.Lasting.Holds.Release(h.ID))
	for range 3 {
		require.Equal(t, "[200 new] <nil>", <-answers)
	}
	require.Eventually(t, func() bool { return gate.Figures().InFlight == 0 }, wait, time.Millisecond)
}

func TestAHeldRequestThatWaitsTooLongIsToldToComeBack(t *testing.T) {
	r, _ := holdRig(t, "hold: {max_wait: 50ms, max_requests: 3}")
	h, err := r.current.Lasting.Holds.Hold([]string{"everything"}, time.Minute)
	require.NoError(t, err)
	res, body := r.get(t, "/")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	require.Contains(t, body, "Nothing was done")
	require.NoError(t, r.current.Lasting.Holds.Release(h.ID))
	res, _ = r.get(t, "/")
	require.Equal(t, 200, res.StatusCode)
}

func TestAClientThatLeavesWhileHeldIsNotForwarded(t *testing.T) {
	r, _ := holdRig(t, held)
	gate := r.current.Lasting.Holds.Gate("everything")
	h, err := r.current.Lasting.Holds.Hold([]string{"everything"}, time.Minute)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, strings.NewReader("x"))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		res, err := r.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { return gate.Figures().Waiting == 1 }, wait, time.Millisecond)
	cancel()
	require.Error(t, <-failed)
	require.Eventually(t, func() bool { return gate.Figures().Waiting == 0 }, wait, time.Millisecond)
	require.NoError(t, r.current.Lasting.Holds.Release(h.ID))
	require.Zero(t, r.replica().Figures().Requests)
}

// The hand-over in small: writers under load, and the owner changes many times while
// held. No write fails, and none arrives at an owner that isn't the one of the moment.
// There are many more writers than processors, so that some sleep between the look at
// the configuration and the gate.
func TestMovingUnderLoadLosesNothing(t *testing.T) {
	var owns atomic.Pointer[string]
	var strays, writes atomic.Int64
	writer := func(name string) http.HandlerFunc {
		return func(_ http.ResponseWriter, _ *http.Request) {
			writes.Add(1)
			if *owns.Load() != name {
				strays.Add(1)
			}
		}
	}
	names := [2]string{"old", "new"}
	old, new := owner(t, writer("old")), owner(t, writer("new"))
	config := func(revision int, owner string) string {
		return strings.Replace(twoOwners(revision, old.URL, new.URL, "", "hold: {max_wait: 30s, max_requests: 1000}"), "owner: old", "owner: "+owner, 1)
	}
	owns.Store(&names[0])
	r := newRig(t, config(1, "old"))
	stop := make(chan struct{})
	var running sync.WaitGroup
	var acknowledged, failed atomic.Int64
	for range 64 {
		running.Go(func() {
			for !isClosed(stop) {
				if answer, err := r.post("write"); err != nil || !strings.HasPrefix(answer, "200") {
					failed.Add(1)
					continue
				}
				acknowledged.Add(1)
			}
		})
	}
	for range 4 { // take processors away from those under way
		running.Go(func() {
			for !isClosed(stop) {
				runtime.Gosched()
			}
		})
	}
	for i := range 100 {
		before := acknowledged.Load()
		require.Eventually(t, func() bool { return acknowledged.Load() > before+8 }, wait, 50*time.Microsecond)
		h, err := r.current.Lasting.Holds.Hold([]string{"everything"}, hold.Longest)
		require.NoError(t, err)
		require.Zero(t, h.Drained(context.Background()))
		to := names[(i+1)%2]
		owns.Store(&to)
		require.NoError(t, r.current.Apply("api", "body", []byte(config(i+2, to)), current.Any))
		require.NoError(t, r.current.Lasting.Holds.Release(h.ID))
	}
	close(stop)
	running.Wait()
	require.Zero(t, failed.Load())
	require.Zero(t, strays.Load())
	require.Equal(t, acknowledged.Load(), writes.Load())
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A client that has closed its side is taken for gone. It may still read, and must
// not be told that its write was done.
func TestAHalfClosedClientIsToldNothing(t *testing.T) {
	r, _ := holdRig(t, held)
	h, err := r.current.Lasting.Holds.Hold([]string{"everything"}, time.Minute)
	require.NoError(t, err)
	c := r.raw(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	text, err := io.ReadAll(c.r)
	require.NoError(t, err)
	require.Empty(t, string(text))
	require.NoError(t, r.current.Lasting.Holds.Release(h.ID))
	require.Zero(t, r.replica().Figures().Requests)
}
