package traffic

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// schedule says when the next operation is due. Its times depend on the rate alone and never on how fast the blog
// answers: that is what makes the loop open and a stall visible (Schroeder et al., "Open Versus Closed: A
// Cautionary Tale", 2006; Tene's "coordinated omission").
type schedule struct {
	gap   time.Duration // mean time between two requests; 0 is as fast as possible
	rnd   *rand.Rand
	due   time.Time
	extra atomic.Int64 // requests beyond the first of each operation, not yet paid for with time
}

func newSchedule(rate float64, rnd *rand.Rand) *schedule {
	s := &schedule{rnd: rnd}
	if rate > 0 {
		s.gap = time.Duration(float64(time.Second) / rate)
	}
	return s
}

// restart makes the next operation due now.
func (s *schedule) restart(now time.Time) { s.due = now }

// next is when the next operation is due, or the zero time for at once. Arrivals are a Poisson process. An operation may
// be several requests: the further ones put the next arrival off, so that the rate of requests is as asked for.
func (s *schedule) next() time.Time {
	if s.gap == 0 {
		return time.Time{}
	}
	due := s.due
	for range 1 + s.extra.Swap(0) {
		s.due = s.due.Add(time.Duration(s.rnd.ExpFloat64() * float64(s.gap)))
	}
	return due
}

// spent tells that an operation was so many requests.
func (s *schedule) spent(requests int) {
	if requests > 1 {
		s.extra.Add(int64(requests - 1))
	}
}
