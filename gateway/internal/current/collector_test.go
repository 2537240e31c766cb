package current_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
)

const withCanary = `
owners:
  old: {max_in_flight: 1, replicas: [{name: r0, url: "http://127.0.0.1:1"}]}
  new: {replicas: [{name: r0, url: "http://127.0.0.1:1"}]}
routes: [{name: all, match: {path: "/*"}, owner: old, canary: {owner: new, percent: 12.5, by: user}}]
`

func TestTheStateInForceIsTold(t *testing.T) {
	c := holder(t)
	require.Zero(t, testutil.CollectAndCount(c), "nothing is in force yet")
	require.NoError(t, c.Apply("file", "f", []byte(withCanary), current.Any))
	guard := c.Snapshot().Table.Owners[1].Guard
	require.Equal(t, "old", c.Snapshot().Table.Owners[1].Name)
	_, err := guard.Admit(time.Now())
	require.NoError(t, err)
	_, err = guard.Admit(time.Now())
	require.Error(t, err)
	h, err := c.Holds().Hold([]string{"all"}, time.Minute)
	require.NoError(t, err)
	require.NoError(t, testutil.CollectAndCompare(c, strings.NewReader(`
# HELP gateway_owner_in_flight_requests Requests that an owner has at the moment.
# TYPE gateway_owner_in_flight_requests gauge
gateway_owner_in_flight_requests{owner="new"} 0
gateway_owner_in_flight_requests{owner="old"} 1
# HELP gateway_owner_rejected_total Requests that an owner was spared: it was full, or its breaker open.
# TYPE gateway_owner_rejected_total counter
gateway_owner_rejected_total{owner="new",reason="full"} 0
gateway_owner_rejected_total{owner="new",reason="open"} 0
gateway_owner_rejected_total{owner="old",reason="full"} 1
gateway_owner_rejected_total{owner="old",reason="open"} 0
# HELP gateway_route_share The part of a route's clients that an owner answers, 0 to 1.
# TYPE gateway_route_share gauge
gateway_route_share{owner="new",route="all"} 0.125
gateway_route_share{owner="old",route="all"} 0.875
# HELP gateway_hold_waiting_requests Requests that wait because their route is held.
# TYPE gateway_hold_waiting_requests gauge
gateway_hold_waiting_requests{route="all"} 0
`), "gateway_owner_in_flight_requests", "gateway_owner_rejected_total", "gateway_route_share", "gateway_hold_waiting_requests"))
	require.NoError(t, c.Holds().Release(h.ID))
	guard.Leave()
}

func TestHistoryTellsWhatChanged(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", []byte("revision: 1\n"+withCanary), current.Any))
	require.Error(t, c.Apply("api", "body", []byte("routes: 1"), current.Any))
	require.NoError(t, c.Apply("api", "body", []byte("revision: 2\n"+strings.Replace(withCanary, "12.5", "25", 1)), 1))
	history := c.History()
	require.Len(t, history, 3)
	require.Equal(t, []string{"all: old 75 %, new 25 %, was old 87.5 %, new 12.5 %"}, history[0].What)
	require.Equal(t, int64(2), history[0].Revision)
	require.NotEmpty(t, history[1].Refused)
	require.Empty(t, history[2].What)
}
