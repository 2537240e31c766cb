package transfer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership/handover"
	"banyan.dev/strangler/internal/ramp"
)

// cutting is a way to a gateway that loses the answers of a kind of request, after they
// were done there.
type cutting struct {
	*httptest.Server
	holds atomic.Bool  // those of holds are lost
	lists atomic.Int64 // how many more of lists are
	lost  atomic.Int64
}

func (r *rig) cutting(g *gateway) *cutting {
	r.t.Helper()
	target, err := url.Parse(g.admin)
	require.NoError(r.t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	transport := &http.Transport{}
	proxy.Transport = transport
	c := &cutting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/api/holds" && (q.Method == http.MethodPost && c.holds.Load() || q.Method == http.MethodGet && c.lists.Add(-1) >= 0) {
			proxy.ServeHTTP(httptest.NewRecorder(), q)
			c.lost.Add(1)
			panic(http.ErrAbortHandler) // closes the connection without a word
		}
		proxy.ServeHTTP(w, q)
	}))
	r.t.Cleanup(func() { c.Close(); transport.CloseIdleConnections() })
	return c
}

// TestAHoldWhoseAnswerIsLostIsFoundByItsLabel: it would last to its end, and nobody would
// release it.
func TestAHoldWhoseAnswerIsLostIsFoundByItsLabel(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	way := r.cutting(r.gateways[0])
	way.holds.Store(true)
	h, err := r.gates(r.fleet(way.URL)).Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, []bool{true, true}, r.held())
	require.EqualValues(t, 1, way.lost.Load())
	require.NoError(t, h.Settle(t.Context(), time.Second))
	require.NoError(t, h.Release(t.Context()))
	require.Equal(t, []bool{false, false}, r.held())
}

// TestAHoldThatIsNotFoundAtOnceIsLookedForInTheEnd: the gateway was away for a moment.
func TestAHoldThatIsNotFoundAtOnceIsLookedForInTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	way := r.cutting(r.gateways[0])
	way.holds.Store(true)
	way.lists.Store(1)
	gates := r.gates(r.fleet(way.URL))
	h, err := gates.Hold(t.Context(), 20*time.Second)
	require.NoError(t, err, "it is left out, as one that is silent")
	require.Equal(t, []bool{true, true}, r.held())
	require.NoError(t, h.Release(t.Context()))
	require.Equal(t, []bool{false, false}, r.held())
}

// TestAHoldThatFailsLeavesNothing: also where an answer was lost before another gateway
// refused.
func TestAHoldThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	way := r.cutting(r.gateways[0])
	way.holds.Store(true)
	way.lists.Store(1)
	second := r.fleet()
	other, err := second.Hold(t.Context(), r.gateways[1].admin, []string{"notes"}, 20*time.Second)
	require.NoError(t, err)
	_, err = r.gates(r.fleet(way.URL)).Hold(t.Context(), 20*time.Second)
	require.ErrorIs(t, err, handover.ErrHeld)
	require.EqualValues(t, 2, way.lost.Load())
	require.Equal(t, []bool{false, true}, r.held(), "the other's hold is the other's")
	require.NoError(t, second.Release(t.Context(), other))
}

// TestTheSecondOfTwoToolsHoldsNothing: gateways are asked in one order.
func TestTheSecondOfTwoToolsHoldsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	first, err := r.gates(r.fleet()).Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	_, err = r.gates(r.fleet()).Hold(t.Context(), 20*time.Second)
	require.ErrorIs(t, err, handover.ErrHeld)
	require.NoError(t, first.Release(t.Context()))
	require.Equal(t, []bool{false, false}, r.held())
	require.NoError(t, first.Release(t.Context()), "a hold that has ended is no error")
}

// TestEachHoldHasALabelOfItsOwn: by it the one is not taken for the other.
func TestEachHoldHasALabelOfItsOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	fleet := r.fleet()
	labels := map[string]bool{}
	for range 2 {
		one, err := fleet.Hold(t.Context(), r.gateways[0].admin, []string{"notes"}, 20*time.Second)
		require.NoError(t, err)
		found, there, err := fleet.Find(t.Context(), &ramp.LostHold{Gateway: one.Gateway, Label: one.Label})
		require.NoError(t, err)
		require.True(t, there)
		require.Equal(t, one.ID, found.ID)
		require.NoError(t, fleet.Release(t.Context(), one))
		labels[one.Label] = true
	}
	require.Len(t, labels, 2)
	_, there, err := fleet.Find(t.Context(), &ramp.LostHold{Gateway: r.gateways[0].admin, Label: "nobody's"})
	require.NoError(t, err)
	require.False(t, there)
}

// TestWhatADeadToolHeldIsForgotten: by who knows that there is no other.
func TestWhatADeadToolHeldIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	_, err := r.gates(r.fleet()).Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, []bool{true, true}, r.held())
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	answered := make(chan error, 1)
	go func() { _, err := r.writes(ctx, r.gateways[0]); answered <- err }()
	require.Eventually(t, func() bool {
		s := r.fleet().Ask(t.Context(), readyWithin)[0]
		route, err := s.Route("notes")
		return s.Err == nil && err == nil && route.Hold.HeldTotal == 1
	}, soon, often, "a write waits")
	require.NoError(t, r.gates(r.fleet()).Forget(t.Context()))
	require.NoError(t, <-answered)
	require.Equal(t, []bool{false, false}, r.held())
	require.NoError(t, r.gates(r.fleet()).Forget(t.Context()), "nothing is held")
}

// TestSettlingTellsWhatTakesLongerFromAGatewayThatDoesNotSay: the one is waited for in
// vain, and of the other nobody knows.
func TestSettlingTellsWhatTakesLongerFromAGatewayThatDoesNotSay(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answered := make(chan error, 1)
	go func() { _, err := r.writes(ctx, r.gateways[0], "?lingers"); answered <- err }()
	<-r.lingers // behind the gate
	h, err := r.gates(r.fleet()).Hold(t.Context(), 20*time.Second)
	require.NoError(t, err)
	err = h.Settle(t.Context(), time.Millisecond)
	require.ErrorIs(t, err, handover.ErrUnderWay)
	require.ErrorContains(t, err, ": 1 at "+r.gateways[0].admin+" after 1ms")
	leave()
	require.ErrorIs(t, <-answered, context.Canceled)
	require.NoError(t, h.Settle(t.Context(), soon), "it is under way no more")

	r.gateways[0].kill()
	err = h.Settle(t.Context(), time.Millisecond)
	require.Error(t, err)
	require.NotErrorIs(t, err, handover.ErrUnderWay)
}
