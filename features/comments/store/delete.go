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

// atOnce is how many comments of a closed post are deleted in one transaction: each holds
// up a hand-over for as long as it lasts.
const atOnce = 500

// portion finds so many of a post's comments, whoever changes one meanwhile: it locks
// them, and passes over those that are gone by then. As an array it is read once; a
// subquery might be read again for each row.
var portion = fmt.Sprintf(`id = ANY (ARRAY (SELECT id FROM comments WHERE post_id = ? ORDER BY created_at, id LIMIT %d FOR UPDATE))`, atOnce)

// CloseUnder is comments.Store's. The post is closed with the first of its comments;
// those left go in transactions of their own. Cut off in between, it goes on when it is
// asked again, here or at whoever owns comments by then.
func (s *Store) CloseUnder(ctx context.Context, postID, key string) error {
	if !contracts.IsID(postID) {
		return problem.New(problem.NotFound, "there is no post %s", postID)
	}
	for {
		var gone int
		err := s.write(ctx, func(tx *gorm.DB, epoch int64) (err error) {
			gone, err = s.closeUnder(tx, epoch, postID, key, portion)
			return err
		})
		if err != nil || gone < atOnce {
			return err
		}
	}
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
	_, err := s.closeUnder(tx, epoch, postID, key, "post_id = ?")
	return err
}

// closeUnder closes a post, unless it is, and deletes those of its comments that are
// asked for. It returns how many there were.
func (s *Store) closeUnder(tx *gorm.DB, epoch int64, postID, key, which string) (int, error) {
	closed, err := closePost(tx, postID, key)
	if err != nil {
		return 0, err
	}
	gone, err := bury(tx, which, postID)
	if err != nil {
		return 0, err
	}
	if err := s.clear(tx, postID, gone); err != nil {
		return 0, err
	}
	if err := s.ports.Feed.closed(tx, epoch, closed); err != nil {
		return 0, err
	}
	return len(gone), s.ports.Feed.deleted(tx, epoch, gone)
}

// clear takes what hung on the comments of a closed post out of queue and notices.
func (s *Store) clear(tx *gorm.DB, postID string, gone []buried) error {
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
	return nil
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
