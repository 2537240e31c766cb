package resilience

import (
	"sync"

	"banyan.dev/gateway/internal/config"
)

// Limiters holds the rate limiters that any configuration in use names. It is safe
// for concurrent use.
type Limiters struct {
	mu    sync.Mutex
	known map[limiterKey]*limited
}

type limiterKey struct {
	name  string
	limit config.RateLimit
}

type limited struct {
	limiter *Limiter
	users   int
}

// NewLimiters returns an empty registry.
func NewLimiters() *Limiters { return &Limiters{known: map[limiterKey]*limited{}} }

// Open returns the limiter of the name (a route's; "" is that of all routes). The
// same name with the same settings is the same limiter, with what clients have used
// up; other settings begin with full buckets. So the next configuration opens its
// limiters before the last closes its own.
func (l *Limiters) Open(name string, limit config.RateLimit) *Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limiterKey{name, limit}
	k := l.known[key]
	if k == nil {
		k = &limited{limiter: NewLimiter(limit, DefaultKeys)}
		l.known[key] = k
	}
	k.users++
	return k.limiter
}

// Close gives up what Open returned for the name.
func (l *Limiters) Close(name string, limiter *Limiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := limiterKey{name, limiter.limit}
	k := l.known[key]
	if k == nil || k.limiter != limiter {
		return
	}
	if k.users--; k.users == 0 {
		delete(l.known, key)
	}
}
