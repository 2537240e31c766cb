package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

var keys = database.Keys{Table: "comment_keys", Target: "comment_id"}

// Create is comments.Store's. The comment, its key, and what follows from it are one
// transaction; the author's name is looked up after it.
func (s *Store) Create(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, c.Author.ID, key.Value, key.Hash[:], c.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = get(tx, known)
			return database.KeyGone(err)
		}
		if err := s.ports.Posts.Hold(tx, c.PostID); err != nil {
			return err
		}
		if created, err = insert(tx, c); err != nil {
			return err
		}
		return s.settle(tx, created, "", e)
	})
	if err != nil {
		return contracts.Comment{}, false, err
	}
	created, err = s.named(ctx, created)
	return created, replayed, err
}

func insert(tx *gorm.DB, c contracts.Comment) (contracts.Comment, error) {
	row := comment{
		ID: c.ID, PostID: c.PostID, AuthorID: c.Author.ID, Body: c.Body, HTML: c.HTML,
		Status: c.Status, Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if err := tx.Clauses(clause.Returning{}).Create(&row).Error; err != nil {
		return contracts.Comment{}, fmt.Errorf("insert comment: %w", err)
	}
	return row.toComment(), nil
}

// Update is comments.Store's; what is one transaction in it is as for Create.
func (s *Store) Update(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, c.Author.ID, key.Value, key.Hash[:], c.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			updated, err = get(tx, c.ID)
			return err
		}
		updated, err = s.update(tx, c, e)
		return err
	})
	if err != nil {
		return contracts.Comment{}, false, err
	}
	updated, err = s.named(ctx, updated)
	return updated, replayed, err
}

func (s *Store) update(tx *gorm.DB, c contracts.Comment, e comments.Effects) (contracts.Comment, error) {
	was, err := s.lock(tx, c.ID)
	if err != nil {
		return contracts.Comment{}, err
	}
	var row comment
	changed := tx.Model(&row).Clauses(clause.Returning{}).Where("id = ? AND version = ?", c.ID, c.Version).Updates(map[string]any{
		"body": c.Body, "html": c.HTML, "status": c.Status, "updated_at": c.UpdatedAt, "version": c.Version + 1,
	})
	if changed.Error != nil {
		return contracts.Comment{}, fmt.Errorf("update comment: %w", changed.Error)
	}
	if changed.RowsAffected == 0 {
		return contracts.Comment{}, mismatch()
	}
	updated := row.toComment()
	return updated, s.settle(tx, updated, was.Status, e)
}

// Delete is comments.Store's.
func (s *Store) Delete(ctx context.Context, id string, version int) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		was, err := s.lock(tx, id)
		if err != nil {
			return err
		}
		if version != 0 && was.Version != version {
			return mismatch()
		}
		if err := bury(tx, "id = ?", id); err != nil {
			return err
		}
		if err := s.count(tx, was.PostID, was.Status, ""); err != nil {
			return err
		}
		if err := s.ports.Queue.Leave(tx, id); err != nil {
			return fmt.Errorf("take the comment out of the queue: %w", err)
		}
		if err := s.ports.Notices.Forget(tx, id); err != nil {
			return fmt.Errorf("forget who was told of the comment: %w", err)
		}
		return nil
	})
}

// DeleteUnder deletes all comments under a post, within the transaction that deletes
// the post and holds it. Each leaves a tombstone of its own.
func (s *Store) DeleteUnder(tx *gorm.DB, postID string) error {
	var waiting []string
	err := tx.Model(&comment{}).Where("post_id = ? AND status = 'pending'", postID).Pluck("id", &waiting).Error
	if err != nil {
		return fmt.Errorf("select the post's comments that wait: %w", err)
	}
	if err := bury(tx, "post_id = ?", postID); err != nil {
		return err
	}
	if err := s.ports.Queue.Leave(tx, waiting...); err != nil {
		return fmt.Errorf("take the post's comments out of the queue: %w", err)
	}
	if err := s.ports.Notices.ForgetPost(tx, postID); err != nil {
		return fmt.Errorf("forget who was told of the post's comments: %w", err)
	}
	return nil
}

// bury makes tombstones of comments: a delete is a version too.
func bury(tx *gorm.DB, which, id string) error {
	err := tx.Exec(`WITH gone AS (DELETE FROM comments WHERE `+which+` RETURNING id, post_id, author_id, version)
		INSERT INTO comment_tombstones (id, post_id, author_id, version) SELECT id, post_id, author_id, version + 1 FROM gone`, id).Error
	if err != nil {
		return fmt.Errorf("delete comments where %s: %w", which, err)
	}
	return nil
}

// lock holds the comment's post, then locks the comment, and returns id, post, status
// and version as they are under the lock.
func (s *Store) lock(tx *gorm.DB, id string) (comment, error) {
	if !contracts.IsID(id) {
		return comment{}, notFound(id)
	}
	var row comment
	find := func(q *gorm.DB) error { return q.Where("id = ?", id).Take(&row).Error }
	err := find(tx.Select("post_id")) // which never changes
	if err == nil {
		err = s.ports.Posts.Hold(tx, row.PostID)
	}
	if err == nil {
		row = comment{}
		err = find(tx.Select("id", "post_id", "status", "version").Clauses(clause.Locking{Strength: "UPDATE"}))
	}
	if errors.Is(err, gorm.ErrRecordNotFound) || problem.Is(err, problem.NotFound) {
		return comment{}, notFound(id) // without its post too: it went with it
	}
	if err != nil {
		return comment{}, fmt.Errorf("lock comment: %w", err)
	}
	return row, nil
}

func mismatch() error {
	return problem.New(problem.VersionMismatch, "the comment has another version by now: read it again, and change that")
}
