package handover_test

import (
	"database/sql"
	"hash/fnv"

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

// mutants are all rules but one.
func mutants() map[string]rules {
	but := func(change func(*rules)) rules {
		r := allRules()
		change(&r)
		return r
	}
	return map[string]rules{
		"no fence in the transaction": but(func(r *rules) { r.guard = func(*site, *gorm.DB) error { return nil } }),
		"read without a lock": but(func(r *rules) {
			r.guard = func(_ *site, tx *gorm.DB) error { return mustOwn(tx, readRow) }
		}),
		"locked and read in one statement": but(func(r *rules) {
			r.guard = func(s *site, tx *gorm.DB) error {
				return mustOwn(tx, "SELECT o.state FROM (SELECT pg_advisory_xact_lock_shared(?)) AS locked, ownership AS o", lockKey())
			}
		}),
		"at REPEATABLE READ": but(func(r *rules) {
			r.isolation = sql.LevelRepeatableRead
			r.guard = func(s *site, tx *gorm.DB) error {
				if err := tx.Exec("SELECT pg_advisory_xact_lock_shared(?)", lockKey()).Error; err != nil {
					return err
				}
				return mustOwn(tx, readRow)
			}
		}),
		"no drain":                   but(func(r *rules) { r.drain = false }),
		"drained in one partition":   but(func(r *rules) { r.everyPartition = false }),
		"a marker of any epoch":      but(func(r *rules) { r.markerOfEpoch = false }),
		"dead letters don't count":   but(func(r *rules) { r.letters = false }),
		"no bar":                     but(func(r *rules) { r.bar = false }),
		"keys don't travel":          but(func(r *rules) { r.keysTravel = false }),
		"demoted on a stale reading": but(func(r *rules) { r.demoteByEpoch = false }),
		"fenced on a stale reading":  but(func(r *rules) { r.fenceByEpoch = false }),
	}
}
