package resilience_test

import (
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is where the clocks of these tests begin.
var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func guard(owner config.Owner) *resilience.Guard {
	g := resilience.NewGuards().Open(owner)
	g.BeginAt(t0)
	return g
}

func TestTheBulkheadNeverExceedsItsLimitAndReturnsToZero(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(rt, "limit")
		g := guard(config.Owner{Name: "a", MaxInFlight: limit})
		var held []resilience.Pass
		var full uint64
		rt.Repeat(map[string]func(*rapid.T){
			"admit": func(rt *rapid.T) {
				pass, err := g.Admit(t0)
				if len(held) == limit {
					full++
					require.ErrorIs(rt, err, resilience.ErrFull)
					return
				}
				require.NoError(rt, err)
				held = append(held, pass)
			},
			"done": func(rt *rapid.T) {
				if len(held) == 0 {
					rt.Skip("nothing in flight")
				}
				g.Done(held[0], t0, rapid.SampledFrom([]resilience.Outcome{resilience.Unknown, resilience.Answered, resilience.Failed}).Draw(rt, "outcome"))
				held = held[1:]
			},
			"": func(rt *rapid.T) {
				f := g.Figures(t0)
				require.EqualValues(rt, len(held), f.InFlight)
				require.EqualValues(rt, limit, f.MaxInFlight)
				require.Equal(rt, full, f.Full)
			},
		})
		for _, pass := range held {
			g.Done(pass, t0, resilience.Answered)
		}
		require.Zero(rt, g.Figures(t0).InFlight)
	})
}

func TestTheBulkheadHoldsForManyAtOnce(t *testing.T) {
	const limit, workers, rounds = 1, 8, 20_000
	g := guard(config.Owner{Name: "a", MaxInFlight: limit, Breaker: &config.Breaker{Errors: 50, Of: 20, Within: time.Second, OpenFor: time.Second}})
	var inside, most, refused atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				pass, err := g.Admit(t0)
				if err != nil {
					refused.Add(1)
					continue
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				runtime.Gosched() // so that others come while it is full
				inside.Add(-1)
				g.Done(pass, t0.Add(time.Duration(i)*time.Millisecond), resilience.Answered)
			}
		})
	}
	wg.Wait()
	f := g.Figures(t0)
	require.LessOrEqual(t, most.Load(), int64(limit))
	require.Zero(t, f.InFlight)
	require.EqualValues(t, refused.Load(), f.Full)
}

func TestAnOpenBreakerTakesNoPlaceInTheBulkhead(t *testing.T) {
	g := guard(config.Owner{Name: "a", MaxInFlight: 2, Breaker: &config.Breaker{Errors: 1, Of: 1, Within: time.Second, OpenFor: time.Minute}})
	failOnce(t, g, t0)
	for range 3 {
		_, err := g.Admit(t0)
		require.ErrorIs(t, err, resilience.ErrOpen)
	}
	f := g.Figures(t0)
	require.Zero(t, f.InFlight)
	require.EqualValues(t, 3, f.Open)
	require.Zero(t, f.Full)
}

func failOnce(t *testing.T, g *resilience.Guard, now time.Time) {
	t.Helper()
	pass, err := g.Admit(now)
	require.NoError(t, err)
	g.Done(pass, now, resilience.Failed)
}

func TestAGuardOutlivesConfigurations(t *testing.T) {
	guards := resilience.NewGuards()
	breaker := config.Breaker{Errors: 50, Of: 1, Within: time.Second, OpenFor: time.Minute}
	owner := config.Owner{Name: "a", MaxInFlight: 2, Breaker: &breaker}
	first := guards.Open(owner)
	now := time.Now()
	held, err := first.Admit(now)
	require.NoError(t, err)
	failOnce(t, first, now)
	require.Equal(t, resilience.Open, first.Figures(now).Breaker)

	again := breaker
	next := guards.Open(config.Owner{Name: "a", MaxInFlight: 1, Breaker: &again})
	guards.Close(first)
	require.Same(t, first, next)
	f := next.Figures(now)
	require.Equal(t, resilience.Open, f.Breaker, "the same breaker stays open")
	require.EqualValues(t, 1, f.InFlight)
	require.EqualValues(t, 1, f.MaxInFlight)
	require.WithinDuration(t, now.Add(time.Minute), f.Until, time.Second)

	again.OpenFor = time.Hour
	require.Same(t, next, guards.Open(config.Owner{Name: "a", Breaker: &again}))
	require.Equal(t, resilience.Closed, next.Figures(now).Breaker, "another breaker begins closed")
	guards.Open(config.Owner{Name: "a"})
	require.Empty(t, next.Figures(now).Breaker)
	next.Done(held, now, resilience.Failed)
	require.Zero(t, next.Figures(now).InFlight)

	for range 3 {
		guards.Close(next)
	}
	require.NotSame(t, next, guards.Open(owner), "nobody used it any more")
}

func TestOutcomes(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		require.Equal(t, resilience.Failed, resilience.OutcomeOf(status), status)
	}
	for _, status := range []int{200, 304, 404, 421, 429, http.StatusNotImplemented} {
		require.Equal(t, resilience.Answered, resilience.OutcomeOf(status), status)
	}
}
