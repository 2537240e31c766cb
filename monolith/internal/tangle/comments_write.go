package tangle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

// comment is a row of comments, as it is written.
type comment struct {
	ID        string
	PostID    string
	AuthorID  string
	Body      string
	HTML      string `gorm:"column:html"`
	Status    contracts.CommentStatus
	Version   int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Create writes into the tables of four features, in one transaction.
func (s commentStore) Create(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := commentKeys.Claim(tx, c.Author.ID, key.Value, key.Hash[:], c.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = getComment(tx, known)
			return database.KeyGone(err)
		}
		if _, err := lockPost(tx.Where("NOT EXISTS (SELECT FROM comment_closed_posts c WHERE c.post_id = posts.id)"), c.PostID, strengthChange); err != nil {
			return err
		}
		if err := insertComment(tx, c); err != nil {
			return err
		}
		if err := settle(tx, c, "", e); err != nil {
			return err
		}
		created, err = getComment(tx, c.ID)
		return err
	})
	return created, replayed, err
}

func insertComment(tx *gorm.DB, c contracts.Comment) error {
	row := comment{
		ID: c.ID, PostID: c.PostID, AuthorID: c.Author.ID, Body: c.Body, HTML: c.HTML,
		Status: c.Status, Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("insert comment: %w", err)
	}
	return nil
}

func (s commentStore) Update(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := commentKeys.Claim(tx, c.Author.ID, key.Value, key.Hash[:], c.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; !replayed {
			if err := updateComment(tx, c, e); err != nil {
				return err
			}
		}
		updated, err = getComment(tx, c.ID)
		return err
	})
	return updated, replayed, err
}

func updateComment(tx *gorm.DB, c contracts.Comment, e comments.Effects) error {
	was, err := lockComment(tx, c.ID)
	if err != nil {
		return err
	}
	changed := tx.Model(&comment{}).Where("id = ? AND version = ?", c.ID, c.Version).Updates(map[string]any{
		"body": c.Body, "html": c.HTML, "status": c.Status, "updated_at": c.UpdatedAt, "version": c.Version + 1,
	})
	if changed.Error != nil {
		return fmt.Errorf("update comment: %w", changed.Error)
	}
	if changed.RowsAffected == 0 {
		return mismatch("comment")
	}
	c.PostID = was.PostID
	return settle(tx, c, was.Status, e)
}

func (s commentStore) Delete(ctx context.Context, id string, version int) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		was, err := lockComment(tx, id)
		if err != nil {
			return err
		}
		if version != 0 && was.Version != version {
			return mismatch("comment")
		}
		for _, statement := range []string{
			`INSERT INTO comment_tombstones (id, post_id, author_id, version) SELECT id, post_id, author_id, version + 1 FROM comments WHERE id = ?`,
			`DELETE FROM notifications WHERE comment_id = ?`,
			`DELETE FROM moderation_queue WHERE comment_id = ?`,
			`DELETE FROM comments WHERE id = ?`,
		} {
			if err := tx.Exec(statement, id).Error; err != nil {
				return fmt.Errorf("delete comment: %.40s...: %w", statement, err)
			}
		}
		return count(tx, was.PostID, was.Status, "")
	})
}

// CloseUnder is asked by nobody here: the transaction that deletes a post closes it
// too. It does what it says all the same.
func (s commentStore) CloseUnder(ctx context.Context, postID, key string) error {
	if !contracts.IsID(postID) {
		return notFound("post", postID)
	}
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		if _, err := lockPost(tx, postID, strengthDelete); err != nil && !problem.Is(err, problem.NotFound) {
			return err
		}
		return closeUnder(tx, postID, key)
	})
}

// closeUnder deletes the comments under a post, which is locked if it is there. That
// it is closed is noted for who owns comments later and can't ask for the post.
func closeUnder(tx *gorm.DB, postID, key string) error {
	err := tx.Exec(`INSERT INTO comment_closed_posts (post_id, key) VALUES (?, ?) ON CONFLICT DO NOTHING`, postID, key).Error
	if err != nil {
		return fmt.Errorf("note that the post is closed: %w", err)
	}
	for _, statement := range []string{
		`INSERT INTO comment_tombstones (id, post_id, author_id, version) SELECT id, post_id, author_id, version + 1 FROM comments WHERE post_id = ?`,
		`DELETE FROM notifications WHERE post_id = ?`,
		`DELETE FROM moderation_queue q USING comments c WHERE c.id = q.comment_id AND c.post_id = ?`,
		`DELETE FROM comments WHERE post_id = ?`,
	} {
		if err := tx.Exec(statement, postID).Error; err != nil {
			return fmt.Errorf("delete the post's comments: %.40s...: %w", statement, err)
		}
	}
	return nil
}

// lockComment locks the comment's post and then the comment, and returns the row as
// it is under the lock.
func lockComment(tx *gorm.DB, id string) (comment, error) {
	if !contracts.IsID(id) {
		return comment{}, notFound("comment", id)
	}
	var row comment
	find := func(q *gorm.DB) error { return q.Where("id = ?", id).Take(&row).Error }
	err := find(tx.Select("post_id")) // which never changes
	if err == nil {
		_, err = lockPost(tx, row.PostID, strengthChange)
	}
	if err == nil {
		row = comment{}
		err = find(tx.Select("id", "post_id", "status", "version").Clauses(clause.Locking{Strength: strengthDelete}))
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return comment{}, notFound("comment", id)
	}
	if err != nil {
		return comment{}, fmt.Errorf("lock comment: %w", err)
	}
	return row, nil
}
