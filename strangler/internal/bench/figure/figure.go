package figure

import "slices"

// Median of the figures; 0 of none.
func Median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// Ratio is the median of the rounds' own ratios. A slow moment of the machine
// meets both sides of one round, and so leaves the ratio of that round alone,
// which the ratio of two medians would not. Rounds that only one side has, and
// those in which the other reached nothing, don't count; 0 if none is left.
func Ratio(of, to []float64) float64 {
	var ratios []float64
	for round := range min(len(of), len(to)) {
		if to[round] > 0 {
			ratios = append(ratios, of[round]/to[round])
		}
	}
	return Median(ratios)
}
