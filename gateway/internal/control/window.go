package control

import (
	"sync"
	"time"

	"banyan.dev/gateway/internal/control/status"
)

// The last minute is kept as samples this far apart.
const (
	sampleEvery = 2 * time.Second
	samples     = 31 // a minute, and both its ends
	// rateOver is how many samples back a rate is measured from: long enough that
	// a few requests a second don't flicker.
	rateOver = 3
)

// countKey names what is counted: one owner's part in a route, a route's shadow, or
// a replica.
type countKey struct{ kind, of, part string }

// counts are what has been counted so far; latency is cumulative by bucket, and nil
// where none is measured.
type counts struct {
	requests, errors uint64
	latency          []uint64
}

// sampled are counts at a moment.
type sampled struct {
	at time.Time
	counts
}

// window keeps samples of the last minute, so that each reading can be told from the
// one a minute ago. It is safe for concurrent use.
type window struct {
	mu     sync.Mutex
	series map[countKey]*series
	round  uint64
}

// series is one ring of samples.
type series struct {
	ring  [samples]sampled
	next  int
	full  bool
	round uint64 // when it was last sampled
}

func newWindow() *window { return &window{series: map[countKey]*series{}} }

// add takes a sample of everything there is; what is not among it is forgotten.
func (w *window) add(now time.Time, all func(yield func(countKey, counts))) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round++
	all(func(key countKey, c counts) {
		s := w.series[key]
		if s == nil {
			s = &series{}
			w.series[key] = s
		}
		s.round = w.round
		s.ring[s.next] = sampled{now, c}
		s.next = (s.next + 1) % samples
		s.full = s.full || s.next == 0
	})
	for key, s := range w.series {
		if s.round != w.round {
			delete(w.series, key)
		}
	}
}

// since returns the oldest sample, and the one that rates are measured from. Both
// are the oldest while there are few; false while there is none.
func (w *window) since(key countKey) (oldest, lately sampled, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.series[key]
	if s == nil || s.next == 0 && !s.full {
		return sampled{}, sampled{}, false
	}
	n := s.next
	first := 0
	if s.full {
		n, first = samples, s.next
	}
	back := min(rateOver, n)
	return s.ring[first], s.ring[(s.next-back+samples)%samples], true
}

// recent compares counts with those of the last minute.
func (w *window) recent(key countKey, now time.Time, c counts, bounds []float64) status.Recent {
	oldest, lately, ok := w.since(key)
	if !ok {
		return status.Recent{}
	}
	r := status.Recent{
		Seconds:  now.Sub(oldest.at).Seconds(),
		Requests: c.requests - oldest.requests, Errors: c.errors - oldest.errors,
		PerSecond: perSecond(c.requests-lately.requests, now.Sub(lately.at)),
	}
	r.P50, r.P99 = percentile(bounds, c.latency, oldest.latency, .5), percentile(bounds, c.latency, oldest.latency, .99)
	return r
}

// rate is the part of recent that everything counted has.
func (w *window) rate(key countKey, now time.Time, requests uint64) float64 {
	_, lately, ok := w.since(key)
	if !ok {
		return 0
	}
	return perSecond(requests-lately.requests, now.Sub(lately.at))
}

// perSecond is 0 over a time that is too short to tell.
func perSecond(n uint64, over time.Duration) float64 {
	if over < sampleEvery/4 {
		return 0
	}
	return float64(n) / over.Seconds()
}

// percentile is the upper bound of the bucket that a share of what was measured since
// before lies in or below; 0 when nothing was, or it took longer than any bound.
func percentile(bounds []float64, now, before []uint64, share float64) float64 {
	since := func(i int) uint64 {
		if i < len(before) {
			return now[i] - before[i]
		}
		return now[i]
	}
	if len(now) == 0 {
		return 0
	}
	rank := share * float64(since(len(now)-1))
	for i, bound := range bounds {
		if i < len(now) && rank > 0 && float64(since(i)) >= rank {
			return bound
		}
	}
	return 0
}
