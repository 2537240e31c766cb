package resilience

import "time"

// Trials is how many requests a half-open breaker lets through.
const Trials = trials

// Ways is how many keys share a set.
const Ways = ways

// BeginAt sets where the guard's clock begins, so that a test knows its ticks.
func (g *Guard) BeginAt(t time.Time) { g.epoch = t }

// BeginAt sets where the limiter's clock begins.
func (l *Limiter) BeginAt(t time.Time) { l.epoch = t }

// Keys is how many buckets the limiter has made so far.
func (l *Limiter) Keys() int {
	n := 0
	for i := range l.sets {
		if l.sets[i].Load() != nil {
			n += ways
		}
	}
	return n
}
