package ownership

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"gorm.io/gorm"
)

// lockKey is the resource's advisory lock. It is 64 bits wide, so that two resources
// don't meet by chance; the locks of other packages are pairs, which PostgreSQL keeps
// apart.
func lockKey(resource string) int64 {
	h := fnv.New64a()
	h.Write([]byte("banyan.ownership/" + resource))
	return int64(h.Sum64())
}

// Guard is the first thing that a transaction does which writes the resource. When it
// returns nil, this side is the owner until the transaction ends: a fence waits for
// that. It returns a *NotOwnerError when this side is not; then the caller rolls back
// and nothing was done. The transaction must be at READ COMMITTED and have written
// and locked nothing before, else it returns ErrMisuse. Keep it short: it holds up a
// hand-over for as long as it lasts.
//
// It waits while a fence is under way; ctx of the transaction bounds that.
func (s *Side) Guard(tx *gorm.DB) error { return Guard(tx, s) }

// Own is Guard, and tells the epoch in which this side owns the resource until the
// transaction ends: what the transaction writes is minted in it.
func (s *Side) Own(tx *gorm.DB) (epoch int64, err error) {
	if err := s.lockShared(tx); err != nil {
		return 0, err
	}
	return s.mustOwn(tx)
}

// Guard is Side.Guard for a transaction that writes several resources of one
// database. All are asked before anything is written, in an order that is the same
// for all, so that two such transactions and two fences don't wait in a circle.
func Guard(tx *gorm.DB, sides ...*Side) error {
	if len(sides) > 1 {
		sides = slices.SortedFunc(slices.Values(sides), func(a, b *Side) int { return cmp.Compare(a.lock, b.lock) })
	}
	for _, s := range sides {
		if err := s.lockShared(tx); err != nil {
			return err
		}
	}
	for _, s := range sides {
		if _, err := s.mustOwn(tx); err != nil {
			return err
		}
	}
	return nil
}

// lockShared lets no fence pass until the transaction ends.
func (s *Side) lockShared(tx *gorm.DB) error {
	if _, in := tx.Statement.ConnPool.(gorm.TxCommitter); !in {
		return fmt.Errorf("guard %s: %w: it is none; call Guard within InTx", s.cfg.Resource, ErrMisuse)
	}
	if _, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, "SELECT pg_advisory_xact_lock_shared($1)", s.lock); err != nil {
		return fmt.Errorf("lock %s to write it: %w", s.cfg.Resource, err)
	}
	return nil
}

// mustOwn reads the row in a statement of its own, after the one that locked: a
// statement sees what was committed when it began, and that one may have begun
// before the fence that it waited for. For the same reason a transaction with one
// snapshot for all its statements can't be guarded. One that has written or locked a
// row before it came here has an id: it may hold what a writer needs who holds up the
// fence that it waits for itself. Every write pays for this: it does without gorm.
func (s *Side) mustOwn(tx *gorm.DB) (epoch int64, err error) {
	var row Row
	var isolation string
	var late bool
	err = tx.Statement.ConnPool.QueryRowContext(tx.Statement.Context, `SELECT state, epoch, current_setting('transaction_isolation'),
		pg_current_xact_id_if_assigned() IS NOT NULL FROM ownership WHERE resource = $1`, s.cfg.Resource).Scan(&row.State, &row.Epoch, &isolation, &late)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, fmt.Errorf("%s: %w", s.cfg.Resource, ErrUnknown)
	case err != nil:
		return 0, fmt.Errorf("read who owns %s: %w", s.cfg.Resource, err)
	case isolation != "read committed":
		return 0, fmt.Errorf("guard %s: %w: it is at %s, and would not see a fence that it waited for; use READ COMMITTED", s.cfg.Resource, ErrMisuse, isolation)
	case late:
		return 0, fmt.Errorf("guard %s: %w: it has written or locked something already; call Guard first", s.cfg.Resource, ErrMisuse)
	case row.State != Owner:
		return 0, s.notOwner(row)
	}
	return row.Epoch, nil
}

func (s *Side) notOwner(r Row) error {
	e := &NotOwnerError{Resource: s.cfg.Resource, Side: s.cfg.Name, State: r.State, Epoch: r.Epoch}
	if r.State == Follower {
		e.Owner = s.cfg.Peer
	}
	return e
}
