package resilience_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
)

// ledger is a retry budget as lists of what happened.
type ledger struct {
	config.Retries
	requests, shared, all []time.Duration
	tokens                float64 // of the floor
	at                    time.Duration
}

func within(list []time.Duration, now time.Duration) int {
	n := 0
	for _, at := range list {
		if at/time.Second > now/time.Second-10 {
			n++
		}
	}
	return n
}

func (l *ledger) mayRetry(now time.Duration) bool {
	l.tokens = min(l.tokens+float64(l.MinPerSecond)*(now-l.at).Seconds(), float64(l.MinPerSecond))
	l.at = now
	switch {
	case l.Budget == 0:
		return false
	case l.tokens >= 1-1e-6:
		l.tokens--
	case (within(l.shared, now)+1)*100 <= within(l.requests, now)*l.Budget:
		l.shared = append(l.shared, now)
	default:
		return false
	}
	l.all = append(l.all, now)
	return true
}

func TestTheBudgetIsItsLedger(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		settings := config.Retries{
			Budget:       rapid.SampledFrom([]int{0, 1, 20, 50, 100, 250}).Draw(rt, "budget"),
			MinPerSecond: rapid.SampledFrom([]int{0, 1, 2, 10}).Draw(rt, "floor"),
		}
		g := guard(config.Owner{Name: "a", Retries: settings})
		l := &ledger{Retries: settings, tokens: float64(settings.MinPerSecond)}
		var now time.Duration
		rt.Repeat(map[string]func(*rapid.T){
			"requests": func(rt *rapid.T) {
				for range rapid.IntRange(1, 30).Draw(rt, "n") {
					pass, err := g.Admit(t0.Add(now))
					require.NoError(rt, err)
					g.Done(pass, t0.Add(now), resilience.Failed)
					l.requests = append(l.requests, now)
				}
			},
			"retries": func(rt *rapid.T) {
				for range rapid.IntRange(1, 30).Draw(rt, "n") {
					require.Equal(rt, l.mayRetry(now), g.MayRetry(t0.Add(now)))
				}
			},
			"advance": func(rt *rapid.T) {
				now += time.Duration(rapid.IntRange(1, 4000).Draw(rt, "ms")) * time.Millisecond
			},
			"": func(rt *rapid.T) {
				require.LessOrEqual(rt, float64(len(l.all)), float64(len(l.requests)*settings.Budget)/100+float64(settings.MinPerSecond)*(now.Seconds()+1))
				require.LessOrEqual(rt, within(l.all, now)-within(l.shared, now), settings.MinPerSecond*11, "of the floor")
				require.EqualValues(rt, len(l.all), g.Figures(t0).Retries)
			},
		})
	})
}

func TestManyAtOnceGetNoMoreThanTheBudget(t *testing.T) {
	const requests, share, floor = 1000, 20, 10
	g := guard(config.Owner{Name: "a", Retries: config.Retries{Budget: share, MinPerSecond: floor}})
	for range requests {
		pass, err := g.Admit(t0)
		require.NoError(t, err)
		g.Done(pass, t0, resilience.Failed)
	}
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 100 {
				if g.MayRetry(t0) {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, allowed.Load(), int64(requests*share/100+floor))
	for g.MayRetry(t0) {
		allowed.Add(1)
	}
	require.EqualValues(t, requests*share/100+floor, allowed.Load(), "what one refused, the next may have")
	require.EqualValues(t, allowed.Load(), g.Figures(t0).Retries)
}

func TestNoRetryIntoAnOpenBreaker(t *testing.T) {
	g := guard(config.Owner{
		Name: "a", Retries: config.Retries{Budget: 100, MinPerSecond: 10},
		Breaker: &config.Breaker{Errors: 1, Of: 1, Within: time.Second, OpenFor: time.Second},
	})
	require.True(t, g.MayRetry(t0))
	failOnce(t, g, t0)
	require.False(t, g.MayRetry(t0))
	require.True(t, g.MayRetry(t0.Add(time.Second)), "a trial may be retried")
	f := g.Figures(t0)
	require.EqualValues(t, 2, f.Retries)
	require.EqualValues(t, 1, f.RetriesRefused)
}
