package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/database"
)

// postCover is a row of post_covers.
type postCover struct {
	PostID    string `gorm:"primaryKey"`
	Type      string
	ETag      string `gorm:"column:etag"`
	Bytes     []byte
	ChangedAt time.Time
}

// SetCover is posts.Store's. That the post is there is a foreign key's business: both
// tables are this feature's.
func (s *Store) SetCover(ctx context.Context, id string, c posts.Cover) error {
	if !contracts.IsID(id) {
		return notFound("post", id)
	}
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		row := postCover{PostID: id, Type: c.Type, ETag: c.ETag, Bytes: c.Bytes, ChangedAt: c.Changed}
		err := tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "post_id"}},
			DoUpdates: clause.AssignmentColumns([]string{"type", "etag", "bytes", "changed_at"}),
		}).Create(&row).Error
		if database.IsForeignKey(err, "post_covers_post_id_fkey") {
			return notFound("post", id)
		}
		if err != nil {
			return fmt.Errorf("insert cover: %w", err)
		}
		return nil
	})
}

// Cover is posts.Store's.
func (s *Store) Cover(ctx context.Context, id string) (posts.Cover, error) {
	if !contracts.IsID(id) {
		return posts.Cover{}, notFound("cover of post", id)
	}
	var row postCover
	err := s.db.Gorm(ctx).Where("post_id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return posts.Cover{}, notFound("cover of post", id)
	}
	if err != nil {
		return posts.Cover{}, fmt.Errorf("select cover: %w", err)
	}
	return posts.Cover{Type: row.Type, Bytes: row.Bytes, ETag: row.ETag, Changed: row.ChangedAt.UTC()}, nil
}

// DeleteCover is posts.Store's.
func (s *Store) DeleteCover(ctx context.Context, id string) error {
	if !contracts.IsID(id) {
		return nil
	}
	if err := s.db.Gorm(ctx).Where("post_id = ?", id).Delete(&postCover{}).Error; err != nil {
		return fmt.Errorf("delete cover: %w", err)
	}
	return nil
}
