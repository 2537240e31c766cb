package resilience_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
)

// bucket is a token bucket as everybody draws it. Its tokens are counted in
// nanoseconds of refilling, so that nothing is rounded.
type bucket struct {
	interval, size, level, at time.Duration
}

func newBucket(interval time.Duration, burst int) *bucket {
	size := interval * time.Duration(burst)
	return &bucket{interval: interval, size: size, level: size}
}

func (b *bucket) refill(now time.Duration) {
	b.level, b.at = min(b.level+now-b.at, b.size), now
}

func (b *bucket) allow(now time.Duration) bool {
	b.refill(now)
	if b.level < b.interval {
		return false
	}
	b.level -= b.interval
	return true
}

func limiter(limit config.RateLimit, keys int) *resilience.Limiter {
	l := resilience.NewLimiter(limit, keys)
	l.BeginAt(t0)
	return l
}

func TestALimitIsATokenBucket(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		interval := time.Duration(rapid.IntRange(1, 5_000_000).Draw(rt, "interval"))
		requests, burst := rapid.IntRange(1, 500).Draw(rt, "requests"), rapid.IntRange(1, 20).Draw(rt, "burst")
		l := limiter(config.RateLimit{Requests: requests, Per: interval * time.Duration(requests), Burst: burst}, 100)
		b := newBucket(interval, burst)
		var now time.Duration
		rt.Repeat(map[string]func(*rapid.T){
			"ask": func(rt *rapid.T) {
				ok, again := l.Allow([]byte("k"), t0.Add(now))
				require.Equal(rt, b.allow(now), ok)
				if ok {
					require.Zero(rt, again)
					return
				}
				require.Equal(rt, b.interval-b.level, again, "exactly when there is room again")
			},
			"advance": func(*rapid.T) {
				now += time.Duration(rapid.Int64Range(1, int64(3*interval)).Draw(rt, "ns"))
			},
			"rest": func(*rapid.T) { now += time.Duration(burst) * interval },
		})
	})
}

// TestNobodyIsCountedTooLow lets more clients than there is room for drive each
// other out, in one set.
func TestNobodyIsCountedTooLow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const interval = time.Second
		clients, burst := rapid.IntRange(2, 3*resilience.Ways).Draw(rt, "clients"), rapid.IntRange(1, 4).Draw(rt, "burst")
		l := limiter(config.RateLimit{Requests: 1, Per: interval, Burst: burst}, 1)
		buckets := make([]*bucket, clients)
		for i := range buckets {
			buckets[i] = newBucket(interval, burst)
		}
		var now time.Duration
		for range rapid.IntRange(1, 400).Draw(rt, "steps") {
			now += time.Duration(rapid.IntRange(0, 200).Draw(rt, "ms")) * time.Millisecond
			i := rapid.IntRange(0, clients-1).Draw(rt, "client")
			ok, _ := l.Allow(fmt.Append(nil, i), t0.Add(now))
			if ok {
				require.True(rt, buckets[i].allow(now), "client %d got more than its limit", i)
			} else if clients <= resilience.Ways {
				require.False(rt, buckets[i].allow(now), "client %d got less, though there is room for all", i)
			}
		}
	})
}

func TestAFloodOfAddressesFreesNobodyAndCostsNoMemory(t *testing.T) {
	const keys = 1000
	l := limiter(config.RateLimit{Requests: 10, Per: time.Minute, Burst: 10}, keys)
	victim := []byte("limited")
	for range 10 {
		ok, _ := l.Allow(victim, t0)
		require.True(t, ok)
	}
	refused := 0
	for i := range 100_000 {
		if ok, _ := l.Allow(fmt.Append(nil, "flood", i), t0); !ok {
			refused++
		}
		if i%100 == 0 {
			ok, again := l.Allow(victim, t0)
			require.False(t, ok, "after %d addresses", i)
			require.Equal(t, 6*time.Second, again)
		}
	}
	require.LessOrEqual(t, l.Keys(), keys+keys/3+resilience.Ways)
	require.Positive(t, refused, "in one moment there is room for so many")
	require.EqualValues(t, refused+1000, l.Refused())
	later := t0.Add(6 * time.Second)
	ok, _ := l.Allow(victim, later)
	require.True(t, ok)
	late := 0
	for i := range 200 {
		if ok, _ := l.Allow(fmt.Append(nil, "newcomer", i), later.Add(time.Minute)); ok {
			late++
		}
	}
	require.Equal(t, 200, late, "what has refilled makes room")
}

func TestManyAtOnceGetExactlyTheBurst(t *testing.T) {
	const burst, clients = 5, 500
	l := limiter(config.RateLimit{Requests: 1, Per: time.Second, Burst: burst}, 10*clients)
	allowed := make([]atomic.Int64, clients)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range clients * 2 * burst {
				k := i / (2 * burst) // all are at the same client, a newcomer, at about the same time
				if ok, _ := l.Allow(fmt.Append(nil, k), t0); ok {
					allowed[k].Add(1)
				}
			}
		})
	}
	wg.Wait()
	for k := range allowed {
		require.EqualValues(t, burst, allowed[k].Load(), "client %d", k)
	}
}

func TestManyInTooLittleRoomGetNoMoreThanItsBuckets(t *testing.T) {
	const burst = 5
	l := limiter(config.RateLimit{Requests: 1, Per: time.Second, Burst: burst}, 1)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 500 {
				if ok, _ := l.Allow(fmt.Append(nil, (i+w)%100), t0); ok {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, resilience.Ways*burst, allowed.Load())
}

func TestALimiterOutlivesConfigurations(t *testing.T) {
	all := resilience.NewLimiters()
	limit := config.RateLimit{Requests: 1, Per: time.Hour, Burst: 1, By: config.Key{Kind: config.KeyAddress}}
	first := all.Open("r", limit)
	now := time.Now()
	ok, _ := first.Allow([]byte("k"), now)
	require.True(t, ok)
	next := all.Open("r", limit)
	all.Close("r", first)
	require.Same(t, first, next)
	ok, again := next.Allow([]byte("k"), now)
	require.False(t, ok)
	require.InDelta(t, time.Hour, again, float64(time.Minute))
	other := limit
	other.Burst = 2
	require.NotSame(t, next, all.Open("r", other))
	require.NotSame(t, next, all.Open("s", limit))
	all.Close("r", next)
	require.NotSame(t, next, all.Open("r", limit), "nobody used it any more")
}

func TestAHugeBurstDoesNotOverflow(t *testing.T) {
	l := limiter(config.RateLimit{Requests: 1, Per: 365 * 24 * time.Hour, Burst: 1 << 40}, 1)
	for range 100 {
		ok, _ := l.Allow([]byte("k"), t0)
		require.True(t, ok)
	}
}

func TestAddressKey(t *testing.T) {
	key := func(s string) string { return string(resilience.AddressKey(nil, netip.MustParseAddr(s))) }
	require.Equal(t, key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:eeee::9"), "one subscriber")
	require.NotEqual(t, key("2001:db8:1:2::1"), key("2001:db8:1:3::1"))
	require.Equal(t, key("192.0.2.1"), key("::ffff:192.0.2.1"))
	require.NotEqual(t, key("192.0.2.1"), key("192.0.2.2"))
	require.Equal(t, key("fe80::1%eth0"), key("fe80::1"))
	require.Empty(t, resilience.AddressKey(nil, netip.Addr{}))
}
