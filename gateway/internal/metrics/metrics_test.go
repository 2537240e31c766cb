package metrics_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/metrics"
)

func TestAMeterCountsByClassAndTime(t *testing.T) {
	registry := prometheus.NewRegistry()
	set := metrics.New(registry)
	m := set.Meter("GET /a", "app")
	require.Zero(t, m.Read().Requests)
	require.Zero(t, m.Read().P99, "of nothing there is no percentile")
	for _, status := range []int{200, 201, 304, 404, 499, 500, 503, 0, 999} {
		m.Answered(status, 3*time.Millisecond)
	}
	m.Answered(200, time.Hour)
	m.Limited()
	r := m.Read()
	require.Equal(t, uint64(10), r.Requests)
	require.Equal(t, uint64(2), r.Errors, "5xx")
	require.Equal(t, uint64(1), r.Limited)
	require.Equal(t, 4*time.Millisecond, r.P50, "the upper bound of its bucket")
	require.Zero(t, r.P99, "beyond the last bound")

	bounds := metrics.Bounds()
	require.Len(t, r.Latency, len(bounds)+1, "one for each bound, and all")
	for i, bound := range bounds {
		want := uint64(0)
		if bound >= 3*time.Millisecond {
			want = 9
		}
		require.Equal(t, want, r.Latency[i], bound)
	}
	require.Equal(t, uint64(10), r.Latency[len(bounds)])
}

func TestARouteAndOwnerKeepTheirCountsOverAReload(t *testing.T) {
	set := metrics.New(prometheus.NewRegistry())
	set.Meter("r", "old").Answered(200, time.Millisecond)
	set.Meter("r", "new").Answered(500, time.Millisecond)
	require.Equal(t, uint64(1), set.Meter("r", "old").Read().Requests)
	require.Zero(t, set.Meter("r", "old").Read().Errors)
	require.Equal(t, uint64(1), set.Meter("r", "new").Read().Errors)
}

func BenchmarkAnswered(b *testing.B) {
	m := metrics.New(prometheus.NewRegistry()).Meter("r", "o")
	b.ReportAllocs()
	for b.Loop() {
		m.Answered(200, 300*time.Microsecond)
	}
}
