package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// one is a series of its own, sampled every two seconds from a beginning on.
type one struct {
	window *window
	now    time.Time
}

var someKey = countKey{"side", "route", "owner"}

func (o *one) sample(c counts) {
	o.window.add(o.now, func(yield func(countKey, counts)) { yield(someKey, c) })
	o.now = o.now.Add(sampleEvery)
}

// upTo are counts of n requests, of which every tenth took longer than the second
// bound and failed.
func upTo(n uint64) counts {
	return counts{requests: n, errors: n / 10, latency: []uint64{n / 2, n - n/10, n}}
}

var someBounds = []float64{1, 10}

func TestTheLastMinuteIsToldFromBefore(t *testing.T) {
	o := &one{newWindow(), time.Unix(1000, 0)}
	for i := range uint64(100) { // ten a second at first, then a hundred
		n := 20 * min(i, 69)
		if i > 69 {
			n += 200 * (i - 69)
		}
		o.sample(upTo(n))
	}
	now := o.now.Add(-sampleEvery) // with the last sample
	all := upTo(20*69 + 200*30)
	r := o.window.recent(someKey, now, all, someBounds)
	require.InDelta(t, 60, r.Seconds, 0)
	require.EqualValues(t, 200*30, r.Requests)
	require.EqualValues(t, 20*30, r.Errors)
	require.InDelta(t, 100, r.PerSecond, 0.001)
	require.InDelta(t, 1, r.P50, 0)
	require.Zero(t, r.P99, "beyond the last bound")
}

func TestAYoungSeriesTellsWhatItHas(t *testing.T) {
	o := &one{newWindow(), time.Unix(1000, 0)}
	require.Zero(t, o.window.recent(someKey, o.now, upTo(10), someBounds), "nothing is known before the first sample")
	o.sample(upTo(0))
	begun := o.now.Add(-sampleEvery)
	require.Zero(t, o.window.recent(someKey, begun.Add(10*time.Millisecond), upTo(50), someBounds).PerSecond, "too short to tell")
	r := o.window.recent(someKey, begun.Add(time.Second), upTo(50), someBounds)
	require.InDelta(t, 50, r.PerSecond, 0.001)
	require.InDelta(t, 1, r.Seconds, 0.001)
	o.sample(upTo(100))
	require.InDelta(t, 50, o.window.rate(someKey, begun.Add(4*time.Second), 200), 0.001)
}

func TestARateFollowsWithinSeconds(t *testing.T) {
	o := &one{newWindow(), time.Unix(1000, 0)}
	for i := range uint64(40) {
		o.sample(upTo(20 * i))
	}
	for range rateOver { // held: nothing comes any more
		o.sample(upTo(20 * 39))
	}
	require.Zero(t, o.window.rate(someKey, o.now, 20*39))
	require.NotZero(t, o.window.recent(someKey, o.now, upTo(20*39), someBounds).Requests)
}

func TestWhatIsGoneIsForgotten(t *testing.T) {
	o := &one{newWindow(), time.Unix(1000, 0)}
	o.sample(upTo(100))
	o.window.add(o.now, func(func(countKey, counts)) {})
	require.Empty(t, o.window.series)
	require.Zero(t, o.window.rate(someKey, o.now, 200))
}

func TestPercentilesAreBoundsOfBuckets(t *testing.T) {
	bounds := []float64{1, 2, 4}
	for name, c := range map[string]struct {
		now, before []uint64
		share, want float64
	}{
		"nothing":            {nil, nil, .5, 0},
		"nothing since":      {[]uint64{3, 3, 3, 3}, []uint64{3, 3, 3, 3}, .5, 0},
		"in the first":       {[]uint64{5, 5, 5, 5}, nil, .99, 1},
		"on the edge":        {[]uint64{5, 10, 10, 10}, nil, .5, 1},
		"in the second":      {[]uint64{4, 10, 10, 10}, nil, .5, 2},
		"only what is since": {[]uint64{9, 10, 12, 12}, []uint64{9, 9, 9, 9}, .5, 4},
		"beyond the last":    {[]uint64{0, 0, 0, 10}, nil, .5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.InDelta(t, c.want, percentile(bounds, c.now, c.before, c.share), 0)
		})
	}
}
