package handover_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"pgregory.net/rapid"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

// walk plays the protocol at random on two real databases: writers with stale routes,
// requests that linger and are sent a second time elsewhere, lost answers, a feed
// that repeats itself and passes events over, two coordinators of which either may be
// paused or killed at any call. After each step all promises must be kept.
type walk struct {
	t           require.TestingT
	sites       [2]*site
	rules       rules
	tools       []*tool
	writes      []*pending
	gateways    []int // where each sends writes
	routes      []int // all that were ever written
	routedEpoch int64
	held        time.Time // until when the gates are closed
	now         time.Time
	settles     error        // how the gateways answer
	logger      *slog.Logger // of all tools; may be nil

	choose  func(n int) int
	steps   []string // for the report
	trouble string
	moves   int
}

// pending is a write of a client, who tries until it is acknowledged.
type pending struct {
	key, aggregate string
	acked          bool
	attempts       []*attempt
}

// attempt is one request for it, on its way or in its transaction.
type attempt struct {
	*pending
	site int
	tx   *gorm.DB // behind the guard
}

func newWalk(t require.TestingT, sites [2]*site, r rules, choose func(n int) int) *walk {
	w := &walk{t: t, sites: sites, rules: r, gateways: []int{0, 0}, routes: []int{0}, routedEpoch: 1, now: time.Unix(0, 0), choose: choose}
	sites[0].begin(t, ownership.Owner)
	sites[1].begin(t, ownership.Follower)
	for i := range 8 {
		w.writes = append(w.writes, &pending{key: fmt.Sprintf("w%d", i), aggregate: fmt.Sprintf("a%d", i%2)})
	}
	w.tools = []*tool{{w: w, name: "t1"}, {w: w, name: "t2"}}
	return w
}

type step struct {
	name   string
	weight int
	do     func()
}

// run takes n steps, and returns the broken promise, or "".
func (w *walk) run(n int) string {
	defer w.stop()
	for range n {
		s := w.pick(w.possible())
		w.steps = append(w.steps, s.name)
		s.do()
		if why := w.broken(); why != "" {
			return why
		}
	}
	return w.settle()
}

func (w *walk) broken() string {
	var acked []string
	for _, p := range w.writes {
		if p.acked {
			acked = append(acked, p.key)
		}
	}
	return cmp.Or(broken(w.sites[0].look(w.t), w.sites[1].look(w.t), acked), w.trouble)
}

func (w *walk) pick(steps []step) step {
	sum := 0
	for _, s := range steps {
		sum += s.weight
	}
	at := w.choose(sum)
	for _, s := range steps {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	panic("unreachable")
}

// ended hears how a move came out.
func (w *walk) ended(t *tool, err error) {
	for _, fine := range []error{nil, handover.ErrGaveUp, handover.ErrMovedOn, handover.ErrUnfinished, ownership.ErrBusy, ownership.ErrNotReady} {
		if errors.Is(err, fine) {
			return
		}
	}
	w.trouble = fmt.Sprintf("stuck: %s: %v", t.name, err)
}

// stop ends what is under way.
func (w *walk) stop() {
	for _, t := range w.tools {
		for t.busy {
			t.step(diesBefore)
		}
	}
	for _, p := range w.writes {
		for len(p.attempts) > 0 {
			p.attempts[0].drop()
		}
	}
}

// settle lets one coordinator alone go on from what the walk left behind, with
// nothing in its way, and then all clients get their answers.
func (w *walk) settle() string {
	w.stop()
	ctx := context.Background()
	for _, s := range w.sites {
		w.must(s.redrive(ctx))
	}
	t := &tool{w: w, name: "t3"}
	to := w.choose(2)
	t.start(w.sites[to].name)
	defer func() {
		for t.busy {
			t.step(diesBefore)
		}
	}()
	for calls := 0; t.busy; calls++ {
		if calls > 200 {
			return fmt.Sprintf("stuck: nobody owns it for good: %s | %s", w.sites[0].look(w.t), w.sites[1].look(w.t))
		}
		if t.at == "pause" {
			w.must(w.sites[0].pump(ctx))
			w.must(w.sites[1].pump(ctx))
		}
		t.step(runs)
	}
	if w.trouble != "" {
		return w.trouble
	}
	return w.finishAll(ctx)
}

func (w *walk) finishAll(ctx context.Context) string {
	for _, s := range w.sites {
		if s.look(w.t).State != ownership.Owner {
			continue
		}
		w.must(s.pump(ctx))
		for _, p := range w.writes {
			a := &attempt{pending: p}
			p.attempts = append(p.attempts, a)
			a.began(a.begin(s))
			require.NotNil(w.t, a.tx, "the owner writes")
			w.finish(a, true)
			require.True(w.t, p.acked)
		}
		w.must(s.other.pump(ctx))
		a, b := s.look(w.t), s.other.look(w.t)
		if why := w.broken(); why != "" {
			return why
		}
		if len(a.entries) != len(w.writes) || len(b.entries) != len(w.writes) {
			return fmt.Sprintf("in the end there are %v and %v", a.entries, b.entries)
		}
		return ""
	}
	return "in the end nobody owns it"
}

func (s state) String() string { return fmt.Sprint(s.Row, s.entries) }

func TestNoInterleavingBreaksThePromises(t *testing.T) {
	sites, made := newSites(t, allRules()), map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t, sites, allRules(), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
		require.Empty(t, w.run(200), "after %q", w.steps)
		w.count(made)
	})
	t.Logf("made %v", made)
	for _, move := range []string{"fence", "take", "demote", "bar", "unfence"} {
		require.Greater(t, made[move], 10, "too few of %s to have shown anything", move)
	}
}

// count adds the moves that were made.
func (w *walk) count(made map[string]int) {
	for _, s := range w.sites {
		moves, err := s.Moves(context.Background(), 1000)
		require.NoError(w.t, err)
		for _, m := range moves {
			made[m.Move]++
		}
	}
}

// The same walk with one rule taken away must find that out, or it looks nowhere.
// Those that take a long and particular way to do harm are walked in rules_test.go.
func TestTheWalkNoticesABrokenRule(t *testing.T) {
	for name, m := range mutants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sites := newSites(t, m.rules)
			for seed := m.from; seed < m.from+500; seed++ {
				w := newWalk(t, sites, m.rules, rand.New(rand.NewPCG(seed, 0)).IntN)
				if why := w.run(200); why != "" {
					t.Logf("seed %d, %d steps: %s", seed, len(w.steps), why)
					return
				}
			}
			t.Error("no walk broke a promise")
		})
	}
}
