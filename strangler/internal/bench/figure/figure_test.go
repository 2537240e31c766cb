package figure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"banyan.dev/strangler/internal/bench/figure"
)

func TestMedian(t *testing.T) {
	assert.Zero(t, figure.Median(nil))
	assert.InDelta(t, 3, figure.Median([]float64{9, 1, 3}), 1e-9)
	assert.InDelta(t, 2.5, figure.Median([]float64{9, 1, 3, 2}), 1e-9)
	given := []float64{3, 1, 2}
	figure.Median(given)
	assert.Equal(t, []float64{3, 1, 2}, given, "the rounds keep their order")
}

func TestTheRatioIsOfTheSameRounds(t *testing.T) {
	assert.InDelta(t, 0.5, figure.Ratio([]float64{50, 5, 40}, []float64{100, 10, 20}), 1e-9, "ratios are 0.5, 0.5 and 2")
	assert.InDelta(t, 2, figure.Ratio([]float64{2, 4, 8}, []float64{1, 0, 4, 1}), 1e-9, "an empty round and one without a pair are left out")
	assert.Zero(t, figure.Ratio(nil, []float64{1}))
	assert.Zero(t, figure.Ratio([]float64{1}, []float64{0}))
}

func TestASlowMomentChangesNoRatio(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := rapid.Float64Range(0.1, 10).Draw(t, "ratio")
		var of, to []float64
		for _, speed := range rapid.SliceOfN(rapid.Float64Range(1, 1e6), 1, 20).Draw(t, "speeds") {
			of, to = append(of, ratio*speed), append(to, speed)
		}
		assert.InEpsilon(t, ratio, figure.Ratio(of, to), 1e-9)
	})
}
