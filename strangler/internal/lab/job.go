package lab

import (
	"context"
	"fmt"
	"time"

	"banyan.dev/strangler/internal/lab/notes"
)

// jobPage is how many rows it reads at once. Jobs of people who mind memory read
// fewer, and jobs with larger tables are longer at it.
const jobPage = firstNotes

// copyJob has a good feed of what changes, and a job that copies what was there
// before: it reads a page of rows, then writes them.
func copyJob() way {
	return way{
		name: "copy-job", title: "copied by a job while people write", red: true, oldFeeds: true, unsown: true,
		follower: notes.Forgetful(),
		why: "Between the job's reading and its writing somebody edits the row, and the feed is faster: the job writes the old text over the " +
			"new one. Somebody deletes it: the job brings it back, for nothing says that it was there.",
		meanwhile: copyRows,
		shows:     func(c Counts) int { return min(c.Lost, c.Back) },
	}
}

// copyRows is paced, as such jobs are so that users don't notice them: it takes about
// as long as the round.
func copyRows(ctx context.Context, t *trial) error {
	after, began, copied := "00000000-0000-0000-0000-000000000000", time.Now(), 0
	for {
		page, err := readPage(ctx, t.old, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, n := range page {
			_, err := t.new.SQL().ExecContext(ctx, `INSERT INTO notes VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE
				SET version = excluded.version, text = excluded.text`, n.ID, n.Version, n.Text, n.Made)
			if err != nil {
				return fmt.Errorf("the job writes note %s: %w", n.ID, err)
			}
			copied++
			if err := pause(ctx, time.Until(began.Add(time.Duration(copied)*t.part(firstNotes)))); err != nil {
				return err
			}
		}
		after = page[len(page)-1].ID
	}
}

func readPage(ctx context.Context, s *notes.Store, after string) (page []notes.Note, err error) {
	rows, err := s.SQL().QueryContext(ctx, `SELECT id, version, text, made FROM notes
		WHERE id > $1 AND NOT deleted ORDER BY id LIMIT $2`, after, jobPage)
	if err != nil {
		return nil, fmt.Errorf("the job reads behind %s: %w", after, err)
	}
	defer rows.Close()
	for rows.Next() {
		var n notes.Note
		if err := rows.Scan(&n.ID, &n.Version, &n.Text, &n.Made); err != nil {
			return nil, fmt.Errorf("the job reads behind %s: %w", after, err)
		}
		page = append(page, n)
	}
	return page, rows.Err()
}
