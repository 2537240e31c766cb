package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// Delete is posts.Store's. The post is locked against all who would write under it.
// Where comments are owned here, their own feature deletes them in the same
// transaction; else who owns them hears of the post by its event, whether they can be
// reached at this moment or not.
func (s *Store) Delete(ctx context.Context, id string, version int) error {
	err := s.db.InTx(ctx, func(tx *gorm.DB) error {
		epoch, owned, err := s.ports.Comments.Owned(tx)
		if err != nil {
			return fmt.Errorf("ask who owns the post's comments: %w", err)
		}
		row, err := lock(tx, id, againstAll)
		if err != nil {
			return err
		}
		if version != 0 && row.Version != version {
			return mismatch()
		}
		event := contracts.NewID()
		if owned {
			if err := s.ports.Comments.DeleteUnder(tx, epoch, id, event); err != nil {
				return fmt.Errorf("delete the post's comments: %w", err)
			}
		}
		return s.remove(tx, id, event, owned)
	})
	if err == nil {
		s.ports.Feed.Wake()
	}
	return err
}

var errNobodyHears = errors.New("the post's comments are owned elsewhere, and there is no feed to tell of it: wire posts with a feed")

// remove takes the row away, leaves a tombstone, and tells of it.
func (s *Store) remove(tx *gorm.DB, id, event string, alone bool) error {
	if !alone && s.ports.Feed == nil {
		return errNobodyHears
	}
	var gone tombstone
	err := tx.Raw(`INSERT INTO post_tombstones (id, author_id, version) SELECT id, author_id, version + 1 FROM posts WHERE id = ?
		RETURNING id, author_id, version, deleted_at`, id).Find(&gone).Error
	if err != nil {
		return fmt.Errorf("leave the post's tombstone: %w", err)
	}
	for _, statement := range []string{
		`DELETE FROM post_tags WHERE post_id = ?`,
		`DELETE FROM post_covers WHERE post_id = ?`,
		`DELETE FROM posts WHERE id = ?`,
	} {
		if err := tx.Exec(statement, id).Error; err != nil {
			return fmt.Errorf("delete post: %.40s...: %w", statement, err)
		}
	}
	return s.ports.Feed.deleted(tx, event, gone, alone)
}

// tombstone is a row of post_tombstones.
type tombstone struct {
	ID        string
	AuthorID  string
	Version   int
	DeletedAt time.Time
}
