package hold_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/hold"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bounds = config.Hold{MaxWait: time.Second, MaxRequests: 2}

func TestAHeldRequestWaitsAndGoesOnAtTheRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := hold.New(prometheus.NewRegistry())
		gate := gates.Gate("writes")
		require.True(t, gate.Enter(), "an open gate lets through")
		gate.Leave()

		h, err := gates.Hold([]string{"writes"}, 10*time.Second)
		require.NoError(t, err)
		require.False(t, gate.Enter())
		done := make(chan error, 1)
		go func() { done <- gate.Wait(bounds, nil) }()
		synctest.Wait()
		require.Equal(t, int64(1), gate.Figures().Waiting)
		require.Zero(t, h.InFlight(), "who waits is not in flight")

		time.Sleep(300 * time.Millisecond) // of the bubble's clock
		require.NoError(t, gates.Release(h.ID))
		require.NoError(t, <-done)
		require.Equal(t, int64(1), gate.Figures().InFlight, "Wait counts as Enter does")
		gate.Leave()
		require.Equal(t, hold.Figures{HeldTotal: 1}, gate.Figures())
		require.ErrorIs(t, gates.Release(h.ID), hold.ErrUnknown)
	})
}

func TestWaitingIsBoundedInTimeAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := hold.New(prometheus.NewRegistry())
		gate := gates.Gate("writes")
		h, err := gates.Hold([]string{"writes"}, 10*time.Second)
		require.NoError(t, err)
		results := make(chan error, 3)
		for range 2 {
			go func() { results <- gate.Wait(bounds, nil) }()
		}
		synctest.Wait()
		require.ErrorIs(t, gate.Wait(bounds, nil), hold.ErrFull, "the third is one too many")
		begun := time.Now()
		require.ErrorIs(t, <-results, hold.ErrLong)
		require.ErrorIs(t, <-results, hold.ErrLong)
		require.Equal(t, time.Second, time.Since(begun))
		require.Equal(t, uint64(3), gate.Figures().Refused)
		require.Equal(t, uint64(2), gate.Figures().HeldTotal)
		require.NoError(t, gates.Release(h.ID))
	})
}

func TestAClientThatLeavesWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := hold.New(prometheus.NewRegistry())
		gate := gates.Gate("writes")
		h, err := gates.Hold([]string{"writes"}, 10*time.Second)
		require.NoError(t, err)
		var left atomic.Bool
		done := make(chan error, 1)
		go func() { done <- gate.Wait(bounds, left.Load) }()
		synctest.Wait()
		left.Store(true)
		require.ErrorIs(t, <-done, hold.ErrGone)
		require.NoError(t, gates.Release(h.ID))
	})
}

func TestAHoldEndsByItselfUnlessItIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gates := hold.New(prometheus.NewRegistry())
		gate := gates.Gate("writes")
		h, err := gates.Hold([]string{"writes"}, time.Second)
		require.NoError(t, err)
		time.Sleep(900 * time.Millisecond)
		_, err = gates.Renew(h.ID, time.Second)
		require.NoError(t, err)
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		require.False(t, gate.Enter(), "renewed")
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.True(t, gate.Enter(), "its holder is taken for dead")
		gate.Leave()
		_, err = gates.Renew(h.ID, time.Second)
		require.ErrorIs(t, err, hold.ErrUnknown, "requests have passed: the holder must hear it")
	})
}

func TestAHoldIsAllOrNothing(t *testing.T) {
	gates := hold.New(prometheus.NewRegistry())
	first, err := gates.Hold([]string{"b"}, time.Minute)
	require.NoError(t, err)
	_, err = gates.Hold([]string{"a", "b"}, time.Minute)
	require.ErrorIs(t, err, hold.ErrHeld)
	require.EqualError(t, err, `route "b" is held already`)
	require.True(t, gates.Gate("a").Enter(), "nothing is held by a hold that failed")
	for _, lasting := range []time.Duration{0, -1, hold.Longest + 1} {
		_, err = gates.Hold([]string{"c"}, lasting)
		require.ErrorIs(t, err, hold.ErrBounds)
	}
	require.NoError(t, gates.Release(first.ID))
}

func TestDrainedWaitsForThoseWhoPassedBefore(t *testing.T) {
	gates := hold.New(prometheus.NewRegistry())
	gate := gates.Gate("writes")
	require.True(t, gate.Enter())
	h, err := gates.Hold([]string{"writes"}, time.Minute)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.Equal(t, int64(1), h.Drained(ctx))
	drained := make(chan int64)
	go func() { drained <- h.Drained(context.Background()) }()
	gate.Leave()
	require.Zero(t, <-drained)
	gates.Close()
	require.True(t, gate.Enter(), "a gateway that goes away lets everybody through")
}

// After a hold was seen drained, nobody is inside until the release: whatever the
// interleaving. Run with -race.
func TestNobodySlipsThrough(t *testing.T) {
	gates := hold.New(prometheus.NewRegistry())
	gate := gates.Gate("writes")
	var inside atomic.Int64
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if !gate.Enter() && gate.Wait(config.Hold{MaxWait: time.Minute, MaxRequests: 100}, nil) != nil {
					continue
				}
				inside.Add(1)
				inside.Add(-1)
				gate.Leave()
			}
		})
	}
	for range 200 {
		h, err := gates.Hold([]string{"writes"}, time.Minute)
		require.NoError(t, err)
		require.Zero(t, h.Drained(context.Background()))
		for range 100 {
			require.Zero(t, inside.Load())
		}
		require.NoError(t, gates.Release(h.ID))
	}
	close(stop)
	running.Wait()
	require.Zero(t, gate.Figures().InFlight)
}
