package resilience

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

const (
	// DefaultKeys is how many clients a limiter tells apart at least.
	DefaultKeys = 100_000
	// ways is how many keys a set holds: with its lock a set is 256 bytes.
	ways = 15
)

// Limiter gives each client a token bucket. It is safe for concurrent use, and
// knows no key, only hashes of keys under a seed of its own: nobody outside can
// choose two that meet.
//
// Its memory is bounded: sets of 15 buckets, made when they are first needed, and a
// key belongs to one set. A key that has no bucket in its set takes over the one
// nearest to being full, and begins with what this one holds. As long as there is
// one that is full, empty or refilled, that is exact: a full bucket is the same as
// none. When there is none (so many clients at once, within the time that a bucket
// takes to refill), the newcomer pays for whoever it drove out, at worst it is
// refused. This is what Space-Saving does with counters (Metwally, Agrawal and El
// Abbadi 2005), and has the same property: nobody is counted too low (but for one
// request that crosses with the eviction of its own bucket). So an attacker with many
// addresses gets no more than the limit for any of them and frees no client that is
// being limited; what he can reach, with as many requests as all buckets together
// refill, is that newcomers are refused.
type Limiter struct {
	limit   config.RateLimit
	rate    rate
	epoch   time.Time
	seed    maphash.Seed
	sets    []atomic.Pointer[set]
	refused atomic.Uint64
}

// set is some buckets. Known keys are found and charged without the lock; only a
// newcomer takes it.
type set struct {
	mu   sync.Mutex
	keys [ways]atomic.Uint64
	tats [ways]atomic.Int64
}

// NewLimiter returns a limiter that tells at least so many clients apart. With a
// third more room than that, a set is rarely short of a bucket while others have
// many.
func NewLimiter(limit config.RateLimit, keys int) *Limiter {
	n := (keys + keys/3 + ways - 1) / ways
	return &Limiter{
		limit: limit, rate: newRate(limit.Requests, limit.Per, limit.Burst),
		epoch: time.Now(), seed: maphash.MakeSeed(), sets: make([]atomic.Pointer[set], max(n, 1)),
	}
}

// Limit returns the settings.
func (l *Limiter) Limit() config.RateLimit { return l.limit }

// Refused is how many requests were refused so far.
func (l *Limiter) Refused() uint64 { return l.refused.Load() }

// Allow tells whether the client may make a request, and charges it. If not, it may
// after retryAfter, provided it makes no other meanwhile; nothing is charged.
func (l *Limiter) Allow(key []byte, now time.Time) (ok bool, retryAfter time.Duration) {
	at := max(int64(now.Sub(l.epoch)), 0)
	hash := maphash.Bytes(l.seed, key)
	s := l.set(hash)
	wait, known := s.charge(hash, l.rate, at)
	if !known {
		wait = s.admit(hash, l.rate, at)
	}
	if wait > 0 {
		l.refused.Add(1)
		return false, time.Duration(wait)
	}
	return true, 0
}

// set finds the key's set by the hash's upper half; the whole of it is the key.
func (l *Limiter) set(hash uint64) *set {
	place := &l.sets[(hash>>32)*uint64(len(l.sets))>>32]
	if s := place.Load(); s != nil {
		return s
	}
	place.CompareAndSwap(nil, &set{})
	return place.Load()
}

// charge charges a key that has a bucket.
func (s *set) charge(key uint64, r rate, now int64) (wait int64, known bool) {
	for i := range s.keys {
		for s.keys[i].Load() == key {
			tat := s.tats[i].Load()
			next, wait := r.take(tat, now)
			// A newcomer that takes the bucket over meanwhile raises its TAT first:
			// then this fails, or charges the newcomer, never nobody.
			if wait > 0 || s.tats[i].CompareAndSwap(tat, next) {
				return wait, true
			}
		}
	}
	return 0, false
}

// admit charges a key that has none, and gives it the one nearest to being full.
func (s *set) admit(key uint64, r rate, now int64) (wait int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if wait, known := s.charge(key, r, now); known {
			return wait
		}
		i, tat := s.fullest()
		next, wait := r.take(tat, now)
		if wait > 0 {
			return wait
		}
		if s.tats[i].CompareAndSwap(tat, next) {
			s.keys[i].Store(key)
			return 0
		}
	}
}

func (s *set) fullest() (i int, tat int64) {
	tat = s.tats[0].Load()
	for j := 1; j < ways; j++ {
		if t := s.tats[j].Load(); t < tat {
			i, tat = j, t
		}
	}
	return i, tat
}
