package lab

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership/handover"
)

// entered lets somebody come to the gate, and says where they went on to.
func entered(f *front) <-chan string {
	to := make(chan string, 1)
	go func() {
		side, _ := f.enter(context.Background())
		to <- side
	}()
	return to
}

func TestAHoldLetsPeopleWaitUntilTheRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &front{route: oldSide}
		require.Equal(t, oldSide, <-entered(f))
		h, err := f.Hold(t.Context(), time.Minute)
		require.NoError(t, err)
		_, err = f.Hold(t.Context(), time.Minute)
		require.ErrorIs(t, err, handover.ErrHeld)

		waits := entered(f)
		synctest.Wait()
		require.Empty(t, waits)
		require.NoError(t, f.Route(t.Context(), newSide, 2))
		require.NoError(t, h.Release(t.Context()))
		require.Equal(t, newSide, <-waits)

		require.ErrorIs(t, f.Route(t.Context(), oldSide, 1), handover.ErrOutrun)
		require.Equal(t, newSide, <-entered(f))
	})
}

func TestAHoldThatNobodyReleasesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &front{route: oldSide}
		h, err := f.Hold(t.Context(), 3*time.Second)
		require.NoError(t, err)
		began := time.Now()
		require.Equal(t, oldSide, <-entered(f))
		require.Equal(t, 3*time.Second, time.Since(began))
		_, err = f.Hold(t.Context(), time.Second)
		require.NoError(t, err)
		require.NoError(t, h.Release(t.Context()), "the first one's release leaves the second alone")
		require.NotNil(t, f.gate)
		synctest.Wait()
		time.Sleep(time.Second)
	})
}

func TestSettleWaitsForThoseWhoHavePassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &front{route: oldSide}
		<-entered(f)
		h, err := f.Hold(t.Context(), time.Minute)
		require.NoError(t, err)
		began := time.Now()
		time.AfterFunc(50*time.Millisecond, f.leave)
		require.NoError(t, h.Settle(t.Context(), time.Second))
		require.Equal(t, 50*time.Millisecond, time.Since(began).Round(10*time.Millisecond))

		require.NoError(t, h.Release(t.Context()))
		<-entered(f)
		began = time.Now()
		require.NoError(t, h.Settle(t.Context(), time.Second))
		require.Equal(t, time.Second, time.Since(began).Round(10*time.Millisecond), "for so long at most")
	})
}
