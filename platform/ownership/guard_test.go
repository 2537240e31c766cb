package ownership_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

func TestOnlyTheOwnerWrites(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	s := newSide(t, db, config())
	guard := func() error { return db.InTx(t.Context(), s.Guard) }
	require.ErrorIs(t, guard(), ownership.ErrUnknown)

	put(t, db, ownership.Owner, 3)
	require.NoError(t, guard())

	put(t, db, ownership.Fenced, 3)
	err := guard()
	var not *ownership.NotOwnerError
	require.ErrorIs(t, err, ownership.ErrNotOwner)
	require.ErrorAs(t, err, &not)
	require.Equal(t, ownership.NotOwnerError{Resource: "comments", Side: "monolith", State: ownership.Fenced, Epoch: 3}, *not)
	require.EqualError(t, err, "monolith does not own comments (fenced at 3): nobody owns it at this moment")

	put(t, db, ownership.Follower, 4)
	err = guard()
	require.ErrorAs(t, err, &not)
	require.Equal(t, "comments", not.Owner)
	require.Equal(t, int64(4), not.Epoch)
}

func TestATransactionThatCantBeGuardedIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	s := owner(t, db, config())
	require.ErrorIs(t, s.Guard(db.Gorm(t.Context())), ownership.ErrMisuse, "no transaction")
	for _, level := range []sql.IsolationLevel{sql.LevelRepeatableRead, sql.LevelSerializable} {
		tx := db.Gorm(t.Context()).Begin(&sql.TxOptions{Isolation: level})
		require.NoError(t, tx.Error)
		require.ErrorIs(t, s.Guard(tx), ownership.ErrMisuse, level)
		require.NoError(t, tx.Rollback().Error)
	}
	execute(t, db, "INSERT INTO feed (text) VALUES ('a row')")
	for name, before := range map[string]string{
		"wrote before":  "INSERT INTO feed (text) VALUES ('early')",
		"locked before": "SELECT 1 FROM feed FOR UPDATE",
	} {
		err := db.InTx(t.Context(), func(tx *gorm.DB) error {
			require.NoError(t, tx.Exec(before).Error)
			return s.Guard(tx)
		})
		require.ErrorIs(t, err, ownership.ErrMisuse, name)
	}
}

// askOwner is a way to ask whether this side owns; began is closed before it waits.
type askOwner func(db *database.DB, s *ownership.Side, began chan<- struct{}) error

// twoStatements is what Guard does, in a transaction at the level.
func twoStatements(level sql.IsolationLevel) askOwner {
	return func(db *database.DB, _ *ownership.Side, began chan<- struct{}) error {
		return inTx(db, level, func(tx *gorm.DB) error {
			close(began)
			if err := tx.Exec("SELECT pg_advisory_xact_lock_shared(?)", ownership.LockKey("comments")).Error; err != nil {
				return err
			}
			return mustOwn(tx, "SELECT state FROM ownership WHERE resource = 'comments'")
		})
	}
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

func inTx(db *database.DB, level sql.IsolationLevel, f func(tx *gorm.DB) error) error {
	g := db.Gorm(context.Background()).Begin(&sql.TxOptions{Isolation: level})
	if g.Error != nil {
		return g.Error
	}
	if err := f(g); err != nil {
		g.Rollback()
		return err
	}
	return g.Commit().Error
}

// A writer that waits for a fence sees the fence. The mutants are the same writer
// with one rule broken; each believes that it may write after the fence.
func TestAWriterThatWaitedForAFenceSeesIt(t *testing.T) {
	t.Parallel()
	guard := func(db *database.DB, s *ownership.Side, began chan<- struct{}) error {
		return db.InTx(context.Background(), func(tx *gorm.DB) error { close(began); return s.Guard(tx) })
	}
	for name, c := range map[string]struct {
		ask    askOwner
		writes bool
	}{
		"Guard":                        {guard, false},
		"two statements":               {twoStatements(sql.LevelReadCommitted), false},
		"mutant: at REPEATABLE READ":   {twoStatements(sql.LevelRepeatableRead), true},
		"mutant: one statement":        {oneStatement, true},
		"mutant: reads without a lock": {noLock, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, 6)
			cfg, answer := config(), make(chan error, 1)
			cfg.Markers = marks{before: func(*gorm.DB) error {
				began := make(chan struct{})
				s := newSide(t, db, config())
				go func() { answer <- c.ask(db, s, began) }()
				<-began
				if name == "mutant: reads without a lock" {
					answer <- <-answer // it is not held up
					return nil
				}
				awaitWaiting(t, db, 1)
				return nil
			}}
			s := owner(t, db, cfg)
			_, err := s.Do(t.Context(), firstFence)
			require.NoError(t, err)
			select {
			case err = <-answer:
			case <-time.After(30 * time.Second):
				t.Fatal("no writer came in the fence's transaction")
			}
			if c.writes {
				require.NoError(t, err, "the mutant writes behind the fence")
				return
			}
			require.ErrorIs(t, err, ownership.ErrNotOwner)
		})
	}
}

func oneStatement(db *database.DB, _ *ownership.Side, began chan<- struct{}) error {
	return inTx(db, sql.LevelReadCommitted, func(tx *gorm.DB) error {
		close(began)
		return mustOwn(tx, "SELECT o.state FROM (SELECT pg_advisory_xact_lock_shared(?)) AS locked, ownership AS o WHERE o.resource = 'comments'", ownership.LockKey("comments"))
	})
}

func noLock(db *database.DB, _ *ownership.Side, began chan<- struct{}) error {
	return inTx(db, sql.LevelReadCommitted, func(tx *gorm.DB) error {
		close(began)
		return mustOwn(tx, "SELECT state FROM ownership WHERE resource = 'comments'")
	})
}

// Two resources in one transaction, asked for in either order, while both are fenced
// again and again: nobody waits in a circle.
func TestTwoResourcesAreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	db := open(t, 12)
	posts := config()
	posts.Resource = "posts"
	a, b := owner(t, db, config()), owner(t, db, posts)
	stop := make(chan struct{})
	done := make(chan error, 6)
	writer := func(sides ...*ownership.Side) {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err := db.InTx(context.Background(), func(tx *gorm.DB) error { return ownership.Guard(tx, sides...) })
			if err != nil {
				done <- err
				return
			}
		}
	}
	for range 2 {
		go writer(a, b)
		go writer(b, a)
	}
	fencer := func(key int64) {
		for range 100 {
			err := inTx(db, sql.LevelReadCommitted, func(tx *gorm.DB) error {
				return tx.Exec("SELECT pg_advisory_xact_lock(?)", key).Error
			})
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}
	go fencer(ownership.LockKey("comments"))
	go fencer(ownership.LockKey("posts"))
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	close(stop)
	for range 4 {
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(30 * time.Second):
			t.Fatal("writers wait for each other")
		}
	}
}
