package ownership

import (
	"fmt"

	"gorm.io/gorm"
)

// NoteMarker notes that the marker of a partition was applied at this side, and with
// it all that the other side wrote there up to its fence at the epoch. What applies
// the feed calls it, in the transaction that applies what stands before the marker.
// Noting one again changes nothing.
func NoteMarker(tx *gorm.DB, resource string, epoch int64, partition, partitions int) error {
	err := tx.Exec("INSERT INTO ownership_markers (resource, epoch, partition, partitions) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		resource, epoch, partition, partitions).Error
	if err != nil {
		return fmt.Errorf("note marker %d of %d of %s at %d: %w", partition, partitions, resource, epoch, err)
	}
	if epoch >= firstRehearsal {
		return forgetRehearsals(tx, resource, partition)
	}
	return nil
}

// Drained requires that the marker of every partition was noted, of the very epoch
// that is handed over: one of another epoch is of a hand-over that was given up, or
// of the way back.
func Drained(resource string) Requirement { return drained(resource) }

type drained string

// Missing is Requirement's.
func (d drained) Missing(tx *gorm.DB, epoch int64) (string, error) {
	var noted struct{ N, Fewest, Most int }
	err := tx.Raw(`SELECT count(*) AS n, coalesce(min(partitions), 0) AS fewest, coalesce(max(partitions), 0) AS most
		FROM ownership_markers WHERE resource = ? AND epoch = ?`, string(d), epoch).Scan(&noted).Error
	switch {
	case err != nil:
		return "", fmt.Errorf("count the markers of %s at %d: %w", string(d), epoch, err)
	case noted.N == 0:
		return fmt.Sprintf("no marker of epoch %d was applied yet", epoch), nil
	case noted.Fewest != noted.Most:
		return fmt.Sprintf("the markers of epoch %d speak of %d and of %d partitions: the feed's topic was made anew", epoch, noted.Fewest, noted.Most), nil
	case noted.N < noted.Most:
		return fmt.Sprintf("%d of %d markers of epoch %d were applied", noted.N, noted.Most, epoch), nil
	}
	return "", nil
}
