package resilience_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
)

var whole = config.Owner{
	Name: "a", MaxInFlight: 512, Retries: config.Retries{Budget: 20, MinPerSecond: 10},
	Breaker: &config.Breaker{Errors: 50, Of: 20, Within: 10 * time.Second, OpenFor: 5 * time.Second},
}

var plenty = config.RateLimit{Requests: 1_000_000, Per: time.Second, Burst: 1 << 40}

// TestNothingIsAllocated is what the benchmarks count, where nobody reads them.
func TestNothingIsAllocated(t *testing.T) {
	g, l := guard(whole), limiter(plenty, resilience.DefaultKeys)
	now := t0
	l.Allow([]byte("client"), now)
	var key [16]byte
	addr := netip.MustParseAddr("2001:db8::1")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		now = now.Add(50 * time.Millisecond)
		pass, err := g.Admit(now)
		if err != nil {
			t.Fatal(err)
		}
		g.MayRetry(now)
		g.Done(pass, now, resilience.Answered)
		l.Allow([]byte("client"), now)
		resilience.AddressKey(key[:0], addr)
		g.RetryIn(now)
	}))
}

func BenchmarkAdmitDone(b *testing.B) {
	g, now := guard(whole), t0
	b.ReportAllocs()
	for b.Loop() {
		pass, err := g.Admit(now)
		if err != nil {
			b.Fatal(err)
		}
		g.Done(pass, now, resilience.Answered)
	}
}

func BenchmarkAdmitDoneParallel(b *testing.B) {
	g, now := guard(whole), t0
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if pass, err := g.Admit(now); err == nil {
				g.Done(pass, now, resilience.Answered)
			}
		}
	})
}

func BenchmarkMayRetry(b *testing.B) {
	g, now := guard(whole), t0
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		g.MayRetry(now)
	}
}

func BenchmarkAllowOneClient(b *testing.B) {
	l, key := limiter(plenty, resilience.DefaultKeys), []byte{10, 0, 0, 1}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Allow(key, t0)
		}
	})
}

func BenchmarkAllowManyClients(b *testing.B) {
	l := limiter(config.RateLimit{Requests: 10, Per: time.Second, Burst: 10}, resilience.DefaultKeys)
	var key [4]byte
	for i := range uint32(resilience.DefaultKeys) {
		binary.BigEndian.PutUint32(key[:], i)
		l.Allow(key[:], t0)
	}
	b.ReportAllocs()
	i := uint32(0)
	for b.Loop() {
		i++
		binary.BigEndian.PutUint32(key[:], i*2654435761%resilience.DefaultKeys)
		l.Allow(key[:], t0)
	}
}

// BenchmarkAllowNewcomers is what an attacker with endless addresses costs.
func BenchmarkAllowNewcomers(b *testing.B) {
	l := limiter(config.RateLimit{Requests: 10, Per: time.Second, Burst: 10}, resilience.DefaultKeys)
	var key [8]byte
	now := t0
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		now = now.Add(time.Microsecond)
		binary.BigEndian.PutUint64(key[:], i)
		l.Allow(key[:], now)
	}
}
