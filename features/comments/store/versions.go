package store

import (
	"context"
	"fmt"

	"banyan.dev/features/comments"
	"banyan.dev/platform/database"
)

// Versions is comments.Versions': of a row or of the tombstone in its place, in one
// statement, so that a comment that is just deleted is not missed between the two.
func (r *Rows) Versions(ctx context.Context, ids []string) (map[string]comments.Version, error) {
	var rows []struct {
		ID      string
		Version int
		Deleted bool
	}
	err := r.db.Gorm(ctx).Raw(`SELECT id, version, false AS deleted FROM comments WHERE id = ANY($1)
		UNION ALL SELECT id, version, true FROM comment_tombstones WHERE id = ANY($1)`, database.UUIDs(ids)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select versions of comments: %w", err)
	}
	found := make(map[string]comments.Version, len(rows))
	for _, row := range rows {
		found[row.ID] = comments.Version{Number: row.Version, Deleted: row.Deleted}
	}
	return found, nil
}

var _ comments.Versions = (*Rows)(nil)
