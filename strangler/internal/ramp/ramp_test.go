package ramp

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// field is a route with traffic: a hundred requests each second, of which the
// canary gets its share. It is a Target.
type field struct {
	share      Share
	baseline   owner
	canary     owner
	wrongFrom  Share // from this share on, shadow answers differ; 0 is never
	perSecond  int
	broken     error // of Read
	refuses    Share // of Set
	rng        *rand.Rand
	reading    Reading
	asked      time.Time
	set        []Share
	shadowPart float64
}

func newField(canary owner) *field {
	return &field{
		baseline: owner{median: 20, spread: .6, errors: .001}, canary: canary, perSecond: 100, refuses: -1,
		rng: rand.New(rand.NewPCG(3, 7)), reading: Reading{Gateway: "g", Bounds: bounds}, asked: time.Now(),
	}
}

func (f *field) Share(context.Context) (Share, error) { return f.share, nil }

func (f *field) Set(_ context.Context, s Share) error {
	f.count()
	if s == f.refuses {
		return errors.New("it refuses it: line 3")
	}
	f.share = s
	f.set = append(f.set, s)
	return nil
}

func (f *field) Read(context.Context) ([]Reading, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	f.count()
	r := f.reading
	r.Share = f.share
	r.Baseline.Latency = append([]uint64(nil), r.Baseline.Latency...)
	r.Canary.Latency = append([]uint64(nil), r.Canary.Latency...)
	return []Reading{r}, nil
}

// count lets the requests come that came since it was asked last.
func (f *field) count() {
	n := int(time.Since(f.asked).Seconds() * float64(f.perSecond))
	f.asked = time.Now()
	toCanary := 0
	for range n {
		if f.rng.Float64() < float64(f.share)/float64(Everybody) {
			toCanary++
		}
	}
	f.canary.answer(&f.reading.Canary, toCanary, f.rng)
	f.baseline.answer(&f.reading.Baseline, n-toCanary, f.rng)
	compared := uint64(float64(n) * f.shadowPart)
	if f.wrongFrom > 0 && f.share >= f.wrongFrom {
		f.reading.Shadow.Mismatched += compared
	} else {
		f.reading.Shadow.Matched += compared
	}
}

func good() owner { return owner{median: 20, spread: .6, errors: .001} }

func config(events *[]Event) Config {
	return Config{
		Route: "reads", Shares: []Share{100, 500, 2500, 5000, Everybody}, Hold: 30 * time.Second, Every: time.Second,
		Patience: 5 * time.Minute, TooFew: GoBack, Limits: Defaults(), Watch: func(e Event) { *events = append(*events, e) },
	}
}

// ramped runs a ramp in a time of its own.
func ramped(t *testing.T, begin func() *field, change func(context.CancelFunc, *field, *Config)) (Outcome, *field, []Event) {
	t.Helper()
	var out Outcome
	var f *field
	var events []Event
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f = begin()
		c := config(&events)
		if change != nil {
			change(cancel, f, &c)
		}
		var err error
		out, err = Run(ctx, c, f)
		require.NoError(t, err)
	})
	return out, f, events
}

func TestAGoodCanaryGetsEverything(t *testing.T) {
	out, f, events := ramped(t, func() *field { return newField(good()) }, nil)
	require.Equal(t, Done, out.Result)
	require.Equal(t, []Share{100, 500, 2500, 5000, Everybody}, f.set)
	require.Equal(t, Everybody, out.Now)
	require.Greater(t, out.Baseline.Requests, uint64(1000), "at 100 % it is compared with the shares before")
	require.Equal(t, "reads has 100 %; nothing was worse", events[len(events)-1].Text)
	require.Greater(t, out.Seconds, 5*30.0)
	require.Less(t, out.Seconds, 5*30.0+100, "1 % of 100 requests a second needs 100 s for 100 requests, the others their 30 s")
}

func TestABadCanaryIsTakenBackAtOnce(t *testing.T) {
	for name, canary := range map[string]owner{
		"it fails":   {median: 20, spread: .6, errors: .2},
		"it dawdles": {median: 200, spread: .6, errors: .001},
	} {
		t.Run(name, func(t *testing.T) {
			out, f, events := ramped(t, func() *field { return newField(canary) }, func(_ context.CancelFunc, f *field, c *Config) {
				f.perSecond = 1000
				c.Shares = c.Shares[1:]
			})
			require.Equal(t, Worse, out.Result)
			require.Equal(t, []Share{500, 0}, f.set)
			require.Zero(t, out.Now)
			require.Less(t, out.StoppedAfter, 5.0, "and not at the end of the 30 s")
			require.Contains(t, out.Why, "at 5 %, after")
			require.Equal(t, "reads is back at 0 %", events[len(events)-1].Text)
		})
	}
}

func TestAnAnswerThatDiffersInTheShadowStopsIt(t *testing.T) {
	out, f, _ := ramped(t, func() *field { return newField(good()) }, func(_ context.CancelFunc, f *field, _ *Config) {
		f.shadowPart, f.wrongFrom = .1, 500
	})
	require.Equal(t, Worse, out.Result)
	require.Equal(t, []Share{100, 500, 0}, f.set)
	require.Contains(t, out.Why, "answers differ from the baseline's")
}

func TestTooLittleTrafficIsNoVerdict(t *testing.T) {
	few := func(choice Choice) func(context.CancelFunc, *field, *Config) {
		return func(_ context.CancelFunc, f *field, c *Config) {
			f.perSecond, c.TooFew, c.Patience = 2, choice, time.Minute
		}
	}
	quiet := func() *field { return newField(good()) }
	out, f, _ := ramped(t, quiet, few(GoBack))
	require.Equal(t, TooFew, out.Result)
	require.Equal(t, []Share{100, 0}, f.set)
	require.Contains(t, out.Why, "not enough traffic: the canary answered")
	require.InDelta(t, 90, out.Seconds, 2, "the hold and the patience")

	out, f, _ = ramped(t, quiet, few(Stay))
	require.Equal(t, TooFew, out.Result)
	require.Equal(t, []Share{100}, f.set)
	require.Equal(t, Share(100), out.Now)

	out, f, _ = ramped(t, quiet, few(GoOn))
	require.Equal(t, Done, out.Result)
	require.Len(t, f.set, 5)
}

func TestARampGoesOnFromWhereItWas(t *testing.T) {
	out, f, _ := ramped(t, func() *field { return newField(good()) }, func(_ context.CancelFunc, f *field, _ *Config) { f.share = 2500 })
	require.Equal(t, Done, out.Result)
	require.Equal(t, []Share{5000, Everybody}, f.set)
	require.GreaterOrEqual(t, out.Seconds, 90.0, "the share that was in force is watched first")

	bad := func() *field { return newField(owner{median: 20, spread: .6, errors: .3}) }
	out, f, _ = ramped(t, bad, func(_ context.CancelFunc, f *field, _ *Config) { f.share = 2500 })
	require.Equal(t, Worse, out.Result)
	require.Equal(t, []Share{0}, f.set, "what is bad where it began is not gone back to")
}

func TestStraightToEverybodyGetsToKnowTheBaselineFirst(t *testing.T) {
	bad := func() *field { return newField(owner{median: 20, spread: .6, errors: .03}) }
	out, f, _ := ramped(t, bad, func(_ context.CancelFunc, f *field, c *Config) { c.Shares = []Share{Everybody} })
	require.Equal(t, Worse, out.Result)
	require.Equal(t, []Share{Everybody, 0}, f.set)
	require.GreaterOrEqual(t, out.Baseline.Requests, uint64(2900))
}

func TestGoingDownIsAtOnce(t *testing.T) {
	out, f, _ := ramped(t, func() *field { return newField(good()) }, func(_ context.CancelFunc, f *field, c *Config) {
		f.share, c.Shares = Everybody, []Share{0}
	})
	require.Equal(t, Done, out.Result)
	require.Equal(t, []Share{0}, f.set)
	require.Zero(t, out.Seconds)
}

func TestCtrlCGoesBackOrStays(t *testing.T) {
	for _, stay := range []bool{false, true} {
		out, f, _ := ramped(t, func() *field { return newField(good()) }, func(cancel context.CancelFunc, f *field, c *Config) {
			c.StayWhenInterrupted = stay
			c.Watch = func(e Event) {
				if e.Share == 500 && e.Kind == Looked {
					cancel()
				}
			}
		})
		require.Equal(t, Interrupted, out.Result)
		want := []Share{100, 500, 0}
		if stay {
			want = want[:2]
		}
		require.Equal(t, want, f.set)
		require.Equal(t, want[len(want)-1], out.Now)
	}
}

func TestWhoSeesNothingGoesBack(t *testing.T) {
	out, f, events := ramped(t, func() *field { return newField(good()) }, func(_ context.CancelFunc, f *field, c *Config) {
		watch := c.Watch
		c.Watch = func(e Event) {
			watch(e)
			if e.Share == 500 {
				f.broken = errors.New("connection refused")
			}
		}
	})
	require.Equal(t, Blind, out.Result)
	require.Equal(t, []Share{100, 500, 0}, f.set)
	require.Contains(t, out.Why, "nothing was seen of the canary for 10s: connection refused")
	require.Contains(t, events[len(events)-4].Text, "can't look")
}

func TestSomebodyElsesShareIsLeftAlone(t *testing.T) {
	out, f, _ := ramped(t, func() *field { return newField(good()) }, func(_ context.CancelFunc, f *field, c *Config) {
		c.Watch = func(e Event) {
			if e.Share == 500 && e.Kind == Looked {
				f.share = 700
			}
		}
	})
	require.Equal(t, Changed, out.Result)
	require.Equal(t, []Share{100, 500}, f.set)
	require.Equal(t, Share(700), out.Now)
}

func TestAShareThatIsRefusedIsUndoneAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newField(good())
		f.refuses = 500
		var events []Event
		out, err := Run(t.Context(), config(&events), f)
		require.ErrorContains(t, err, "set reads to 5 %: it refuses it: line 3")
		require.Equal(t, []Share{100, 0}, f.set)
		require.Zero(t, out.Now)
	})
}

func TestAGatewayThatWasStartedAgainCountsFromZero(t *testing.T) {
	side := func(n uint64) Side { return Side{Requests: n, Errors: n / 10, Latency: []uint64{n / 2, n}} }
	reading := func(gateway string, b, c uint64) Reading {
		return Reading{Gateway: gateway, Bounds: []float64{1}, Baseline: side(b), Canary: side(c)}
	}
	w := Begin([]Reading{reading("a", 1000, 100), reading("b", 500, 50)})
	require.NoError(t, w.Add([]Reading{reading("a", 1010, 110), reading("b", 520, 50)}))
	require.NoError(t, w.Add([]Reading{reading("a", 20, 10), reading("b", 520, 50), reading("new", 9000, 900)}))
	require.NoError(t, w.Add([]Reading{reading("a", 20, 10), reading("b", 520, 50), reading("new", 9010, 910)}))
	require.Equal(t, uint64(10+20+20+10), w.Baseline.Requests)
	require.Equal(t, uint64(10+10+10), w.Canary.Requests)
	require.Equal(t, uint64(30), w.Canary.Latency[1])
	require.Error(t, w.Add([]Reading{{Gateway: "a", Bounds: []float64{1, 2}}}))
}
