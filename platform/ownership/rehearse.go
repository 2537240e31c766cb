package ownership

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// firstRehearsal is above every epoch that a resource will ever have. A marker of it ends
// nothing: to who knows nothing of rehearsals it is one of an epoch that is not handed
// over. It and what is added to it are exact in JSON, whose numbers end at 2^53.
const firstRehearsal = 1 << 52

// rehearsalsKept is how long markers of rehearsals stay noted.
const rehearsalsKept = time.Hour

// Rehearse sends markers on the way that those of a fence will take, and fences nothing:
// the other side's Rehearsed tells when they are there. A consumer that has died and
// still has its partitions, a relay that is away, a long backlog: all of it is found
// while everybody writes on. It returns the rehearsal's number, and a *NotOwnerError
// where this side is not the owner.
func (s *Side) Rehearse(ctx context.Context) (number int64, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		if err := s.Guard(tx); err != nil {
			return err
		}
		row := Row{Resource: s.cfg.Resource, State: Owner, By: "a rehearsal"}
		// Microseconds, of the database whose markers they are: two at the same one share
		// their markers, which are as good for both.
		if err := tx.Raw("SELECT clock_timestamp()").Scan(&row.Since).Error; err != nil {
			return fmt.Errorf("number the rehearsal of %s: %w", s.cfg.Resource, err)
		}
		row.Epoch = firstRehearsal + row.Since.UnixMicro()
		number = row.Epoch
		if err := s.cfg.Markers.Mark(tx, row); err != nil {
			return fmt.Errorf("mark a rehearsal in the feed of %s: %w", s.cfg.Resource, err)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("%s rehearse: %w", s.cfg.Name, err)
	}
	if marked, ok := s.cfg.Markers.(interface{ Marked() }); ok {
		marked.Marked()
	}
	return number, nil
}

// Rehearsed tells whether the markers of the other side's rehearsal are here, of every
// partition. Until then it returns a *NotReadyError that is an ErrNotDrained.
func (s *Side) Rehearsed(ctx context.Context, number int64) error {
	if number < firstRehearsal {
		return fmt.Errorf("rehearsal %d of %s can't be: give the number that Rehearse returned", number, s.cfg.Resource)
	}
	return s.db.InTx(ctx, func(tx *gorm.DB) error { return s.lacks(tx, number, []Requirement{s.cfg.Drained}, true) })
}

// forgetRehearsals removes what old rehearsals left of a partition.
func forgetRehearsals(tx *gorm.DB, resource string, partition int) error {
	err := tx.Exec(`DELETE FROM ownership_markers WHERE resource = ? AND epoch >= ? AND partition = ? AND noted_at < clock_timestamp() - ? * interval '1 second'`,
		resource, int64(firstRehearsal), partition, rehearsalsKept.Seconds()).Error
	if err != nil {
		return fmt.Errorf("forget old rehearsals of %s: %w", resource, err)
	}
	return nil
}
