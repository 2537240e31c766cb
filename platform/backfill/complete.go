package backfill

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"banyan.dev/platform/ownership"
)

// InTurn waits until no other transaction at this side applies chunks of the resource, at
// whichever replica, and has the turn until tx ends. A follower calls it before it applies
// any. A page's chunks come to all partitions at once: applied side by side they are a tenth
// faster (docs/measured.md), and leave no processor to who reads and writes meanwhile. Live events go
// past; those behind a chunk in its own partition wait for it, and so for its turn.
func InTurn(tx *gorm.DB, resource string) error {
	if err := tx.Exec("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", "banyan.backfill.chunks/"+resource).Error; err != nil {
		return fmt.Errorf("wait for the turn to apply chunks of %s: %w", resource, err)
	}
	return nil
}

// Note notes that a chunk was applied at this side, in the transaction that applies
// it. Noting one again changes nothing.
func Note(tx *gorm.DB, resource, run string, partition, partitions, number int, last bool) error {
	err := tx.Exec(`INSERT INTO backfill_chunks (resource, run, partition, partitions, number, last) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		resource, run, partition, partitions, number, last).Error
	if err != nil {
		return fmt.Errorf("note chunk %d of partition %d of the backfill of %s: %w", number, partition, resource, err)
	}
	return nil
}

// Complete requires that this side has applied a whole backfill: of the newest run
// that it knows, each chunk of each partition. It needs asking only at a side that
// began empty.
func Complete(resource string) ownership.Requirement { return complete(resource) }

type complete string

// partition is what was applied of a run in one partition.
type partition struct {
	Run        string
	Partition  int
	Partitions int
	Chunks     int
	Last       int // the number of the last one; 0: it is not here
}

// Missing is ownership.Requirement's.
func (c complete) Missing(tx *gorm.DB, _ int64) (string, error) {
	found, err := applied(tx, string(c), "(SELECT run FROM backfill_chunks WHERE resource = ? ORDER BY run DESC LIMIT 1)", string(c))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return fmt.Sprintf("no backfill of %s was applied here: run strangler backfill", string(c)), nil
	}
	return lacks(string(c), found), nil
}

// Missing is what of a run was not applied at this side, in words, or "". Complete knows
// of a run only by its chunks, and takes the one before for the newest until the first
// of them is here: who waits for a run asks for it by its id.
func Missing(tx *gorm.DB, resource, run string) (string, error) {
	found, err := applied(tx, resource, "?", run)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return fmt.Sprintf("nothing of the backfill %s of %s was applied here", run, resource), nil
	}
	return lacks(resource, found), nil
}

func applied(tx *gorm.DB, resource, run string, arg any) (found []partition, err error) {
	err = tx.Raw(`SELECT run, partition, max(partitions) AS partitions, count(*) AS chunks, coalesce(max(number) FILTER (WHERE last), 0) AS last
		FROM backfill_chunks WHERE resource = ? AND run = `+run+` GROUP BY run, partition ORDER BY partition`, resource, arg).Find(&found).Error
	if err != nil {
		return nil, fmt.Errorf("count the chunks of %s: %w", resource, err)
	}
	return found, nil
}

// lacks looks for chunks that are not among those of a run.
func lacks(resource string, found []partition) string {
	var lacking []string
	for _, p := range found {
		switch {
		case p.Last == 0:
			lacking = append(lacking, fmt.Sprintf("partition %d is not at its end (%d chunks)", p.Partition, p.Chunks))
		case p.Chunks < p.Last:
			lacking = append(lacking, fmt.Sprintf("partition %d lacks %d of %d chunks", p.Partition, p.Last-p.Chunks, p.Last))
		}
	}
	if n := found[0].Partitions; len(found) < n {
		lacking = append(lacking, fmt.Sprintf("%d of %d partitions have nothing", n-len(found), n))
	}
	if len(lacking) == 0 {
		return ""
	}
	return fmt.Sprintf("the backfill %s of %s is not complete: %s", found[0].Run, resource, strings.Join(lacking, ", "))
}
