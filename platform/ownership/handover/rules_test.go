package handover_test

import (
	"context"
	"database/sql"
	"github.com/stretchr/testify/require"
	"hash/fnv"
	"testing"

	"gorm.io/gorm"

	"banyan.dev/platform/ownership"
)

// rules are what keeps the promises. Each can be taken away, to see that it is needed
// and that the tests would notice.
type rules struct {
	guard          func(s *site, tx *gorm.DB) error // what a writing transaction asks first
	isolation      sql.IsolationLevel
	drain          bool // who takes has applied all up to the fence
	everyPartition bool // of all partitions
	markerOfEpoch  bool // by the marker of this epoch, not of one before
	letters        bool // with no dead letter open
	bar            bool // giving up makes the other side refuse first
	keysTravel     bool // events carry idempotency keys
	demoteByEpoch  bool // the old owner steps down only for the epoch after its own
	fenceByEpoch   bool // an owner is fenced only when the other side follows it
}

func allRules() rules {
	return rules{
		guard:     func(s *site, tx *gorm.DB) error { return s.Guard(tx) },
		isolation: sql.LevelReadCommitted, drain: true, everyPartition: true, markerOfEpoch: true, letters: true,
		bar: true, keysTravel: true, demoteByEpoch: true, fenceByEpoch: true,
	}
}

func (s *site) guard(tx *gorm.DB) error { return s.rules.guard(s, tx) }

const readRow = "SELECT state FROM ownership"

// lockKey is the lock that ownership takes, for guards that take it wrongly.
func lockKey() int64 {
	h := fnv.New64a()
	h.Write([]byte("banyan.ownership/comments"))
	return int64(h.Sum64())
}

func mustOwn(tx *gorm.DB, query string, args ...any) error {
	var state ownership.State
	if err := tx.Raw(query, args...).Scan(&state).Error; err != nil {
		return err
	}
	if state != ownership.Owner {
		return ownership.ErrNotOwner
	}
	return nil
}

// mutant is all rules but one, and a seed not far before one whose walk finds it.
type mutant struct {
	rules
	from uint64
}

func but(change func(*rules)) rules {
	r := allRules()
	change(&r)
	return r
}

func mutants() map[string]mutant {
	return map[string]mutant{
		"no fence in the transaction": {but(func(r *rules) { r.guard = func(*site, *gorm.DB) error { return nil } }), 0},
		"read without a lock": {but(func(r *rules) {
			r.guard = func(_ *site, tx *gorm.DB) error { return mustOwn(tx, readRow) }
		}), 0},
		"locked and read in one statement": {but(func(r *rules) {
			r.guard = func(_ *site, tx *gorm.DB) error {
				return mustOwn(tx, "SELECT o.state FROM (SELECT pg_advisory_xact_lock_shared(?)) AS locked, ownership AS o", lockKey())
			}
		}), 0},
		"at REPEATABLE READ": {but(func(r *rules) {
			r.isolation = sql.LevelRepeatableRead
			r.guard = func(_ *site, tx *gorm.DB) error {
				if err := tx.Exec("SELECT pg_advisory_xact_lock_shared(?)", lockKey()).Error; err != nil {
					return err
				}
				return mustOwn(tx, readRow)
			}
		}), 0},
		"no drain":                 {but(func(r *rules) { r.drain = false }), 0},
		"drained in one partition": {but(func(r *rules) { r.everyPartition = false }), 25},
		"a marker of any epoch":    {but(func(r *rules) { r.markerOfEpoch = false }), 190},
		"dead letters don't count": {but(func(r *rules) { r.letters = false }), 50},
		"no bar":                   {but(func(r *rules) { r.bar = false }), 0},
		"keys don't travel":        {but(func(r *rules) { r.keysTravel = false }), 0},
	}
}

// The traces that the model's checker finds, each played twice: with the rule, where
// all promises are kept, and without it, where one is broken.
func twice(t *testing.T, without rules, breaks string, trace func(w *walk)) {
	t.Helper()
	for name, r := range map[string]rules{"kept": allRules(), "broken": without} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, newSites(t, r), r, func(int) int { return 0 })
			trace(w)
			why := w.broken()
			if why == "" {
				why = w.settle()
			}
			w.stop()
			if name == "kept" {
				require.Empty(t, why)
			} else {
				require.Contains(t, why, breaks)
			}
		})
	}
}

// until lets a coordinator go on until it is about to make that call, or to its end.
// What is on its way arrives.
func (w *walk) until(t *tool, at string) {
	for calls := 0; t.busy && t.at != at; calls++ {
		require.Less(w.t, calls, 500, "on the way to %q: stands before %q", at, t.at)
		if t.at == "pause" {
			w.must(w.sites[0].pump(context.Background()))
			w.must(w.sites[1].pump(context.Background()))
		}
		t.step(runs)
	}
	require.Equal(w.t, at, t.at)
}

const theEnd = ""

// One coordinator is about to let the service take; another gives up and unfences the
// monolith; then the first one goes on.
func TestRuleBarBeforeUnfence(t *testing.T) {
	twice(t, but(func(r *rules) { r.bar = false }), "two owners", func(w *walk) {
		slow, quick := w.tools[0], w.tools[1]
		slow.start("comments")
		w.until(slow, "pause") // not drained
		w.until(slow, "take comments")
		quick.start("monolith")
		w.until(quick, "bar comments")
		quick.step(runs)
		slow.step(runs)
	})
}

// One coordinator reads the monolith as owner at 1, and sleeps. When it reads the
// other row, the service has owned at 2 and is fenced again: not for the monolith's 1.
func TestRuleDemoteByEpoch(t *testing.T) {
	twice(t, but(func(r *rules) { r.demoteByEpoch = false }), "nobody holds it", func(w *walk) {
		slow, quick := w.tools[0], w.tools[1]
		slow.start("monolith")
		w.until(slow, "read comments")
		quick.start("comments")
		w.until(quick, theEnd)
		quick.start("monolith")
		w.until(quick, "take monolith")
		slow.step(runs)
	})
}

// One coordinator reads the monolith as follower at 2, and sleeps. When it reads the
// other row, the service owns at 4, and the monolith is fenced at 3: not demoted yet,
// and who should do it dies. Two fenced sides wait for each other for ever.
func TestRuleFenceByEpoch(t *testing.T) {
	twice(t, but(func(r *rules) { r.fenceByEpoch = false }), "stuck", func(w *walk) {
		slow, quick := w.tools[0], w.tools[1]
		quick.start("comments")
		w.until(quick, theEnd)
		slow.start("monolith")
		w.until(slow, "read comments")
		quick.start("monolith")
		w.until(quick, theEnd)
		quick.start("comments")
		w.until(quick, "demote monolith")
		quick.step(diesBefore)
		slow.step(runs)
	})
}

// One coordinator reads the monolith as fenced at 1, and sleeps. When it reads the
// other row, ownership has gone there and back. It looks again, and the monolith's
// answer is lost: what it remembers of that is no second reading.
func TestAnOldReadingIsNoContradiction(t *testing.T) {
	t.Parallel()
	w := newWalk(t, newSites(t, allRules()), allRules(), func(int) int { return 0 })
	defer w.stop()
	slow, quick := w.tools[0], w.tools[1]
	quick.start("comments")
	w.until(quick, "take comments")
	slow.start("comments")
	w.until(slow, "read comments")
	w.until(quick, theEnd)
	quick.start("monolith")
	w.until(quick, theEnd)
	slow.step(runs)
	w.until(slow, "read monolith")
	slow.step(losesAnswer)
	require.Equal(t, "read comments", slow.at)
	slow.step(runs)
	require.Empty(t, w.trouble)
	w.until(slow, theEnd)
	require.Empty(t, w.trouble)
	require.NoError(t, slow.err)
	require.Empty(t, w.settle())
}
