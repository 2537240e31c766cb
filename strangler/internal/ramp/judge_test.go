package ramp

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bounds are those of the gateway's buckets, in milliseconds.
var bounds = []float64{.5, 1, 1.5, 2.5, 4, 6, 10, 15, 25, 40, 60, 100, 150, 250, 400, 600, 1000, 1500, 2500, 5000, 10000, 30000}

// owner answers requests at random: latencies are spread as those of web
// applications are, with a long tail.
type owner struct {
	median float64 // ms
	spread float64 // of the logarithm
	errors float64
}

func (o owner) answer(s *Side, n int, rng *rand.Rand) {
	if s.Latency == nil {
		s.Latency = make([]uint64, len(bounds)+1)
	}
	for range n {
		took := o.median * math.Exp(o.spread*rng.NormFloat64())
		s.Requests++
		if rng.Float64() < o.errors {
			s.Errors++
		}
		for i, b := range bounds {
			if took <= b {
				s.Latency[i]++
			}
		}
		s.Latency[len(bounds)]++
	}
}

// watched is a whole ramp over five shares, looked at thirty times at each; it
// tells at which share and look it was stopped, 0 if not.
func watched(l Limits, baseline, canary owner, perLook int, rng *rand.Rand) (shareNumber, look int) {
	for shareNumber, part := range []float64{.01, .05, .25, .5, .75} {
		var b, c Side
		for look := 1; look <= 30; look++ {
			toCanary := 0
			for range perLook {
				if rng.Float64() < part {
					toCanary++
				}
			}
			canary.answer(&c, toCanary, rng)
			baseline.answer(&b, perLook-toCanary, rng)
			if l.Judge(Look{look, 5}, bounds, b, c, Shadow{}).Worse {
				return shareNumber + 1, look
			}
		}
	}
	return 0, 0
}

// The promise of FalseAlarms, measured: ramps of a canary that is the same as the
// baseline, each looked at 150 times.
func TestEqualSidesAreAlmostNeverToldApart(t *testing.T) {
	owners := map[string]owner{
		"fast":             {median: 2, spread: .5},
		"slow with a tail": {median: 40, spread: 1.2},
		"failing a little": {median: 20, spread: .8, errors: .02},
		"all alike":        {median: 50, spread: .002}, // at a bound
		"rarely asked":     {median: 8, spread: .7, errors: .01},
	}
	const ramps = 500
	l := Defaults()
	for name, o := range owners {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			perLook := 100
			if name == "rarely asked" {
				perLook = 10
			}
			stopped := 0
			for seed := range uint64(ramps) {
				if at, _ := watched(l, o, o, perLook, rand.New(rand.NewPCG(seed, 1))); at > 0 {
					stopped++
				}
			}
			t.Logf("%d of %d ramps were stopped", stopped, ramps)
			// 5 are allowed; 14 or more would come once in a thousand.
			require.Less(t, stopped, 14)
		})
	}
}

// The other half of the promise: what is worse is found, and soon.
func TestAWorseCanaryIsFound(t *testing.T) {
	good := owner{median: 20, spread: .6, errors: .001}
	worse := map[string]struct {
		canary owner
		looks  int // at the latest, at the share of 1 % of 10 000 requests a look
	}{
		"5 % errors":      {owner{median: 20, spread: .6, errors: .05}, 5},
		"every second":    {owner{median: 20, spread: .6, errors: .5}, 1},
		"doubled latency": {owner{median: 40, spread: .6, errors: .001}, 2},
		"a longer tail":   {owner{median: 20, spread: 1.1, errors: .001}, 8},
	}
	for name, c := range worse {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			latest := 0
			for seed := range uint64(50) {
				share, look := watched(Defaults(), good, c.canary, 10_000, rand.New(rand.NewPCG(seed, 2)))
				require.Equal(t, 1, share, "seed %d", seed)
				latest = max(latest, look)
			}
			t.Logf("found after %d looks of 100 canary requests at the latest", latest)
			require.LessOrEqual(t, latest, c.looks)
		})
	}
}

// What is worse for sure but not by enough to matter goes on.
func TestWhatDoesNotMatterIsLetPass(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	var b, c Side
	owner{median: 20, spread: .5, errors: .0100}.answer(&b, 1_000_000, rng)
	owner{median: 21, spread: .5, errors: .0108}.answer(&c, 1_000_000, rng)
	v := Defaults().Judge(Look{1, 1}, bounds, b, c, Shadow{})
	require.Less(t, v.Findings[0].P, 1e-6)
	require.Less(t, v.Findings[2].P, 1e-6)
	require.Empty(t, v.Why())
	require.True(t, v.Enough)

	var fast, slower Side
	owner{median: .6, spread: .1}.answer(&fast, 1000, rng)
	owner{median: 3, spread: .1}.answer(&slower, 1000, rng)
	require.False(t, Defaults().Judge(Look{1, 1}, bounds, fast, slower, Shadow{}).Worse, "five times nothing is nothing")
	l := Defaults()
	l.Floor = time.Millisecond
	require.True(t, l.Judge(Look{1, 1}, bounds, fast, slower, Shadow{}).Worse)
}

func TestAFewRequestsThatAllFailAreEnough(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 4))
	var b, c Side
	owner{median: 20, spread: .5}.answer(&b, 500, rng)
	owner{median: 20, spread: .5, errors: 1}.answer(&c, 3, rng)
	v := Defaults().Judge(Look{1, 5}, bounds, b, c, Shadow{})
	require.True(t, v.Worse)
	require.False(t, v.Enough)
	require.Contains(t, v.Why()[0], "the canary fails 100 % of 3 requests, the baseline 0 % of 500")
}

func TestErrorsThatBothHaveStopTheRampFromALimitOn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 5))
	var b, c Side
	broken := owner{median: 20, spread: .5, errors: .3}
	broken.answer(&b, 1000, rng)
	broken.answer(&c, 1000, rng)
	v := Defaults().Judge(Look{1, 5}, bounds, b, c, Shadow{})
	require.True(t, v.Worse)
	require.Contains(t, v.Why()[0], "where 5 % is bearable")
	l := Defaults()
	l.MaxErrors = 1
	require.False(t, l.Judge(Look{1, 5}, bounds, b, c, Shadow{}).Worse)
}

func TestMismatchesCount(t *testing.T) {
	judge := func(most float64, s Shadow) Verdict {
		l := Defaults()
		l.MaxMismatch = most
		return l.Judge(Look{1, 5}, bounds, Side{}, Side{}, s)
	}
	require.False(t, judge(0, Shadow{Matched: 1000, Failed: 10}).Worse)
	v := judge(0, Shadow{Matched: 999, Mismatched: 1})
	require.True(t, v.Worse)
	require.Equal(t, []string{"in the shadow 1 of 1000 answers differ from the baseline's; 0 % may"}, v.Why())
	require.False(t, judge(.01, Shadow{Matched: 99, Mismatched: 1}).Worse, "that is 1 %, as far as one can tell")
	require.True(t, judge(.01, Shadow{Matched: 90, Mismatched: 10}).Worse)
}

// The tail of the hypergeometric distribution, against its sum by the definition.
func TestTheExactTestIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of, otherOf := rapid.Uint64Range(1, 60).Draw(t, "of"), rapid.Uint64Range(1, 60).Draw(t, "otherOf")
		marked, otherMarked := rapid.Uint64Range(0, of).Draw(t, "marked"), rapid.Uint64Range(0, otherOf).Draw(t, "otherMarked")
		want := 0.0
		for x := marked; x <= min(marked+otherMarked, of); x++ {
			y := marked + otherMarked - x
			if y <= otherOf {
				want += math.Exp(choose(float64(of), float64(x)) + choose(float64(otherOf), float64(y)) - choose(float64(of+otherOf), float64(marked+otherMarked)))
			}
		}
		got := atRandom(marked, of, otherMarked, otherOf)
		if float64(marked)*float64(otherOf) <= float64(otherMarked)*float64(of) {
			want = 1
		}
		if math.Abs(got-want) > 1e-9 {
			t.Fatalf("%d of %d against %d of %d: %g, not %g", marked, of, otherMarked, otherOf, got, want)
		}
	})
	// Fisher's tea: all four cups right, 1 in 70.
	require.InDelta(t, 1.0/70, atRandom(4, 4, 0, 4), 1e-12)
	require.Less(t, atRandom(5000, 100_000, 40_000, 1_000_000), 1e-20, "large counts neither overflow nor take long")
}

func TestTheBinomialTailIsExact(t *testing.T) {
	require.InDelta(t, 1.0/1024, moreThan(.5, 10, 10), 1e-12)
	require.InDelta(t, 11.0/1024, moreThan(.5, 9, 10), 1e-12)
	// The interval of Clopper and Pearson for 10 of 100 begins at 4.90 %: there the
	// tail is 2.5 %.
	require.InDelta(t, .025, moreThan(.0490046, 10, 100), 1e-5)
	require.Equal(t, 1.0, moreThan(.05, 5, 100))
	require.Zero(t, moreThan(0, 1, 1_000_000))
	require.Less(t, moreThan(.05, 80_000, 1_000_000), 1e-20)
}
