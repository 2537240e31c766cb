package shadow_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

func TestABlockedShadowKeepsNobodyWaiting(t *testing.T) {
	const queue = 48
	r := newRig(t, policy(func(p *config.Shadow) { p.Queue = queue }))
	hang := make(chan struct{})
	r.shadow.set(silent(hang))
	for range queue {
		r.send(head("GET", "/")) // were it to wait for the shadow, it would wait for ever
	}
	require.Equal(t, int64(queue), r.route.Figures().Pending)
	for range 10 {
		require.Nil(t, r.route.Sample([]byte("GET")), "there is no place left")
	}
	f := r.route.Figures()
	require.Equal(t, uint64(10), f.Dropped)
	require.Equal(t, int64(queue), f.Pending)
	require.Eventually(t, func() bool { return len(r.shadow.requests()) == 32 }, wait, time.Millisecond)
	r.shadow.set(body(`{"id":1}`))
	close(hang)
	f = r.settle()
	require.Equal(t, uint64(queue), f.Sent)
	require.Equal(t, uint64(queue), f.Matched+f.Mismatched)
}

func TestAHangingShadowIsGivenUpAfterItsTime(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Timeout = 20 * time.Millisecond }))
	hang := make(chan struct{})
	defer close(hang)
	r.shadow.set(silent(hang))
	r.send(head("GET", "/"))
	f := r.settle()
	require.Equal(t, uint64(1), f.Failed)
	require.Contains(t, f.LastFailure.Reason, "did not answer within its deadline")
	require.True(t, r.shadow.replica().Healthy())
	require.Zero(t, r.shadow.replica().InFlight())

	drip := func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		silent(hang)(w, req)
	}
	r.shadow.set(drip)
	r.send(head("GET", "/"))
	require.Equal(t, uint64(2), r.settle().Failed, "a body that doesn't end counts too")
}

func TestADeadShadowFailsAndTakesNobodyOut(t *testing.T) {
	r := newRig(t, policy())
	dead := r.dead()
	replica := dead.Pick()
	failures := replica.Figures().Failures
	r.route = r.engine.Open("dead", policy(), dead, r.baseline)
	r.send(head("GET", "/"))
	f := r.settle()
	require.Equal(t, uint64(1), f.Failed)
	require.Contains(t, f.LastFailure.Reason, "connect to dead/r1")
	require.Equal(t, failures, replica.Figures().Failures)

	r.route = r.engine.Open("none", policy(), nobody{}, r.baseline)
	r.send(head("GET", "/"))
	f = r.settle()
	require.Equal(t, uint64(1), f.Failed)
	require.Contains(t, f.LastFailure.Reason, "no replica")
}

// silent is how the tests keep an owner waiting.
func silent(until <-chan struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-until:
		case <-r.Context().Done():
		}
	}
}

func TestCloseBreaksOffWhatIsUnderWay(t *testing.T) {
	r := newRig(t, policy())
	hang := make(chan struct{})
	defer close(hang)
	r.shadow.entered = make(chan struct{}, 99)
	r.shadow.set(silent(hang))
	for range 40 { // more than are under way at once
		r.send(head("GET", "/"))
	}
	<-r.shadow.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, r.engine.Close(ctx), context.Canceled)
	require.NoError(t, r.engine.Close(context.Background()))
	require.Nil(t, r.route.Sample([]byte("GET")))
	f := r.settle()
	require.Equal(t, uint64(40), f.Dropped)
	require.Zero(t, f.Failed)
}

func TestACopySubmittedAfterCloseIsDropped(t *testing.T) {
	r := newRig(t, policy())
	c := r.client(head("GET", "/"))
	require.NoError(t, r.engine.Close(context.Background()))
	c.Submit()
	require.Equal(t, uint64(1), r.settle().Dropped)
}
