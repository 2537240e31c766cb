package upstream_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/upstream"
)

var outliers = config.Outliers{Consecutive: 3, EjectFor: 10 * time.Second, MaxEjected: 50}

func unprobed(n int, settings *config.Outliers) *upstream.Group {
	owner := config.Owner{Name: "a", Outliers: settings}
	for i := range n {
		owner.Replicas = append(owner.Replicas, config.Replica{Name: strconv.Itoa(i), URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}})
	}
	return upstream.Unprobed(owner)
}

func fail(g *upstream.Group, r *upstream.Replica, times int) {
	for range times {
		g.Answered(r, false, time.Now())
	}
}

func TestFailuresInARowEjectForLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := unprobed(3, &outliers)
		r := g.Replicas()[0]
		fail(g, r, 2)
		g.Answered(r, true, time.Now())
		fail(g, r, 2)
		require.True(t, r.Healthy(), "not in a row")
		for _, times := range []time.Duration{1, 2, 3} {
			fail(g, r, 3)
			v := r.Verdict()
			require.False(t, r.Healthy() || v.Healthy)
			require.True(t, r.Up())
			require.Equal(t, "ejected: too many failures in a row", v.Reason)
			require.Equal(t, time.Now().Add(times*outliers.EjectFor), v.EjectedUntil)
			fail(g, r, 9) // sent before
			time.Sleep(times*outliers.EjectFor - time.Nanosecond)
			require.False(t, r.Healthy())
			time.Sleep(time.Nanosecond)
			require.True(t, r.Healthy())
			require.Equal(t, upstream.Verdict{Healthy: true}, r.Verdict())
		}
		require.EqualValues(t, 3, r.Figures().Ejections)
		time.Sleep(2 * outliers.EjectFor)
		fail(g, r, 3)
		require.Equal(t, time.Now().Add(2*outliers.EjectFor), r.Verdict().EjectedUntil, "two quiet times take two off")
	})
}

func TestAReplicaThatIsDownIsLeftToTheProbes(t *testing.T) {
	g := unprobed(3, &outliers)
	r := g.Replicas()[0]
	r.MarkDown("refused")
	fail(g, r, 3) // what was on its way when it died
	require.True(t, r.Verdict().EjectedUntil.IsZero())
	r.MarkUp()
	require.True(t, r.Healthy())
}

func TestAnEjectionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := unprobed(2, &outliers)
		r := g.Replicas()[0]
		for range 15 {
			fail(g, r, 3)
			require.LessOrEqual(t, time.Until(r.Verdict().EjectedUntil), 10*outliers.EjectFor)
			time.Sleep(time.Until(r.Verdict().EjectedUntil))
		}
		fail(g, r, 3)
		require.Equal(t, 10*outliers.EjectFor, time.Until(r.Verdict().EjectedUntil))
	})
}

func TestEjectionsNeverTakeTooMany(t *testing.T) {
	for _, c := range []struct{ replicas, percent, ejected int }{
		{1, 100, 0}, {2, 10, 1}, {2, 100, 1}, {3, 50, 1}, {4, 50, 2}, {5, 100, 4}, {10, 30, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := unprobed(c.replicas, &config.Outliers{Consecutive: 1, EjectFor: time.Minute, MaxEjected: c.percent})
			ejected := 0
			for _, r := range g.Replicas() {
				fail(g, r, 5)
				if !r.Healthy() {
					ejected++
				}
			}
			require.Equal(t, c.ejected, ejected, "%d replicas, %d%%", c.replicas, c.percent)
		})
	}
}

// TestEjectionsAndProbesLeaveWhatTheyMust plays probes, answers and time in any
// order.
func TestEjectionsAndProbesLeaveWhatTheyMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Under its own clock a test must not be asked for its deadline.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) {
			n, percent := rapid.IntRange(1, 6).Draw(rt, "replicas"), rapid.IntRange(0, 100).Draw(rt, "percent")
			g := unprobed(n, &config.Outliers{Consecutive: 2, EjectFor: time.Second, MaxEjected: percent})
			one := func(rt *rapid.T) *upstream.Replica {
				return g.Replicas()[rapid.IntRange(0, n-1).Draw(rt, "replica")]
			}
			count := func(is func(*upstream.Replica) bool) (k int) {
				for _, r := range g.Replicas() {
					if is(r) {
						k++
					}
				}
				return k
			}
			ejected := func(r *upstream.Replica) bool { return !r.Verdict().EjectedUntil.IsZero() }
			rt.Repeat(map[string]func(*rapid.T){
				"ok": func(rt *rapid.T) { g.Answered(one(rt), true, time.Now()) },
				"failed": func(rt *rapid.T) {
					r, before := one(rt), count((*upstream.Replica).Healthy)
					fail(g, r, 2)
					if before > 0 {
						require.Positive(rt, count((*upstream.Replica).Healthy), "an ejection took the last one")
					}
				},
				"down": func(rt *rapid.T) { one(rt).MarkDown("probe") },
				"up": func(rt *rapid.T) {
					r := one(rt)
					if r.Up() {
						return // the prober marks up what is down, and nothing else
					}
					r.MarkUp()
					require.True(rt, r.Healthy(), "what comes back is another process")
				},
				"time": func(rt *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond)
				},
				"": func(rt *rapid.T) {
					require.LessOrEqual(rt, count(ejected), max(n*percent/100, min(1, n-1)))
				},
			})
		})
	})
}

func TestManyFailuresAtOnceEjectOnce(t *testing.T) {
	g := unprobed(4, &config.Outliers{Consecutive: 5, EjectFor: time.Hour, MaxEjected: 25})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 400 {
				g.Answered(g.Replicas()[i%4], i%40 == 0, time.Now())
			}
		})
	}
	wg.Wait()
	var ejections uint64
	for _, r := range g.Replicas() {
		ejections += r.Figures().Ejections
	}
	require.EqualValues(t, 1, ejections)
}

func TestAnEjectedReplicaAndItsProbes(t *testing.T) {
	var probes, status atomic.Int64
	status.Store(http.StatusOK)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		probes.Add(1)
		w.WriteHeader(int(status.Load()))
	}))
	defer app.Close()
	u, err := url.Parse(app.URL)
	require.NoError(t, err)
	owner := config.Owner{
		Name: "a", Replicas: []config.Replica{{Name: "r", URL: u}, {Name: "s", URL: u}},
		Health:   config.Health{Path: "/livez", Interval: time.Millisecond, Timeout: wait},
		Outliers: &config.Outliers{Consecutive: 1, EjectFor: time.Hour, MaxEjected: 50},
	}
	registry := upstream.NewRegistry(net.DefaultResolver, slog.New(slog.DiscardHandler))
	defer registry.Close()
	group := registry.Open(owner)
	defer group.Close()
	r := group.Replicas()[0]
	fail(group, r, 1)
	seen := probes.Load()
	require.Eventually(t, func() bool { return probes.Load() > seen+10 }, wait, time.Millisecond)
	require.True(t, r.Up())
	require.False(t, r.Healthy(), "ten probes found it well, and it is out all the same")

	status.Store(http.StatusServiceUnavailable)
	require.Eventually(t, func() bool { return !r.Up() }, wait, time.Millisecond, "a probe takes an ejected replica out too")
	require.Contains(t, r.Verdict().Reason, "answered 503")
	require.False(t, r.Verdict().EjectedUntil.IsZero())

	status.Store(http.StatusOK)
	require.Eventually(t, r.Healthy, wait, time.Millisecond, "it was away: another process answers, which has failed nobody")
	require.True(t, r.Verdict().EjectedUntil.IsZero())
	require.Eventually(t, group.Replicas()[1].Healthy, wait, time.Millisecond, "it went down too; the last one is never ejected")
	fail(group, r, 1)
	require.False(t, r.Healthy())
	owner.Outliers = nil
	next := registry.Open(owner)
	defer next.Close()
	require.Same(t, r, next.Replicas()[0])
	require.True(t, r.Healthy(), "without outliers there is no ejection")
	fail(group, r, 100)
	require.True(t, r.Healthy(), "nor by the configuration before")
}

func BenchmarkHealthyAnswered(b *testing.B) {
	g, now := unprobed(3, &outliers), time.Now()
	r := g.Replicas()[0]
	b.ReportAllocs()
	for b.Loop() {
		if r.Healthy() {
			g.Answered(r, true, now)
		}
	}
}
