package ramp

import "fmt"

// Side is what one of a route's two owners did.
type Side struct {
	Requests, Errors uint64 // errors are answers with 5xx
	// Latency counts for each bound of the buckets the requests that took so long or
	// less; a last entry without bound counts all.
	Latency []uint64
}

// Shadow is what came of comparing the canary's answers to copied requests with the
// real ones.
type Shadow struct {
	Matched, Mismatched uint64
	Failed              uint64 // copies without an answer
}

// Reading is what one gateway has counted for a route since it began.
type Reading struct {
	Gateway  string // tells gateways apart
	Revision int64
	Share    Share     // in force there
	Bounds   []float64 // of the latency buckets, in milliseconds
	Baseline Side
	Canary   Side
	Shadow   Shadow
}

// Window is what all gateways together counted since it was begun.
type Window struct {
	Bounds   []float64 // of the latency buckets, in milliseconds
	Baseline Side
	Canary   Side
	Shadow   Shadow

	last map[string]Reading
}

// Begin makes a window that is empty as of these readings.
func Begin(readings []Reading) *Window {
	w := &Window{last: map[string]Reading{}}
	for _, r := range readings {
		w.last[r.Gateway] = r
		w.Bounds = r.Bounds
	}
	return w
}

// Add takes in what was counted since the readings before. A gateway that counts
// less than before was started again: what it has counted is all of this window. Of
// one that was not seen before nothing is known of when it counted.
func (w *Window) Add(readings []Reading) error {
	for _, r := range readings {
		if len(w.Bounds) == 0 {
			w.Bounds = r.Bounds
		}
		if len(r.Bounds) != len(w.Bounds) {
			return fmt.Errorf("%s has %d latency buckets, the others %d: let all gateways run the same version", r.Gateway, len(r.Bounds), len(w.Bounds))
		}
		before, seen := w.last[r.Gateway]
		w.last[r.Gateway] = r
		if !seen {
			continue
		}
		w.Baseline.add(r.Baseline, before.Baseline)
		w.Canary.add(r.Canary, before.Canary)
		if r.Shadow.Matched < before.Shadow.Matched || r.Shadow.Mismatched < before.Shadow.Mismatched {
			before.Shadow = Shadow{}
		}
		w.Shadow.Matched += r.Shadow.Matched - before.Shadow.Matched
		w.Shadow.Mismatched += r.Shadow.Mismatched - before.Shadow.Mismatched
		w.Shadow.Failed += r.Shadow.Failed - min(r.Shadow.Failed, before.Shadow.Failed)
	}
	return nil
}

func (s *Side) add(now, before Side) {
	if now.Requests < before.Requests || now.Errors < before.Errors || len(now.Latency) != len(before.Latency) {
		before = Side{}
	}
	s.Requests += now.Requests - before.Requests
	s.Errors += now.Errors - before.Errors
	if len(s.Latency) == 0 {
		s.Latency = make([]uint64, len(now.Latency))
	}
	for i, n := range now.Latency {
		if before.Latency != nil {
			n -= min(n, before.Latency[i])
		}
		s.Latency[i] += n
	}
}

// Quantile of the time that requests took, in milliseconds, as if they were spread
// evenly within their bucket. Beyond the last bound it is that bound.
func (s Side) Quantile(q float64, bounds []float64) float64 {
	i := s.bucket(q)
	if i < 0 {
		return 0
	}
	if i >= len(bounds) {
		return bounds[len(bounds)-1]
	}
	low, under := 0.0, uint64(0)
	if i > 0 {
		low, under = bounds[i-1], s.Latency[i-1]
	}
	within := (q*float64(s.measured()) - float64(under)) / float64(s.Latency[i]-under)
	return low + (bounds[i]-low)*within
}

// bucket is the index of the one that holds the quantile, -1 without requests.
func (s Side) bucket(q float64) int {
	if s.measured() == 0 {
		return -1
	}
	rank := q * float64(s.measured())
	for i, n := range s.Latency {
		if n > 0 && float64(n) >= rank {
			return i
		}
	}
	return len(s.Latency) - 1
}

// measured is how many requests have a time.
func (s Side) measured() uint64 {
	if len(s.Latency) == 0 {
		return 0
	}
	return s.Latency[len(s.Latency)-1]
}

// over counts the requests that took longer than the bound of that index.
func (s Side) over(bound int) uint64 { return s.measured() - s.Latency[bound] }

// plus is both together.
func (s Side) plus(more Side) Side {
	sum := Side{Latency: append([]uint64(nil), s.Latency...)}
	sum.Requests, sum.Errors = s.Requests, s.Errors
	sum.add(more, Side{})
	return sum
}
