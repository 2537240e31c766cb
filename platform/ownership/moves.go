package ownership

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Do makes one move of this side's row, or none, and returns the row as it is then.
// Errors: *StaleError, *UnprovenError, *NotReadyError (Take), *BusyError (Fence) and
// ErrUnknown, each of which says that nothing was done. After any other error, such
// as a connection lost during the commit, nobody knows: read the row.
//
// Fence waits for the writing transactions that are under way, in tries of
// Config.LockTimeout. While it waits, new ones wait behind it; between two tries they
// pass.
func (s *Side) Do(ctx context.Context, o Order) (Row, error) {
	if o.Move == Fence {
		return s.fence(ctx, o)
	}
	return s.do(ctx, o)
}

// fence tries until it gets in between the writers.
func (s *Side) fence(ctx context.Context, o Order) (Row, error) {
	deadline := time.Now().Add(s.cfg.FenceWithin)
	for tries := 1; ; tries++ {
		row, err := s.do(ctx, o)
		if !isLockTimeout(err) {
			return row, err
		}
		pause := s.cfg.LockTimeout/8 + rand.N(s.cfg.LockTimeout/8+1)
		if time.Until(deadline) < pause {
			return Row{}, &BusyError{Resource: s.cfg.Resource, Tries: tries}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Row{}, fmt.Errorf("fence %s: %w", s.cfg.Resource, ctx.Err())
		}
	}
}

func (s *Side) do(ctx context.Context, o Order) (Row, error) {
	var row Row
	err := s.db.InTx(ctx, func(tx *gorm.DB) (err error) {
		row, err = s.move(tx, o)
		return err
	})
	if err != nil {
		return Row{}, fmt.Errorf("%s %s: %w", s.cfg.Name, o.Move, err)
	}
	if marked, ok := s.cfg.Markers.(interface{ Marked() }); ok && o.Move == Fence {
		marked.Marked()
	}
	return row, nil
}

// move is what one transaction does. The lock comes first and the row in a later
// statement, as in Guard.
func (s *Side) move(tx *gorm.DB, o Order) (Row, error) {
	if o.Epoch >= firstRehearsal {
		return Row{}, fmt.Errorf("epoch %d can't be handed over: it is a rehearsal's", o.Epoch)
	}
	if err := durable(tx); err != nil {
		return Row{}, err
	}
	if err := tx.Exec(fmt.Sprintf("SET LOCAL lock_timeout = %d", s.cfg.LockTimeout.Milliseconds())).Error; err != nil {
		return Row{}, fmt.Errorf("bound the wait for locks: %w", err)
	}
	if o.Move == Fence {
		if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", s.lock).Error; err != nil {
			return Row{}, fmt.Errorf("lock out the writers of %s: %w", s.cfg.Resource, err)
		}
	}
	was, err := s.read(tx.Statement.Context, tx.Statement.ConnPool, "FOR UPDATE")
	if err != nil {
		return Row{}, err
	}
	next, err := was.After(o)
	if err != nil {
		return Row{}, err
	}
	if o.Move == Take {
		if err := s.mayTake(tx, o.Epoch); err != nil {
			return Row{}, err
		}
	}
	return s.write(tx, was, next, o.Move)
}

// mayTake asks for the drained feed first and for all else after it, each in a
// statement of its own. An event that was passed over is noted before the marker
// behind it is: who sees the marker sees the note. The other way round it could be
// noted in between.
func (s *Side) mayTake(tx *gorm.DB, epoch int64) error {
	if err := s.lacks(tx, epoch, []Requirement{s.cfg.Drained}, true); err != nil {
		return err
	}
	return s.lacks(tx, epoch, s.cfg.Requires, false)
}

// write swaps the row, notes it, and ends a fenced owner's feed.
func (s *Side) write(tx *gorm.DB, was, next Row, m Move) (Row, error) {
	swapped := tx.Raw(`UPDATE ownership SET state = ?, epoch = ?, by = ?, since = clock_timestamp()
		WHERE resource = ? AND state = ? AND epoch = ? RETURNING resource, state, epoch, since, by`,
		next.State, next.Epoch, next.By, was.Resource, was.State, was.Epoch).Scan(&next)
	if swapped.Error != nil {
		return Row{}, fmt.Errorf("write who owns %s: %w", s.cfg.Resource, swapped.Error)
	}
	if swapped.RowsAffected != 1 {
		return Row{}, fmt.Errorf("write who owns %s: the row changed under its lock", s.cfg.Resource)
	}
	if err := note(tx, string(m), s.cfg.Resource); err != nil {
		return Row{}, err
	}
	if m == Fence {
		if err := s.cfg.Markers.Mark(tx, next); err != nil {
			return Row{}, fmt.Errorf("mark the end of the feed of %s: %w", s.cfg.Resource, err)
		}
	}
	return next, nil
}

// note keeps the row as it is now among the moves.
func note(tx *gorm.DB, move, resource string) error {
	err := tx.Exec(`INSERT INTO ownership_moves (resource, move, state, epoch, at, by)
		SELECT resource, ?, state, epoch, since, by FROM ownership WHERE resource = ?`, move, resource).Error
	if err != nil {
		return fmt.Errorf("note the move of %s: %w", resource, err)
	}
	return nil
}

// durable makes the commit wait for the disk, and for synchronous replicas, whatever
// the database is set to. A fence that a crash forgets is a second owner.
func durable(tx *gorm.DB) error {
	err := tx.Exec(`SELECT set_config('synchronous_commit', 'on', true)
		WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`).Error
	if err != nil {
		return fmt.Errorf("ask for a durable commit: %w", err)
	}
	return nil
}

func isLockTimeout(err error) bool {
	const lockNotAvailable = "55P03"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == lockNotAvailable
}
