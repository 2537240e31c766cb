package dataplane_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/shadow"
)

const shadowAll = "shadow: {owner: new, percent: 100, timeout: 30s, queue: 8}"

func (r *rig) shadow() shadow.Figures { return r.current.Snapshot().Routes[0].Shadow.Figures() }

func TestACopyGoesToTheShadowAndIsCompared(t *testing.T) {
	var copies atomic.Int64
	app := func(extra string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Banyan-Shadow") == "1" {
				copies.Add(1)
				require.Empty(t, r.Header.Get("Cookie"), "nobody's credentials")
				require.Empty(t, r.Header.Get("Authorization"))
			}
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/large" { // in pieces
				for range 40 {
					fmt.Fprint(w, "[", strings.Repeat(" ", 2000), "]"[:0])
				}
				return
			}
			fmt.Fprintf(w, `{"path": %q, "extra": %q}`, r.URL.RequestURI(), extra)
		}
	}
	old, new := owner(t, app("")), owner(t, app("x"))
	r := newRig(t, twoOwners(1, old.URL, new.URL, "", shadowAll))
	res, body := r.get(t, "/a?b=c", "Cookie", "banyan_session=secret", "Authorization", "Bearer secret")
	require.Equal(t, "old/o0", res.Header.Get("X-Served-By"))
	require.JSONEq(t, `{"path": "/a?b=c", "extra": ""}`, body)
	require.Eventually(t, func() bool { return r.shadow().Mismatched == 1 }, wait, time.Millisecond)
	differences := r.current.Snapshot().Routes[0].Shadow.Mismatches()
	require.Len(t, differences, 1)
	require.Contains(t, fmt.Sprintf("%+v", differences[0]), "/extra")

	r.get(t, "/large")
	require.Eventually(t, func() bool { return r.shadow().Matched == 1 }, wait, time.Millisecond)
	require.Equal(t, int64(2), copies.Load())

	res, err := r.client.Post(r.url+"/a", "text/plain", strings.NewReader("write"))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	require.Equal(t, uint64(2), r.shadow().Sent, "a write is never copied")
}

func TestAShadowThatHangsOrIsGoneDisturbsNobody(t *testing.T) {
	old := owner(t, seen("old"))
	proceed := make(chan struct{})
	hanging := owner(t, func(http.ResponseWriter, *http.Request) { <-proceed })
	r := newRig(t, twoOwners(1, old.URL, hanging.URL, "", shadowAll))
	t.Cleanup(func() { close(proceed) })
	for range 50 {
		res, _ := r.get(t, "/")
		require.Equal(t, 200, res.StatusCode)
	}
	f := r.shadow()
	require.LessOrEqual(t, f.Pending, int64(8), "the queue is bounded")
	require.GreaterOrEqual(t, f.Dropped, uint64(42), "what has no place is dropped and counted")

	gone := owner(t, seen("new"))
	gone.Close()
	r = newRig(t, twoOwners(1, old.URL, gone.URL, "", shadowAll))
	for range 5 {
		res, _ := r.get(t, "/")
		require.Equal(t, 200, res.StatusCode)
	}
	require.Eventually(t, func() bool { return r.shadow().Failed == 5 }, wait, time.Millisecond)
	require.Zero(t, r.shadow().Mismatched)
}
