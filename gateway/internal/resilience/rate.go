package resilience

import (
	"math"
	"time"
)

// rate is a token bucket as the generic cell rate algorithm has it (ITU-T I.371
// annex A, the virtual scheduling algorithm; the leaky bucket as a meter): instead
// of tokens it keeps the theoretical arrival time (TAT) at which the bucket will be
// full again. One number per bucket, nothing that refills it. Times are
// nanoseconds on a clock that begins when the bucket's owner was made.
type rate struct {
	interval  int64 // in which one request's worth refills
	tolerance int64 // by how much the TAT may lie ahead: the burst without the first
}

// horizon bounds a burst, in nanoseconds of its rate (146 years), so that no sum of
// times overflows.
const horizon = math.MaxInt64 / 2

// newRate returns the rate of so many requests per time, and of a bucket that holds
// burst of them, at least one.
func newRate(requests int, per time.Duration, burst int) rate {
	interval := max(int64(per)/int64(max(requests, 1)), 1)
	more := min(int64(max(burst, 1)-1), horizon/interval)
	return rate{interval: interval, tolerance: interval * more}
}

// take says what the TAT will be after one more request. A wait above 0 is how long
// it is until there is room for one, and nothing was taken.
func (r rate) take(tat, now int64) (next, wait int64) {
	tat = max(tat, now)
	if wait = tat - r.tolerance - now; wait > 0 {
		return tat, wait
	}
	return tat + r.interval, 0
}
