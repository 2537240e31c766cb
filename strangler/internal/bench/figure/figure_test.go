package figure_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestAGoalIsJudgedByWhatIsShown(t *testing.T) {
	assert.True(t, figure.AtMost("p99", 20, 20.004).Met)
	assert.False(t, figure.AtMost("p99", 20, 20.006).Met)
	assert.True(t, figure.AtLeast("events/s", 0.5, 0.496).Met)
	assert.False(t, figure.AtLeast("events/s", 0.5, 0.494).Met)
}

func TestGoalsAreATable(t *testing.T) {
	var out strings.Builder
	require.NoError(t, figure.WriteGoals(&out, "ours", []figure.Goal{
		figure.AtLeast("events/s", 15000, 16000.5), figure.AtMost("p99", 20, 21), figure.AtMost("p99", 1, 0.5).AsAim(),
	}))
	assert.Regexp(t, `events/s +at least 15000 +16000\.5 +met\np99 +at most 20 +21 +NOT met\np99 +aim: at most 1 +0\.5 +met\n`, out.String())
	out.Reset()
	require.NoError(t, figure.WriteGoals(&out, "ours", nil))
	assert.Empty(t, out.String())
}
