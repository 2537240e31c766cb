package ownership

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/database"
)

// Markers ends what the owner has written. The outbox does it.
type Markers interface {
	// Mark appends one marker of the row's epoch to each partition of the resource's
	// feed, within the transaction that fences, or in one of a rehearsal. No writer of the resource is under way
	// at a fence, and none begins before the commit: the markers come after all that was
	// ever written at that epoch. When it also has a method Marked(), that is called
	// after the commit: who publishes the feed may be woken.
	Mark(tx *gorm.DB, fenced Row) error
}

// Requirement is something that must be so before this side takes the resource. The
// inbox and the backfill have such.
type Requirement interface {
	// Missing returns what is not so yet, in words for a person with the mend, or ""
	// when nothing is. It is asked within the transaction that takes, with the epoch at
	// which the other side is fenced; or ahead of a hand-over, with the epoch at which
	// it would be.
	Missing(tx *gorm.DB, epoch int64) (string, error)
}

// Config says what a Side is about.
type Config struct {
	// Resource is what is owned, for instance comments.
	Resource string
	// Name is this side's, and Peer the other's, as routes and answers name them.
	Name, Peer string
	// Markers is asked when this side is fenced.
	Markers Markers
	// Drained lacks something until the markers of the epoch have been applied, of
	// every partition. It is what a hand-over waits for.
	Drained Requirement
	// Requires lack what waiting won't bring: an open dead letter, an unfinished
	// backfill, a reconciliation with differences.
	Requires []Requirement
	// LockTimeout is how long one try to fence makes writers wait, and bounds each wait
	// for a lock in any other move too (SET LOCAL lock_timeout); 0 means 1 s. It is that
	// long since most writers wait at the gates meanwhile: a try that gives up lets in
	// again all who stand behind it, and 250 ms made a fence take 1.2 s on a busy machine.
	// Those pay who don't pass the gates: they queue behind the lock, each with a
	// connection of the pool. It must lie below what the gateway lets a request wait.
	LockTimeout time.Duration
	// FenceWithin is how long fencing is tried; 0 means 2 s.
	FenceWithin time.Duration
}

func (c Config) check() error {
	for _, field := range []struct{ name, value string }{{"Resource", c.Resource}, {"Name", c.Name}, {"Peer", c.Peer}} {
		if field.value == "" {
			return fmt.Errorf("ownership: %s is empty: name it", field.name)
		}
	}
	switch {
	case c.Name == c.Peer:
		return fmt.Errorf("ownership of %s: Name and Peer are both %q: name the other side", c.Resource, c.Name)
	case c.Markers == nil || c.Drained == nil:
		return fmt.Errorf("ownership of %s: Markers or Drained is missing: a hand-over would lose what is on its way", c.Resource)
	case c.LockTimeout < 0 || c.LockTimeout > 0 && c.LockTimeout < time.Millisecond:
		return fmt.Errorf("ownership of %s: LockTimeout %s can't be: use 1ms or more", c.Resource, c.LockTimeout)
	}
	return nil
}

// Side is one of the two databases that a resource may be written in. It is safe for
// concurrent use, and several processes may have one of the same database.
type Side struct {
	db   *database.DB
	cfg  Config
	lock int64
}

// New returns the side whose row is in db. Its errors name the field.
func New(db *database.DB, cfg Config) (*Side, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg.LockTimeout = cmp.Or(cfg.LockTimeout, time.Second) // two tries in the 2 s below
	cfg.FenceWithin = cmp.Or(cfg.FenceWithin, 2*time.Second)
	return &Side{db: db, cfg: cfg, lock: lockKey(cfg.Resource)}, nil
}

// Name is this side's.
func (s *Side) Name() string { return s.cfg.Name }

// Adopt says who owned the resource before any hand-over: on the first day one side
// is told Owner and the other Follower. Where a row is already, it is left as it is
// and returned: hosts call Adopt at each start. Never tell Owner to a side whose
// database was lost: it would be a second one.
func (s *Side) Adopt(ctx context.Context, as State, by string) (Row, error) {
	epoch := int64(0)
	switch as {
	case Owner:
		epoch = 1
	case Follower:
	default:
		return Row{}, fmt.Errorf("adopt %s as %q: say owner or follower", s.cfg.Resource, as)
	}
	err := s.db.InTx(ctx, func(tx *gorm.DB) error {
		if err := durable(tx); err != nil {
			return err
		}
		made := tx.Exec("INSERT INTO ownership (resource, state, epoch, by) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", s.cfg.Resource, as, epoch, by)
		if made.Error != nil || made.RowsAffected == 0 {
			return made.Error
		}
		return note(tx, "adopt", s.cfg.Resource)
	})
	if err != nil {
		return Row{}, fmt.Errorf("adopt %s: %w", s.cfg.Resource, err)
	}
	return s.Row(ctx)
}

// Row reads this side's row. Who owns may change at once; to write, use Guard. It
// returns ErrUnknown where there is none.
func (s *Side) Row(ctx context.Context) (Row, error) { return s.read(ctx, s.db.SQL(), "") }

// read goes round gorm: hosts ask for the row ahead of each write.
func (s *Side) read(ctx context.Context, from gorm.ConnPool, locking string) (r Row, err error) {
	err = from.QueryRowContext(ctx, "SELECT resource, state, epoch, since, by FROM ownership WHERE resource = $1 "+locking, s.cfg.Resource).
		Scan(&r.Resource, &r.State, &r.Epoch, &r.Since, &r.By)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Row{}, fmt.Errorf("%s: %w", s.cfg.Resource, ErrUnknown)
	case err != nil:
		return Row{}, fmt.Errorf("read who owns %s: %w", s.cfg.Resource, err)
	}
	return r, nil
}

// Ready asks ahead of a hand-over whether this side could take, so that writers are
// not held up for nothing; epoch is the one at which the other would be fenced. It
// returns a *NotReadyError with all that is missing.
func (s *Side) Ready(ctx context.Context, epoch int64) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error { return s.lacks(tx, epoch, s.cfg.Requires, false) })
}

// Moved is a line of what became of the resource.
type Moved struct {
	Move  string    `json:"move"`
	State State     `json:"state"`
	Epoch int64     `json:"epoch"`
	At    time.Time `json:"at"`
	By    string    `json:"by"`
}

// Moves returns the last moves of this side's row, the newest first.
func (s *Side) Moves(ctx context.Context, last int) ([]Moved, error) {
	var moves []Moved
	err := s.db.Gorm(ctx).Raw("SELECT move, state, epoch, at, by FROM ownership_moves WHERE resource = ? ORDER BY id DESC LIMIT ?", s.cfg.Resource, last).Scan(&moves).Error
	if err != nil {
		return nil, fmt.Errorf("read the moves of %s: %w", s.cfg.Resource, err)
	}
	return moves, nil
}

// lacks collects what is missing.
func (s *Side) lacks(tx *gorm.DB, epoch int64, of []Requirement, draining bool) error {
	var missing []string
	var errs []error
	for _, r := range of {
		text, err := r.Missing(tx, epoch)
		errs = append(errs, err)
		if text != "" {
			missing = append(missing, text)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("ask whether %s can be taken: %w", s.cfg.Resource, err)
	}
	if len(missing) > 0 {
		return &NotReadyError{Resource: s.cfg.Resource, Missing: missing, Draining: draining}
	}
	return nil
}
