package handover_test

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

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
