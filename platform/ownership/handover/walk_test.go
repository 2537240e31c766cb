package handover_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
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

type may func(when bool, weight int, do func(), format string, args ...any)

func (w *walk) possible() []step {
	var steps []step
	may := func(when bool, weight int, do func(), format string, args ...any) {
		if when {
			steps = append(steps, step{fmt.Sprintf(format, args...), weight, do})
		}
	}
	for _, t := range w.tools { // first: rapid draws small numbers more often
		w.toolSteps(t, may)
	}
	for _, s := range w.sites {
		w.feedSteps(s, may)
	}
	for _, p := range w.writes {
		w.writerSteps(p, may)
	}
	for g := range w.gateways {
		may(len(w.routes) > 1, 2, func() { w.gateways[g] = w.routes[w.choose(len(w.routes))] }, "gateway %d learns a route", g)
	}
	may(true, 1, func() { w.now = w.now.Add(3 * time.Second) }, "time passes")
	return steps
}

func (w *walk) writerSteps(p *pending, may may) {
	for g, route := range w.gateways {
		free := !p.acked && len(p.attempts) < 2 && !w.now.Before(w.held)
		may(free, 2, func() { p.attempts = append(p.attempts, &attempt{pending: p, site: route}) }, "%s goes by gateway %d to %s", p.key, g, w.sites[route].name)
	}
	for _, a := range p.attempts {
		where := w.sites[a.site].name
		if a.tx == nil {
			may(true, 3, func() { a.began(a.begin(w.sites[a.site])) }, "%s begins at %s", p.key, where)
			continue
		}
		may(true, 6, func() { w.finish(a, true) }, "%s is written at %s", p.key, where)
		may(true, 1, func() { w.finish(a, false) }, "%s is written at %s, and the answer lost", p.key, where)
		may(true, 1, func() { a.drop() }, "%s is cut off at %s", p.key, where)
	}
}

// begin opens the transaction and asks the guard.
func (a *attempt) begin(s *site) (*gorm.DB, error) {
	tx := s.db.Gorm(context.Background()).Begin(&sql.TxOptions{Isolation: s.rules.isolation})
	if tx.Error != nil {
		return nil, tx.Error
	}
	return tx, s.guard(tx)
}

// began is what the guard said. Not the owner: nothing was done, and the client is
// sent elsewhere.
func (a *attempt) began(tx *gorm.DB, err error) {
	a.tx = tx
	if err != nil {
		a.drop()
	}
}

func (a *attempt) drop() {
	if a.tx != nil {
		a.tx.Rollback()
	}
	a.tx = nil
	for i, other := range a.attempts {
		if other == a {
			a.attempts = append(a.attempts[:i:i], a.attempts[i+1:]...)
		}
	}
}

// finish writes and commits. Two attempts for one key at one site, or two writers of
// one aggregate, don't wait for each other here: the second one gives up.
func (w *walk) finish(a *attempt, arrives bool) {
	err := a.tx.Exec("SET LOCAL lock_timeout = 5").Error
	if err == nil {
		err = write(a.tx, a.aggregate, a.key)
	}
	if err == nil {
		err = a.tx.Commit().Error
	}
	if err == nil && arrives {
		a.acked = true
	}
	a.drop()
}

func (w *walk) feedSteps(s *site, may may) {
	ctx := context.Background()
	for p := range partitions {
		e, more := s.next(p)
		may(true, 2, func() { w.must(s.relay(ctx, p, false)) }, "the relay of %s publishes %d", s.name, p)
		may(true, 1, func() { w.must(s.relay(ctx, p, true)) }, "the relay of %s publishes %d and dies", s.name, p)
		may(more, 6, func() { w.must(s.handle(ctx, e)); s.read[p]++ }, "%s handles %v", s.name, e)
		may(more, 1, func() { w.must(s.handle(ctx, e)) }, "%s handles %v and dies before it notes that", s.name, e)
		may(more && e.Aggregate != "", 1, func() { w.must(s.passOver(ctx, e)); s.read[p]++ }, "%s passes over %v", s.name, e)
		may(s.read[p] > 0, 1, func() { s.read[p] = w.choose(s.read[p]) }, "%s reads partition %d again", s.name, p)
	}
	may(true, 1, func() { w.must(s.redrive(ctx)) }, "%s redrives", s.name)
}

func (w *walk) must(err error) { require.NoError(w.t, err) }

func (w *walk) toolSteps(t *tool, may may) {
	if !t.busy {
		for _, s := range w.sites {
			may(w.moves < 12, 3, func() { w.moves++; t.start(s.name) }, "%s begins to move it to %s", t.name, s.name)
		}
		return
	}
	if t.paused > 0 {
		t.paused--
		return
	}
	may(true, 30, func() { w.call(t, runs) }, "%s: %s", t.name, t.at)
	may(true, 1, func() { w.call(t, losesAnswer) }, "%s: %s, and the answer is lost", t.name, t.at)
	may(true, 1, func() { w.call(t, diesBefore) }, "%s dies before: %s", t.name, t.at)
	may(true, 1, func() { w.call(t, diesAfter) }, "%s dies after: %s", t.name, t.at)
	may(true, 2, func() { t.paused = 20 + w.choose(60) }, "%s is paused before: %s", t.name, t.at)
}

// call lets a coordinator make its call. Writers may come while it fences.
func (w *walk) call(t *tool, v verdict) {
	var waiters []func()
	for _, s := range w.sites {
		s.fencing = func() { waiters = w.wait(s) }
	}
	t.step(v)
	for _, collect := range waiters {
		collect()
	}
}

// wait begins what was sent to a site while its fence is about to commit. It returns
// when all of them wait for it, or don't.
func (w *walk) wait(s *site) (collect []func()) {
	for _, p := range w.writes {
		for _, a := range p.attempts {
			if a.tx != nil || w.sites[a.site] != s {
				continue
			}
			type result struct {
				tx  *gorm.DB
				err error
			}
			got := make(chan result, 1)
			go func() { tx, err := a.begin(s); got <- result{tx, err} }()
			collect = append(collect, func() { r := <-got; a.began(r.tx, r.err) })
			w.awaitBlocked(s, func() bool { return len(got) > 0 }, len(collect))
		}
	}
	return collect
}

func (w *walk) awaitBlocked(s *site, ended func() bool, n int) {
	for !ended() {
		var blocked int
		require.NoError(w.t, s.db.Gorm(context.Background()).Raw(`SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&blocked).Error)
		if blocked >= n {
			return
		}
	}
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
