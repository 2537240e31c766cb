package backfill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// ErrOrder is an order that can't be carried out.
var ErrOrder = errors.New("the order can't be")

// run is a row of backfill_runs.
type run struct {
	Run        string
	State      string
	Rate       int
	Place      string
	Sent       string // JSON
	RowCount   int64
	PageCount  int64
	Worked     float64
	Error      string
	Worker     string
	StartedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt *time.Time
}

const columns = "run, state, rate, place, sent::text AS sent, row_count, page_count, worked, error, worker, started_at, updated_at, finished_at"

func (r run) status(resource string) Status {
	s := Status{
		Resource: resource, State: r.State, Run: r.Run, Rate: r.Rate, Rows: r.RowCount, Pages: r.PageCount, Place: r.Place,
		Error: r.Error, StartedAt: &r.StartedAt, UpdatedAt: &r.UpdatedAt, FinishedAt: r.FinishedAt,
	}
	if r.State == Running {
		s.Worker = r.Worker
	}
	if r.Worked > 0 {
		s.RowsPerSecond = float64(r.RowCount) / r.Worked
	}
	return s
}

// newest reads the newest run; false when there is none.
func (r *Runner) newest(tx *gorm.DB, locking string) (found run, ok bool, err error) {
	got := tx.Raw("SELECT "+columns+" FROM backfill_runs WHERE resource = ? ORDER BY run DESC LIMIT 1 "+locking, r.cfg.Resource).Scan(&found)
	if got.Error != nil {
		return run{}, false, fmt.Errorf("read the backfill of %s: %w", r.cfg.Resource, got.Error)
	}
	return found, got.RowsAffected == 1, nil
}

// Status returns how far the newest run has come.
func (r *Runner) Status(ctx context.Context) (Status, error) {
	found, ok, err := r.newest(r.db.Gorm(ctx), "")
	if err != nil {
		return Status{}, err
	}
	if !ok {
		return Status{Resource: r.cfg.Resource, State: None}, nil
	}
	return found.status(r.cfg.Resource), nil
}

// Missing is what of a run was not applied here, at the side that follows, or "". The
// run is the other side's. Errors: ErrOrder for what is no run's id.
func (r *Runner) Missing(ctx context.Context, run string) (string, error) {
	if run == "" {
		return "", fmt.Errorf("%w: name a run", ErrOrder)
	}
	if err := (Order{Run: run}).check(); err != nil {
		return "", err
	}
	return Missing(r.db.Gorm(ctx), r.cfg.Resource, run)
}

// Start begins a run, or lets one go on; see Order. It returns at once: some replica's
// Run does the work. One that is done stays done. Errors: ErrOrder.
func (r *Runner) Start(ctx context.Context, o Order) (Status, error) {
	if err := o.check(); err != nil {
		return Status{}, err
	}
	err := r.db.InTx(ctx, func(tx *gorm.DB) error { return r.start(tx, o) })
	if err != nil {
		return Status{}, fmt.Errorf("start the backfill of %s: %w", r.cfg.Resource, err)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return r.Status(ctx)
}

func (o Order) check() error {
	if o.Rate < 0 {
		return fmt.Errorf("%w: rate %d: use rows per second, or 0 for as fast as it goes", ErrOrder, o.Rate)
	}
	if o.Run == "" {
		return nil
	}
	if id, err := uuid.Parse(o.Run); err != nil || id.Version() != 7 || id.String() != o.Run {
		return fmt.Errorf("%w: run %.40q: mint a UUIDv7, in lower case: its time says which run is the newest", ErrOrder, o.Run)
	}
	return nil
}

// start holds the newest run, so that of two orders one is first.
func (r *Runner) start(tx *gorm.DB, o Order) error {
	if err := tx.Exec("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", "banyan.backfill/"+r.cfg.Resource).Error; err != nil {
		return fmt.Errorf("lock the runs: %w", err)
	}
	newest, ok, err := r.newest(tx, "FOR UPDATE")
	if err != nil {
		return err
	}
	switch {
	case ok && (o.Run == "" || o.Run == newest.Run):
		return tx.Exec(`UPDATE backfill_runs SET rate = ?, state = CASE state WHEN 'paused' THEN 'running' ELSE state END, updated_at = clock_timestamp()
			WHERE resource = ? AND run = ?`, o.Rate, r.cfg.Resource, newest.Run).Error
	case ok && o.Run < newest.Run:
		return fmt.Errorf("%w: run %s is older than %s, which is under way or done: ask for that one, or mint a new one", ErrOrder, o.Run, newest.Run)
	}
	if o.Run == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("mint a run's id: %w", err)
		}
		o.Run = id.String()
	}
	err = tx.Exec(`UPDATE backfill_runs SET state = 'replaced', updated_at = clock_timestamp() WHERE resource = ? AND state IN ('running', 'paused')`, r.cfg.Resource).Error
	if err != nil {
		return fmt.Errorf("replace the run before: %w", err)
	}
	return tx.Exec(`INSERT INTO backfill_runs (resource, run, rate) VALUES (?, ?, ?)`, r.cfg.Resource, o.Run, o.Rate).Error
}

// Pause lets the newest run rest, between two pages, until it is started again. One
// that is done stays done.
func (r *Runner) Pause(ctx context.Context) (Status, error) {
	err := r.db.InTx(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`UPDATE backfill_runs SET state = 'paused', updated_at = clock_timestamp() WHERE resource = ? AND state = 'running'`, r.cfg.Resource).Error
	})
	if err != nil {
		return Status{}, fmt.Errorf("pause the backfill of %s: %w", r.cfg.Resource, err)
	}
	return r.Status(ctx)
}

// lease is a claim on the newest run: until the time by the database's clock that the
// row says, other replicas leave it alone. It is for comfort; each page locks the row.
func (r *Runner) lease(ctx context.Context) (id string, ok bool, err error) {
	var ids []string
	err = r.db.InTx(ctx, func(tx *gorm.DB) error {
		ids = nil
		return tx.Raw(`UPDATE backfill_runs SET worker = ?, leased_until = clock_timestamp() + ? * interval '1 second'
			WHERE resource = ? AND state = 'running' AND (worker = ? OR leased_until < clock_timestamp()) RETURNING run`,
			r.worker, r.cfg.Lease.Seconds(), r.cfg.Resource, r.worker).Scan(&ids).Error
	})
	if err != nil {
		return "", false, fmt.Errorf("claim the backfill of %s: %w", r.cfg.Resource, err)
	}
	if len(ids) == 0 {
		return "", false, nil
	}
	return ids[0], true, nil
}

// release lets another replica go on at once, with the reason why this one does not.
func (r *Runner) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = r.db.InTx(ctx, func(tx *gorm.DB) error { // else the lease ends by itself
		return tx.Exec(`UPDATE backfill_runs SET leased_until = '-infinity' WHERE resource = ? AND state = 'running' AND worker = ?`, r.cfg.Resource, r.worker).Error
	})
}

// tell says why the run does not get on, in the log and in its Status.
func (r *Runner) tell(ctx context.Context, id string, why error) {
	r.cfg.Logger.WarnContext(ctx, "backfill does not get on; it is tried again", "run", id, "error", why)
	r.note(ctx, id, why.Error())
}

// note says it in the Status alone.
func (r *Runner) note(ctx context.Context, id, why string) {
	_ = r.db.InTx(ctx, func(tx *gorm.DB) error { // a run without its reason is a run
		return tx.Exec(`UPDATE backfill_runs SET error = ?, updated_at = clock_timestamp() WHERE resource = ? AND run = ? AND state = 'running' AND worker = ?`,
			why, r.cfg.Resource, id, r.worker).Error
	})
}
