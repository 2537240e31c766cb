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

// model is a breaker as one would write it down: a list of what happened, and no
// care for speed or concurrency.
type model struct {
	config.Breaker
	state      resilience.State
	generation int
	until      time.Duration
	left, good int
	seen       []verdict
}

type verdict struct {
	tick   int64
	failed bool
}

func (m *model) enter(s resilience.State, now time.Duration) {
	m.state, m.generation, m.until = s, m.generation+1, now+m.OpenFor
	m.left, m.good, m.seen = resilience.Trials, 0, nil
}

func (m *model) admit(now time.Duration) bool {
	if m.state == resilience.Open && now >= m.until {
		m.enter(resilience.HalfOpen, now)
	}
	switch m.state {
	case resilience.Open:
		return false
	case resilience.HalfOpen:
		if now >= m.until {
			m.until, m.left = now+m.OpenFor, resilience.Trials
		}
		if m.left == 0 {
			return false
		}
		m.left--
	}
	return true
}

func (m *model) done(generation int, now time.Duration, o resilience.Outcome) {
	switch {
	case generation != m.generation:
	case m.state == resilience.HalfOpen && o == resilience.Failed:
		m.enter(resilience.Open, now)
	case m.state == resilience.HalfOpen && o == resilience.Unknown:
		m.left = min(m.left+1, resilience.Trials)
	case m.state == resilience.HalfOpen:
		if m.good++; m.good == resilience.Trials {
			m.enter(resilience.Closed, now)
		}
	case o != resilience.Unknown:
		m.seen = append(m.seen, verdict{int64(now / (m.Within / 10)), o == resilience.Failed})
		if o == resilience.Failed && m.tooMany() {
			m.enter(resilience.Open, now)
		}
	}
}

func (m *model) tooMany() bool {
	all, failed := 0, 0
	for _, v := range m.seen {
		if v.tick <= m.seen[len(m.seen)-1].tick-10 {
			continue
		}
		all++
		if v.failed {
			failed++
		}
	}
	return all >= m.Of && failed*100 >= m.Errors*all
}

func (m *model) report(now time.Duration) resilience.State {
	if m.state == resilience.Open && now >= m.until {
		return resilience.HalfOpen
	}
	return m.state
}

type underWay struct {
	pass       resilience.Pass
	generation int
}

func TestTheBreakerIsItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		settings := config.Breaker{
			Errors: rapid.IntRange(1, 100).Draw(rt, "errors"), Of: rapid.IntRange(1, 12).Draw(rt, "of"),
			Within: time.Second, OpenFor: 500 * time.Millisecond,
		}
		m := &model{Breaker: settings, state: resilience.Closed}
		g := guard(config.Owner{Name: "a", Breaker: &settings})
		var now time.Duration
		var held []underWay
		done := func(rt *rapid.T, o resilience.Outcome) {
			if len(held) == 0 {
				rt.Skip("nothing in flight")
			}
			i := rapid.IntRange(0, len(held)-1).Draw(rt, "which")
			g.Done(held[i].pass, t0.Add(now), o)
			m.done(held[i].generation, now, o)
			held = append(held[:i], held[i+1:]...)
		}
		admit := func(rt *rapid.T) {
			pass, err := g.Admit(t0.Add(now))
			require.Equal(rt, m.admit(now), err == nil, "admitted")
			if err == nil {
				held = append(held, underWay{pass, m.generation})
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"admit": admit, "admit again": admit,
			"answered": func(rt *rapid.T) { done(rt, resilience.Answered) },
			"failed":   func(rt *rapid.T) { done(rt, resilience.Failed) },
			"unknown":  func(rt *rapid.T) { done(rt, resilience.Unknown) },
			"advance": func(rt *rapid.T) {
				now += time.Duration(rapid.IntRange(1, 600).Draw(rt, "ms")) * time.Millisecond
			},
			"": func(rt *rapid.T) {
				f := g.Figures(t0.Add(now))
				require.Equal(rt, m.report(now), f.Breaker)
				require.EqualValues(rt, len(held), f.InFlight)
				if m.state != resilience.Closed {
					require.Equal(rt, t0.Add(m.until), f.Until)
				}
			},
		})
	})
}

var swift = config.Breaker{Errors: 50, Of: 4, Within: time.Second, OpenFor: time.Second}

func TestOpenHalfOpenClosed(t *testing.T) {
	g := guard(config.Owner{Name: "a", Breaker: &swift})
	for range 4 {
		failOnce(t, g, t0)
	}
	_, err := g.Admit(t0)
	require.ErrorIs(t, err, resilience.ErrOpen)
	require.Equal(t, time.Second, g.RetryIn(t0))
	now := t0.Add(time.Second)
	var trials []resilience.Pass
	for range resilience.Trials {
		pass, err := g.Admit(now)
		require.NoError(t, err)
		trials = append(trials, pass)
	}
	_, err = g.Admit(now)
	require.ErrorIs(t, err, resilience.ErrOpen, "trials are few")
	g.Done(trials[0], now, resilience.Unknown)
	trials[0], err = g.Admit(now)
	require.NoError(t, err, "a trial that told nothing is made again")
	for _, pass := range trials {
		require.Equal(t, resilience.HalfOpen, g.Figures(now).Breaker)
		g.Done(pass, now, resilience.Answered)
	}
	f := g.Figures(now)
	require.Equal(t, resilience.Closed, f.Breaker)
	require.EqualValues(t, 1, f.Opened)
	require.Zero(t, f.InFlight)
	require.Zero(t, g.RetryIn(now))
}

func TestWhatWasSentBeforeSaysNothingAboutNow(t *testing.T) {
	g := guard(config.Owner{Name: "a", Breaker: &swift})
	late, err := g.Admit(t0)
	require.NoError(t, err)
	for range 4 {
		failOnce(t, g, t0)
	}
	now := t0.Add(time.Second)
	trial, err := g.Admit(now)
	require.NoError(t, err)
	g.Done(late, now, resilience.Failed)
	require.Equal(t, resilience.HalfOpen, g.Figures(now).Breaker)
	g.Done(trial, now, resilience.Failed)
	require.Equal(t, resilience.Open, g.Figures(now).Breaker, "one failed trial opens again")
}

func TestAClockThatLagsForgetsNothing(t *testing.T) {
	g := guard(config.Owner{Name: "a", Breaker: &swift})
	now := t0.Add(10 * swift.Within)
	for range 3 {
		failOnce(t, g, now)
	}
	pass, err := g.Admit(now)
	require.NoError(t, err)
	g.Done(pass, t0, resilience.Answered) // out of the window, in the same bucket
	failOnce(t, g, now)
	require.Equal(t, resilience.Open, g.Figures(now).Breaker)
}

func TestTrialsThatHangDontKeepOthersAwayForEver(t *testing.T) {
	g := guard(config.Owner{Name: "a", Breaker: &swift})
	for range 4 {
		failOnce(t, g, t0)
	}
	now := t0.Add(time.Second)
	var passes []resilience.Pass
	for range 2 {
		for range resilience.Trials {
			pass, err := g.Admit(now)
			require.NoError(t, err)
			passes = append(passes, pass)
		}
		_, err := g.Admit(now)
		require.ErrorIs(t, err, resilience.ErrOpen)
		now = now.Add(swift.OpenFor)
	}
	for _, pass := range passes[:resilience.Trials] {
		g.Judge(pass, now, resilience.Answered)
	}
	f := g.Figures(now)
	require.Equal(t, resilience.Closed, f.Breaker, "an owner slower than open_for recovers too")
	require.EqualValues(t, 2*resilience.Trials, f.InFlight, "judged, not gone")
}

func TestOneOfManyAtOnceOpensTheBreaker(t *testing.T) {
	const workers = 16
	g := guard(config.Owner{Name: "a", Breaker: &swift})
	var wg sync.WaitGroup
	var trials atomic.Int64
	now := t0
	for round := 1; round <= 50; round++ {
		for range workers {
			wg.Go(func() {
				pass, err := g.Admit(now)
				if err != nil {
					return
				}
				trials.Add(1)
				g.Done(pass, now, resilience.Failed)
			})
		}
		wg.Wait()
		f := g.Figures(now)
		require.Equal(t, resilience.Open, f.Breaker)
		require.EqualValues(t, round, f.Opened)
		require.Zero(t, f.InFlight)
		if round > 1 {
			require.LessOrEqual(t, trials.Load(), int64(resilience.Trials))
		}
		trials.Store(0)
		now = now.Add(swift.OpenFor)
	}
}

func TestABusyBucketKeepsItsProportion(t *testing.T) {
	settings := config.Breaker{Errors: 50, Of: 20, Within: time.Hour, OpenFor: time.Second}
	g := guard(config.Owner{Name: "a", Breaker: &settings})
	for range 3 << 20 {
		pass, err := g.Admit(t0)
		require.NoError(t, err)
		g.Done(pass, t0, resilience.Answered)
	}
	failed := 0
	for ; g.Figures(t0).Breaker == resilience.Closed && failed < 4<<20; failed++ {
		failOnce(t, g, t0)
	}
	require.Greater(t, failed, 250_000, "three million good answers must not be forgotten")
	require.Less(t, failed, 4<<20)
}
