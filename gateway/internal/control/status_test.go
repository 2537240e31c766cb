package control_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/resilience"
)

const migrating = `revision: 4
owners:
  monolith:
    max_in_flight: 2
    breaker: {errors: 50, of: 2, within: 10s, open_for: 50s}
    topology: {path: /who}
    replicas: [{name: m0, url: %q}]
  comments: {address: "http://127.0.0.1:9"}
routes:
  - name: read
    match: {path: "/a/*", methods: [GET]}
    owner: monolith
    canary: {owner: comments, percent: 2.5, by: "header:X-Team"}
    shadow: {owner: comments, percent: 10}
  - {match: {path: "/*"}, owner: monolith}
`

func (r *rig) status(t *testing.T) status.Status {
	t.Helper()
	_, body := r.do(t, "GET", "/api/status", "")
	var told status.Status
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	return told
}

func TestTheStatusTellsEachSide(t *testing.T) {
	r := newRig(t, "")
	require.NoError(t, r.current.Apply("file", "f", fmt.Appendf(nil, migrating, "http://127.0.0.1:1"), current.Any))
	live := r.current.Snapshot().Routes[0]
	for range 3 {
		live.Baseline.Answered(200, 2*time.Millisecond)
	}
	live.Canary.Answered(500, 20*time.Millisecond)
	live.Canary.Answered(200, time.Minute)
	live.Baseline.Limited()

	told := r.status(t)
	read := told.Routes[0]
	require.Equal(t, "read", read.Name)
	require.EqualValues(t, 5, read.Requests)
	require.EqualValues(t, 1, read.Errors)
	require.InDelta(t, 2.5, read.P50, 0)
	require.Zero(t, read.P99, "a minute is beyond the last bound")
	require.EqualValues(t, 1, read.RateLimited)
	require.Equal(t, &status.Canary{Owner: "comments", Percent: 2.5, By: "header:X-Team", Salt: "comments"}, read.Canary)
	require.InDelta(t, 10, read.Shadow.Percent, 0)

	require.Len(t, read.Sides, 2)
	baseline, canary := read.Sides[0], read.Sides[1]
	require.Equal(t, []any{"monolith", status.Baseline, 97.5}, []any{baseline.Owner, baseline.Role, baseline.Share})
	require.Equal(t, []any{"comments", status.Canaried, 2.5}, []any{canary.Owner, canary.Role, canary.Share})
	require.EqualValues(t, 3, baseline.Requests)
	require.Zero(t, baseline.Errors)
	require.EqualValues(t, 2, canary.Requests)
	require.EqualValues(t, 1, canary.Errors)
	require.Len(t, canary.Latency, len(told.LatencyBounds)+1)
	require.EqualValues(t, 2, canary.Latency[len(canary.Latency)-1])
	require.EqualValues(t, 1, canary.Latency[len(canary.Latency)-2])

	rest := told.Routes[1]
	require.Len(t, rest.Sides, 1)
	require.InDelta(t, 100, rest.Sides[0].Share, 0)
	require.Nil(t, rest.Canary)
	require.Nil(t, rest.Shadow)
}

func TestTheStatusTellsWhatProtectsAnOwner(t *testing.T) {
	r := newRig(t, "")
	require.NoError(t, r.current.Apply("file", "f", fmt.Appendf(nil, migrating, "http://127.0.0.1:1"), current.Any))
	guard := r.current.Snapshot().Table.Owners[1].Guard
	for range 2 {
		pass, err := guard.Admit(time.Now())
		require.NoError(t, err)
		guard.Judge(pass, time.Now(), resilience.Failed)
	}
	_, err := guard.Admit(time.Now())
	require.Error(t, err)
	monolith := r.status(t).Owners[1]
	require.Equal(t, []any{"monolith", int64(2), 2, uint64(1)}, []any{monolith.Name, monolith.InFlight, monolith.MaxInFlight, monolith.Rejected})
	require.Equal(t, status.Open, monolith.Breaker.State)
	require.WithinDuration(t, time.Now().Add(50*time.Second), *monolith.Breaker.Until, wait)
	guard.Leave()
	guard.Leave()
	require.Nil(t, r.status(t).Owners[0].Breaker, "comments has none")
}

func TestTheStatusTellsWhatOwnersUse(t *testing.T) {
	r := newRig(t, "")
	who := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/who" {
			fmt.Fprint(w, `{"version": "v9", "uses": [{"kind": "redis", "name": "cache"}, {"kind": "kafka", "name": "events", "topics": ["t"]}]}`)
		}
	}))
	t.Cleanup(who.Close)
	require.NoError(t, r.current.Apply("file", "f", fmt.Appendf(nil, migrating, who.URL), current.Any))
	require.Eventually(t, func() bool { return len(r.control.Status().Owners[1].Uses) > 0 }, wait, 10*time.Millisecond)
	monolith := r.status(t).Owners[1]
	require.Equal(t, []status.Use{{Kind: "kafka", Name: "events", Topics: []string{"t"}}, {Kind: "redis", Name: "cache"}}, monolith.Uses)
	require.Equal(t, "v9", monolith.Replicas[0].Version)
}

func TestTheStatusRemembersRevisions(t *testing.T) {
	r := newRig(t, "secret")
	require.Error(t, r.current.Apply("file", "gateway.yaml", []byte("nonsense"), current.Any))
	require.NoError(t, r.current.Apply("file", "f", fmt.Appendf(nil, migrating, "http://127.0.0.1:1"), current.Any))
	code, body := r.steer(t, "read", "5", "*")
	require.Equal(t, 200, code, body)
	history := r.status(t).History
	require.Len(t, history, 4)
	require.Equal(t, "api", history[0].Source)
	require.EqualValues(t, 5, history[0].Revision)
	require.Contains(t, strings.Join(history[0].What, "\n"), "read: monolith 95 %, comments 5 %")
	require.Contains(t, history[2].Refused, "must be a mapping")
	require.EqualValues(t, 3, history[3].Revision)
}

func TestDifferencesAreAsked(t *testing.T) {
	r := newRig(t, "")
	require.NoError(t, r.current.Apply("file", "f", fmt.Appendf(nil, migrating, "http://127.0.0.1:1"), current.Any))
	for _, route := range []string{"read", "/*"} {
		res, body := r.do(t, "GET", "/api/routes/"+url.PathEscape(route)+"/differences", "")
		require.Equal(t, 200, res.StatusCode)
		require.JSONEq(t, fmt.Sprintf(`{"route": %q, "differences": []}`, route), body)
		res, body = r.do(t, "GET", "/_strangler/differences/"+url.PathEscape(route), "")
		require.Equal(t, 200, res.StatusCode)
		require.Contains(t, body, "None is kept.")
	}
	res, _ := r.do(t, "GET", "/api/routes/nowhere/differences", "")
	require.Equal(t, 404, res.StatusCode)
}
