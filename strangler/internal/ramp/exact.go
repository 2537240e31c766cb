package ramp

import "math"

// atRandom is how probable it is, if both sides are alike, that of all the marked
// requests so many or more are the canary's: the one-sided test of R. A. Fisher
// for a table of two by two (Statistical Methods for Research Workers, 1934, 21.02),
// by the hypergeometric distribution. It is exact for small counts, where a normal
// approximation is not, and needs no minimum.
func atRandom(marked, of, otherMarked, otherOf uint64) float64 {
	all, total := of+otherOf, marked+otherMarked
	if of == 0 || otherOf == 0 || float64(marked)*float64(otherOf) <= float64(otherMarked)*float64(of) {
		return 1 // not more often than the others
	}
	// P(X = x) with x marked ones among the canary's; each term follows from the one
	// before by a ratio below 1, since we begin above the mean.
	x, n, k, N := float64(marked), float64(of), float64(total), float64(all)
	term := math.Exp(choose(k, x) + choose(N-k, n-x) - choose(N, n))
	sum := 0.0
	for ; x <= math.Min(k, n); x++ {
		sum += term
		term *= (k - x) * (n - x) / ((x + 1) * (N - k - n + x + 1))
		if term < sum*1e-12 {
			break
		}
	}
	return math.Min(1, sum)
}

// choose is the logarithm of the binomial coefficient.
func choose(n, k float64) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n float64) float64 {
	value, _ := math.Lgamma(n + 1)
	return value
}

// moreThan is how probable so many or more of the requests are marked if each is
// with the probability limit: the binomial tail, whose inversion is the exact
// interval of C. J. Clopper and E. S. Pearson (Biometrika 26, 1934).
func moreThan(limit float64, marked, of uint64) float64 {
	if float64(marked) <= limit*float64(of) {
		return 1
	}
	if limit <= 0 {
		return 0
	}
	x, n := float64(marked), float64(of)
	term := math.Exp(choose(n, x) + x*math.Log(limit) + (n-x)*math.Log1p(-limit))
	sum := 0.0
	for ; x <= n; x++ {
		sum += term
		term *= (n - x) / (x + 1) * limit / (1 - limit)
		if term < sum*1e-12 {
			break
		}
	}
	return math.Min(1, sum)
}
