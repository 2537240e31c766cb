package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// Delete is comments.Store's.
func (s *Store) Delete(ctx context.Context, id string, version int) error {
	return s.write(ctx, func(tx *gorm.DB, epoch int64) error {
		was, err := s.lock(tx, id)
		if err != nil {
			return err
		}
		if version != 0 && was.Version != version {
			return mismatch()
		}
		gone, err := bury(tx, "id = ?", id)
		if err != nil {
			return err
		}
		if err := s.count(tx, was.PostID, was.Status, ""); err != nil {
			return err
		}
		if err := s.leave(tx, id); err != nil {
			return err
		}
		if s.ports.Notices != nil {
			if err := s.ports.Notices.Forget(tx, id); err != nil {
				return fmt.Errorf("forget who was told of the comment: %w", err)
			}
		}
		return s.ports.Feed.deleted(tx, epoch, gone)
	})
}

// CloseUnder is comments.Store's.
func (s *Store) CloseUnder(ctx context.Context, postID, key string) error {
	if !contracts.IsID(postID) {
		return problem.New(problem.NotFound, "there is no post %s", postID)
	}
	return s.write(ctx, func(tx *gorm.DB, epoch int64) error { return s.closeUnder(tx, epoch, postID, key) })
}

// Owned is asked by a transaction that deletes a post, before anything else in it:
// whether comments are this database's to write until the transaction ends, and in
// which epoch. When they are not, whoever owns them hears of the post by its event.
func (s *Store) Owned(tx *gorm.DB) (epoch int64, owned bool, err error) {
	epoch, err = s.own(tx)
	if errors.Is(err, ownership.ErrNotOwner) {
		return 0, false, nil
	}
	return epoch, err == nil, err
}

// DeleteUnder deletes all comments under a post and closes it, within the transaction
// that deletes the post and holds it, and that was told Owned with this epoch. Each
// comment leaves a tombstone of its own. Wake who publishes after the commit.
func (s *Store) DeleteUnder(tx *gorm.DB, epoch int64, postID, key string) error {
	return s.closeUnder(tx, epoch, postID, key)
}

func (s *Store) closeUnder(tx *gorm.DB, epoch int64, postID, key string) error {
	closed, err := closePost(tx, postID, key)
	if err != nil {
		return err
	}
	gone, err := bury(tx, "post_id = ?", postID)
	if err != nil {
		return err
	}
	var waiting []string
	for _, g := range gone {
		if g.Status == contracts.Pending {
			waiting = append(waiting, g.ID)
		}
	}
	if err := s.leave(tx, waiting...); err != nil {
		return err
	}
	if s.ports.Notices != nil {
		if err := s.ports.Notices.ForgetPost(tx, postID); err != nil {
			return fmt.Errorf("forget who was told of the post's comments: %w", err)
		}
	}
	if err := s.ports.Feed.closed(tx, epoch, closed); err != nil {
		return err
	}
	return s.ports.Feed.deleted(tx, epoch, gone)
}

// buried is a deleted comment: its tombstone, and the status that it had.
type buried struct {
	ID        string
	PostID    string
	AuthorID  string
	Status    contracts.CommentStatus
	Version   int // the tombstone's
	DeletedAt time.Time
}

func (b buried) tombstone() contracts.Tombstone {
	return contracts.Tombstone{ID: b.ID, PostID: b.PostID, AuthorID: b.AuthorID, Version: b.Version, DeletedAt: b.DeletedAt.UTC()}
}

// bury makes tombstones of comments: a delete is a version too.
func bury(tx *gorm.DB, which, id string) ([]buried, error) {
	var gone []buried
	err := tx.Raw(`WITH gone AS (DELETE FROM comments WHERE `+which+` RETURNING id, post_id, author_id, status, version + 1 AS version),
		buried AS (INSERT INTO comment_tombstones (id, post_id, author_id, version) SELECT id, post_id, author_id, version FROM gone RETURNING id, deleted_at)
		SELECT gone.*, buried.deleted_at FROM gone JOIN buried USING (id) ORDER BY id`, id).Find(&gone).Error
	if err != nil {
		return nil, fmt.Errorf("delete comments where %s: %w", which, err)
	}
	return gone, nil
}
