package control_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
)

// many is a configuration of 500 routes, each with a canary and a shadow.
func many() string {
	var b strings.Builder
	b.WriteString("revision: 5\nowners:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  owner-%d: {replicas: [{name: a, url: \"http://127.0.0.1:1\"}, {name: b, url: \"http://127.0.0.1:2\"}]}\n", i)
	}
	b.WriteString("routes:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  - {name: route-%d, match: {path: \"/api/%d/{id}\"}, owner: owner-%d, canary: {owner: owner-%d, percent: 5}, shadow: {owner: owner-%d}}\n", i, i, i%10, (i+1)%10, (i+1)%10)
	}
	return b.String()
}

// BenchmarkWatching is what one look costs with 500 routes: the status as tools read
// it, the whole page, and the sample that is taken every two seconds.
func BenchmarkWatching(b *testing.B) {
	r := newRig(b, "")
	require.NoError(b, r.current.Apply("file", "gateway.yaml", []byte(many()), current.Any))
	for i, route := range r.current.Snapshot().Routes {
		for range 50 {
			route.Baseline.Answered(200, time.Duration(i)*time.Millisecond)
			route.Canary.Answered(200, time.Duration(i)*time.Millisecond)
		}
	}
	for name, path := range map[string]string{"status": "/api/status", "page": "/_strangler/"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var bytes int64
			for b.Loop() {
				w := httptest.NewRecorder()
				r.control.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				bytes, _ = io.Copy(io.Discard, w.Body)
			}
			b.ReportMetric(float64(bytes), "bytes/look")
		})
	}
}
