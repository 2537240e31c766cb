package ownership_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

func TestAdoptSaysItOnce(t *testing.T) {
	t.Parallel()
	db := open(t, 8)
	s := newSide(t, db, config())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := s.Adopt(t.Context(), ownership.Owner, "start")
			require.NoError(t, err)
			require.Equal(t, "owner at 1", r.String())
		})
	}
	all.Wait()
	put(t, db, ownership.Follower, 7)
	r, err := s.Adopt(t.Context(), ownership.Owner, "a later start")
	require.NoError(t, err)
	require.Equal(t, "follower at 7", r.String(), "a restart changes nothing")
	moves, err := s.Moves(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, moves, 1)
	_, err = s.Adopt(t.Context(), ownership.Fenced, "")
	require.ErrorContains(t, err, "say owner or follower")
}

func TestConfigNamesTheMistake(t *testing.T) {
	for mend, spoil := range map[string]func(*ownership.Config){
		"Resource is empty":     func(c *ownership.Config) { c.Resource = "" },
		"name the other side":   func(c *ownership.Config) { c.Peer = c.Name },
		"Markers or Drained":    func(c *ownership.Config) { c.Drained = nil },
		"LockTimeout 1µs can't": func(c *ownership.Config) { c.LockTimeout = time.Microsecond },
	} {
		c := config()
		spoil(&c)
		_, err := ownership.New(nil, c)
		require.ErrorContains(t, err, mend)
	}
}

// The whole way over, back by giving up, and the record of it.
func TestAHandOverAndOneGivenUp(t *testing.T) {
	t.Parallel()
	a, b := open(t, 2), open(t, 2)
	there := config()
	there.Name, there.Peer = "comments", "monolith"
	old, young := owner(t, a, config()), newSide(t, b, there)
	_, err := young.Adopt(t.Context(), ownership.Follower, "the first day")
	require.NoError(t, err)
	do := func(s *ownership.Side, m ownership.Move, epoch int64, other *ownership.Side) error {
		r, err := other.Row(t.Context())
		require.NoError(t, err)
		_, err = s.Do(t.Context(), ownership.Order{Move: m, Epoch: epoch, Other: r, By: "tool"})
		return err
	}
	require.NoError(t, do(old, ownership.Fence, 1, young))
	require.ErrorIs(t, do(old, ownership.Unfence, 1, young), ownership.ErrUnproven, "not barred")
	require.ErrorIs(t, do(old, ownership.Demote, 1, young), ownership.ErrUnproven, "not taken")
	require.ErrorIs(t, do(young, ownership.Take, 1, old), ownership.ErrNotDrained)
	require.NoError(t, do(young, ownership.Bar, 1, old))
	require.NoError(t, do(young, ownership.Bar, 1, old), "a second time, as after a lost answer")
	execute(t, b, "INSERT INTO arrived VALUES (1)")
	require.ErrorIs(t, do(young, ownership.Take, 1, old), ownership.ErrStale, "barred")
	require.NoError(t, do(old, ownership.Unfence, 1, young))
	is(t, old, ownership.Owner, 3)

	require.NoError(t, do(old, ownership.Fence, 3, young))
	require.ErrorIs(t, do(young, ownership.Take, 3, old), ownership.ErrNotDrained, "the marker of epoch 1 says nothing of 3")
	execute(t, b, "INSERT INTO arrived VALUES (3)")
	require.NoError(t, do(young, ownership.Take, 3, old))
	require.ErrorIs(t, do(young, ownership.Bar, 3, old), ownership.ErrStale, "taken")
	require.ErrorIs(t, do(young, ownership.Fence, 4, old), ownership.ErrUnproven, "the old owner is not demoted yet")
	require.NoError(t, do(old, ownership.Demote, 3, young))
	is(t, old, ownership.Follower, 4)
	is(t, young, ownership.Owner, 4)

	moves, err := old.Moves(t.Context(), 10)
	require.NoError(t, err)
	var names []string
	for i, m := range moves {
		names = append(names, m.Move)
		require.False(t, i > 0 && m.At.After(moves[i-1].At))
	}
	require.Equal(t, []string{"demote", "fence", "unfence", "fence", "adopt"}, names)
	require.Equal(t, "tool", moves[0].By)
}

func TestTakingNeedsAllThatIsRequired(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	s := newSide(t, db, config())
	put(t, db, ownership.Follower, 0)
	take := ownership.Order{Move: ownership.Take, Epoch: 1}
	execute(t, db, "INSERT INTO letters DEFAULT VALUES")
	require.ErrorIs(t, s.Ready(t.Context(), 1), ownership.ErrNotReady)
	_, err := s.Do(t.Context(), take)
	require.ErrorIs(t, err, ownership.ErrNotDrained)
	execute(t, db, "INSERT INTO arrived VALUES (1)")
	_, err = s.Do(t.Context(), take)
	require.ErrorIs(t, err, ownership.ErrNotReady)
	require.EqualError(t, err, "monolith take: can't own comments yet: a dead letter is open: redrive or discard it")
	execute(t, db, "DELETE FROM letters")
	require.NoError(t, s.Ready(t.Context(), 1))
	_, err = s.Do(t.Context(), take)
	require.NoError(t, err)
}

// An event is passed over, and the marker behind it applied, while a take asks. It
// asks for the marker first; asked in the other order it would miss the letter.
func TestADeadLetterNotedWhileTakingIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reversed bool
		taken    bool
	}{"the marker first": {false, false}, "mutant: the letters first": {true, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, 4)
			put(t, db, ownership.Follower, 0)
			passOver := func() {
				execute(t, db, "INSERT INTO letters DEFAULT VALUES")
				execute(t, db, "INSERT INTO arrived VALUES (1)")
			}
			first, second := drained, letters
			if c.reversed {
				first, second = letters, drained
			}
			first.after = sync.OnceFunc(passOver)
			cfg := config()
			cfg.Drained, cfg.Requires = first, []ownership.Requirement{second}
			s := newSide(t, db, cfg)
			var err error
			for range 2 { // it is asked again when only events are missing
				if _, err = s.Do(t.Context(), ownership.Order{Move: ownership.Take, Epoch: 1}); err == nil {
					break
				}
			}
			require.Equal(t, c.taken, err == nil, "%v", err)
		})
	}
}

// The marker comes behind all that was written, also by who was under way.
func TestAFenceWaitsForWritersAndMarksTheEnd(t *testing.T) {
	t.Parallel()
	db := open(t, 8)
	cfg := config()
	cfg.LockTimeout = 10 * time.Second
	s := owner(t, db, cfg)
	holding, release := make(chan struct{}), make(chan struct{})
	wrote := make(chan error, 1)
	go func() {
		wrote <- db.InTx(context.Background(), func(tx *gorm.DB) error {
			if err := s.Guard(tx); err != nil {
				return err
			}
			close(holding)
			<-release
			return tx.Exec("INSERT INTO feed (text) VALUES ('written')").Error
		})
	}()
	<-holding
	fenced := make(chan error, 1)
	go func() { _, err := s.Do(context.Background(), firstFence); fenced <- err }()
	awaitWaiting(t, db, 1)
	is(t, s, ownership.Owner, 1)
	close(release)
	require.NoError(t, <-wrote)
	require.NoError(t, <-fenced)
	var texts []string
	require.NoError(t, db.Gorm(t.Context()).Raw("SELECT text FROM feed ORDER BY id").Scan(&texts).Error)
	require.Equal(t, []string{"written", "marker fenced at 1"}, texts)
}

// A writer that does not end makes a fence give up; others get through in between.
func TestAFenceThatFindsNoGapDoesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, 8)
	cfg := config()
	cfg.LockTimeout, cfg.FenceWithin = 100*time.Millisecond, 500*time.Millisecond
	s := owner(t, db, cfg)
	slow := db.Gorm(t.Context()).Begin()
	require.NoError(t, s.Guard(slow))
	fenced := make(chan error, 1)
	go func() { _, err := s.Do(context.Background(), firstFence); fenced <- err }()
	awaitWaiting(t, db, 1)
	require.NoError(t, db.InTx(t.Context(), s.Guard), "a new writer waits no longer than one try")
	err := <-fenced
	require.ErrorIs(t, err, ownership.ErrBusy)
	var busy *ownership.BusyError
	require.ErrorAs(t, err, &busy)
	require.Greater(t, busy.Tries, 1)
	is(t, s, ownership.Owner, 1)
	require.NoError(t, slow.Rollback().Error)
	_, err = s.Do(t.Context(), firstFence)
	require.NoError(t, err)
}

func TestAFenceWithoutItsMarkersIsNone(t *testing.T) {
	t.Parallel()
	db := open(t, 2)
	cfg := config()
	cfg.Markers = marks{before: func(*gorm.DB) error { return errors.New("no room") }}
	s := owner(t, db, cfg)
	_, err := s.Do(t.Context(), firstFence)
	require.ErrorContains(t, err, "no room")
	is(t, s, ownership.Owner, 1)
}

// Of many that make the same move at once, one does.
func TestAMoveIsMadeOnce(t *testing.T) {
	t.Parallel()
	db := open(t, 8)
	s := owner(t, db, config())
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = s.Do(t.Context(), firstFence) })
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		require.ErrorIs(t, err, ownership.ErrStale)
	}
	require.Equal(t, 1, made)
	var markers int
	require.NoError(t, db.Gorm(t.Context()).Raw("SELECT count(*) FROM feed").Scan(&markers).Error)
	require.Equal(t, 1, markers)
}

// A database that acknowledges before the disk has it would forget a fence.
func TestMovesWaitForTheDisk(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			db := open(t, 1)
			execute(t, db, "SET synchronous_commit = "+set) // of the only connection
			cfg, during := config(), ""
			cfg.Markers = marks{before: func(tx *gorm.DB) error { return tx.Raw("SHOW synchronous_commit").Scan(&during).Error }}
			s := owner(t, db, cfg)
			_, err := s.Do(t.Context(), firstFence)
			require.NoError(t, err)
			require.Equal(t, want, during)
			var after string
			require.NoError(t, db.Gorm(t.Context()).Raw("SHOW synchronous_commit").Scan(&after).Error)
			require.Equal(t, set, after)
		})
	}
}

// The connection dies in the middle of a fence: it is made again, once.
func TestAFenceSurvivesItsConnection(t *testing.T) {
	t.Parallel()
	db := open(t, 3)
	cfg, killed := config(), false
	cfg.Markers = marks{before: func(tx *gorm.DB) error {
		if killed {
			return nil
		}
		killed = true
		var pid int
		if err := tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error; err != nil {
			return err
		}
		return kill(db, pid)
	}}
	s := owner(t, db, cfg)
	_, err := s.Do(t.Context(), firstFence)
	require.NoError(t, err)
	is(t, s, ownership.Fenced, 1)
	var markers int
	require.NoError(t, db.Gorm(t.Context()).Raw("SELECT count(*) FROM feed").Scan(&markers).Error)
	require.Equal(t, 1, markers)
}

func kill(db *database.DB, pid int) error {
	return db.Gorm(context.Background()).Exec("SELECT pg_terminate_backend(?, 5000)", pid).Error
}
