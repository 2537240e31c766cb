package handover_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A coordinator is cut off at each of its calls in turn, before it, in it (the answer
// is lost), and after it, on the way over and on the way of giving up. Whoever comes
// next ends it, in either direction.
func TestACoordinatorMayDieAtAnyCall(t *testing.T) {
	for name, goes := range map[string]func(w *walk){
		"over": func(w *walk) { w.must(w.sites[1].pump(context.Background())) },
		"back": func(w *walk) { w.now = w.now.Add(3 * time.Second) },
	} {
		for verdict, v := range map[string]verdict{"loses the answer of": losesAnswer, "dies before": diesBefore, "dies after": diesAfter} {
			t.Run(name+" "+verdict, func(t *testing.T) {
				t.Parallel()
				sites := newSites(t, allRules())
				for to := range 2 {
					n := 0
					for died(t, sites, goes, n, v, to) {
						n++
					}
					require.Greater(t, n, 12, "a hand-over has more calls than that")
				}
			})
		}
	}
}

// died plays a hand-over whose nth call is cut off, and a next one to the side of
// that index. It returns false when there is no nth call.
func died(t *testing.T, sites [2]*site, goes func(w *walk), n int, v verdict, to int) bool {
	w := newWalk(t, sites, allRules(), func(int) int { return to })
	defer w.stop()
	w.written(0)
	first := w.tools[0]
	first.start("comments")
	for range n {
		if !first.busy {
			return false
		}
		if first.at == "pause" {
			goes(w)
		}
		first.step(runs)
	}
	if !first.busy {
		return false
	}
	where := fmt.Sprintf("call %d, %s", n, first.at)
	first.step(v)
	require.Empty(t, w.broken(), where)
	w.now = w.now.Add(time.Minute) // its hold has ended
	require.Empty(t, w.settle(), where)
	if w.ownerName() != sites[to].name { // it was barred: that one could only go back
		require.Empty(t, w.settle(), where)
	}
	require.Equal(t, sites[to].name, w.ownerName(), where)
	return true
}

// written lets the first writes be done at a site.
func (w *walk) written(at int) {
	for _, p := range w.writes[:4] {
		a := &attempt{pending: p, site: at}
		p.attempts = append(p.attempts, a)
		a.began(a.begin(w.sites[at]))
		require.NotNil(w.t, a.tx)
		w.finish(a, true)
	}
}

func (w *walk) ownerName() string {
	for _, s := range w.sites {
		if s.look(w.t).State == owner {
			return s.name
		}
	}
	return "nobody"
}
