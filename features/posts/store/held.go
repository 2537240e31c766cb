package store

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
)

// How strongly a row is locked: against who changes it, or also against who refers
// to it.
const (
	againstChange = "NO KEY UPDATE"
	againstAll    = "UPDATE"
)

// Hold sees to it that the post stays, and that nobody else holds it, until the
// transaction ends; NotFound when it is gone. It is what a foreign key did, and more.
func (r *Rows) Hold(tx *gorm.DB, id string) error {
	_, err := lock(tx, id, againstChange)
	return err
}

// Count adds to the post's number of approved comments. The transaction holds the
// post. The version stays: it is about what the author wrote.
func (r *Rows) Count(tx *gorm.DB, id string, delta int) error {
	err := tx.Exec(`UPDATE posts SET comment_count = comment_count + ? WHERE id = ?`, delta, id).Error
	if err != nil {
		return fmt.Errorf("update the post's number of comments: %w", err)
	}
	return nil
}

// Recount sets the post's number of approved comments, where it may have been wrong.
// The transaction holds the post.
func (r *Rows) Recount(tx *gorm.DB, id string, n int) error {
	if err := tx.Exec(`UPDATE posts SET comment_count = ? WHERE id = ? AND comment_count <> ?`, n, id, n).Error; err != nil {
		return fmt.Errorf("set the post's number of comments: %w", err)
	}
	return nil
}

// lock takes the row that every write under a post waits for, and returns its id and
// version.
func lock(tx *gorm.DB, id, strength string) (post, error) {
	if !contracts.IsID(id) {
		return post{}, notFound("post", id)
	}
	var row post
	err := tx.Select("id", "version").Clauses(clause.Locking{Strength: strength}).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return post{}, notFound("post", id)
	}
	if err != nil {
		return post{}, fmt.Errorf("lock post: %w", err)
	}
	return row, nil
}
