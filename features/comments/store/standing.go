package store

import (
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
)

// Statuses are those of comments as they stand in tx; one that is deleted, or was never
// here, is not among them.
func (r *Rows) Statuses(tx *gorm.DB, ids ...string) (map[string]contracts.CommentStatus, error) {
	var rows []comment
	if len(ids) == 0 {
		return nil, nil
	}
	if err := tx.Select("id", "status").Where("id = ANY(?)", database.UUIDs(ids)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select the comments' statuses: %w", err)
	}
	found := make(map[string]contracts.CommentStatus, len(rows))
	for _, row := range rows {
		found[row.ID] = row.Status
	}
	return found, nil
}

// Approved is the number of approved comments under a post as it stands in tx.
func (r *Rows) Approved(tx *gorm.DB, postID string) (int, error) {
	var n int64
	if err := tx.Model(&comment{}).Where("post_id = ? AND status = 'approved'", postID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count the post's comments: %w", err)
	}
	return int(n), nil
}
