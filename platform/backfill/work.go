package backfill

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"banyan.dev/platform/outbox"
)

// Run works on runs until ctx ends, page by page; when another replica does, it waits
// for its turn. A database that is away, and an ownership that is elsewhere, do not
// end it: they are told in the Status and tried again.
func (r *Runner) Run(ctx context.Context) {
	defer r.release(ctx)
	for ctx.Err() == nil {
		id, ours, err := r.lease(ctx)
		if err != nil && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "backfill not looked for", "error", err)
		}
		if ours {
			r.work(ctx, id)
		}
		select {
		case <-r.wake:
		case <-time.After(r.cfg.Every/2 + rand.N(r.cfg.Every)):
		case <-ctx.Done():
		}
	}
}

// The pauses of a run that can't get on.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 2 * time.Second
)

// work makes pages until the run is over, or somebody else's.
func (r *Runner) work(ctx context.Context, id string) {
	p := pace{runner: r, run: id, from: time.Now(), leased: time.Now()}
	pause := firstPause
	for ctx.Err() == nil {
		if err := p.clear(ctx); err != nil {
			return // ctx's
		}
		began := time.Now()
		rows, rate, more, err := r.page(ctx, id, p.from)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			r.tell(ctx, id, err)
			if sleep(ctx, pause) != nil || !p.renew(ctx) {
				return
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause, p.from, p.leased = firstPause, time.Now(), time.Now()
		if r.cfg.Wake != nil {
			r.cfg.Wake()
		}
		if !more {
			return
		}
		if rate > 0 && p.until(ctx, began.Add(time.Duration(float64(rows)/float64(rate)*float64(time.Second)))) != nil {
			return
		}
	}
}

// pagesASecond is how many a paced run aims at. While a large one is made, sent and
// applied, who is live waits for a processor, however long the pause is after it; many
// small ones cost more, since each is a transaction, and another for each of its chunks.
const pagesASecond = 5

// page makes one page, and moves the run's place, in one transaction. more is false
// when there is nothing left to do, for this replica at least.
func (r *Runner) page(ctx context.Context, id string, from time.Time) (rows, rate int, more bool, err error) {
	err = r.db.InTx(ctx, func(tx *gorm.DB) error {
		rows, rate, more = 0, 0, false
		epoch, err := r.cfg.Source.Own(tx)
		if err != nil {
			return err
		}
		at, ok, err := r.hold(tx, id)
		if err != nil || !ok {
			return err
		}
		limit := r.cfg.Page
		if rate = at.Rate; rate > 0 {
			limit = max(1, min(limit, rate/pagesASecond))
		}
		place := Place{Run: id, Epoch: epoch, After: at.Place, Limit: limit}
		if err := json.Unmarshal([]byte(at.Sent), &place.Sent); err != nil {
			return fmt.Errorf("read how many chunks were sent: %w", err)
		}
		page, err := r.cfg.Source.Page(tx, place)
		if err != nil {
			return fmt.Errorf("read a page of %s after %q: %w", r.cfg.Resource, place.After, err)
		}
		if err := outbox.Append(tx, page.Events...); err != nil {
			return err
		}
		rows, more = page.Rows, !page.Last
		return r.move(tx, id, page, time.Since(from))
	})
	return rows, rate, more, err
}

// hold locks the run, if it is still to be worked on by this replica.
func (r *Runner) hold(tx *gorm.DB, id string) (at run, ok bool, err error) {
	got := tx.Raw("SELECT "+columns+" FROM backfill_runs WHERE resource = ? AND run = ? AND state = 'running' AND worker = ? FOR UPDATE",
		r.cfg.Resource, id, r.worker).Scan(&at)
	if got.Error != nil {
		return run{}, false, fmt.Errorf("lock the run: %w", got.Error)
	}
	return at, got.RowsAffected == 1, nil
}

func (r *Runner) move(tx *gorm.DB, id string, page Page, worked time.Duration) error {
	sent, err := json.Marshal(page.Sent)
	if err != nil {
		return fmt.Errorf("write how many chunks were sent: %w", err)
	}
	err = tx.Exec(`UPDATE backfill_runs SET place = ?, sent = ?, row_count = row_count + ?, page_count = page_count + 1, worked = worked + ?, error = '',
			state = CASE WHEN ? THEN 'done' ELSE state END, finished_at = CASE WHEN ? THEN clock_timestamp() END,
			leased_until = clock_timestamp() + ? * interval '1 second', updated_at = clock_timestamp()
		WHERE resource = ? AND run = ?`,
		page.Through, string(sent), page.Rows, worked.Seconds(), page.Last, page.Last, r.cfg.Lease.Seconds(), r.cfg.Resource, id).Error
	if err != nil {
		return fmt.Errorf("move the run's place: %w", err)
	}
	return nil
}
