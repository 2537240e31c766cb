package tangle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
)

var onConflictDoNothing = clause.OnConflict{DoNothing: true}

// post is a row of posts, as it is written.
type post struct {
	ID          string
	AuthorID    string
	Slug        string
	Title       string
	Body        string
	HTML        string `gorm:"column:html"`
	Excerpt     string
	Status      contracts.PostStatus
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
	PublishedAt *time.Time
}

// postTag is a row of post_tags.
type postTag struct {
	PostID string
	Tag    string
}

func (s postStore) Create(ctx context.Context, p contracts.Post, key contracts.Key) (created contracts.Post, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := postKeys.Claim(tx, p.Author.ID, key.Value, key.Hash[:], p.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = getPost(tx, known)
			return database.KeyGone(err)
		}
		if err := insertPost(tx, p); err != nil {
			return err
		}
		created, err = getPost(tx, p.ID)
		return err
	})
	return created, replayed, err
}

func insertPost(tx *gorm.DB, p contracts.Post) error {
	row := post{
		ID: p.ID, AuthorID: p.Author.ID, Slug: p.Slug, Title: p.Title, Body: p.Body, HTML: p.HTML, Excerpt: p.Excerpt,
		Status: p.Status, Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, PublishedAt: p.PublishedAt,
	}
	if err := tx.Create(&row).Error; err != nil {
		return fmt.Errorf("insert post: %w", err)
	}
	return insertTags(tx, p)
}

func insertTags(tx *gorm.DB, p contracts.Post) error {
	if len(p.Tags) == 0 {
		return nil
	}
	rows := each(p.Tags, func(tag string) postTag { return postTag{p.ID, tag} })
	if err := tx.Create(&rows).Error; err != nil {
		return fmt.Errorf("insert tags: %w", err)
	}
	return nil
}

func (s postStore) Update(ctx context.Context, p contracts.Post, key contracts.Key) (updated contracts.Post, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := postKeys.Claim(tx, p.Author.ID, key.Value, key.Hash[:], p.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; !replayed {
			if err := updatePost(tx, p); err != nil {
				return err
			}
		}
		updated, err = getPost(tx, p.ID)
		return err
	})
	return updated, replayed, err
}

func updatePost(tx *gorm.DB, p contracts.Post) error {
	if !contracts.IsID(p.ID) {
		return notFound("post", p.ID)
	}
	changed := tx.Model(&post{}).Where("id = ? AND version = ?", p.ID, p.Version).Updates(map[string]any{
		"title": p.Title, "slug": p.Slug, "body": p.Body, "html": p.HTML, "excerpt": p.Excerpt,
		"status": p.Status, "published_at": p.PublishedAt, "updated_at": p.UpdatedAt, "version": p.Version + 1,
	})
	if changed.Error != nil {
		return fmt.Errorf("update post: %w", changed.Error)
	}
	if changed.RowsAffected == 0 {
		if _, err := getPost(tx, p.ID); err != nil {
			return err
		}
		return mismatch("post")
	}
	if err := tx.Where("post_id = ?", p.ID).Delete(&postTag{}).Error; err != nil {
		return fmt.Errorf("delete tags: %w", err)
	}
	return insertTags(tx, p)
}

// Delete knows every table that hangs on a post, whichever feature owns it.
func (s postStore) Delete(ctx context.Context, id string, version int) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error {
		row, err := lockPost(tx, id, strengthDelete) // no comment arrives between the following statements
		if err != nil {
			return err
		}
		if version != 0 && row.Version != version {
			return mismatch("post")
		}
		if err := closeUnder(tx, id, contracts.NewID()); err != nil {
			return err
		}
		for _, statement := range []string{
			`INSERT INTO post_tombstones (id, author_id, version) SELECT id, author_id, version + 1 FROM posts WHERE id = ?`,
			`DELETE FROM post_tags WHERE post_id = ?`,
			`DELETE FROM post_covers WHERE post_id = ?`,
			`DELETE FROM posts WHERE id = ?`,
		} {
			if err := tx.Exec(statement, id).Error; err != nil {
				return fmt.Errorf("delete post: %.40s...: %w", statement, err)
			}
		}
		return nil
	})
}

// How strongly a row is locked: against who changes it, or also against who refers
// to it.
const (
	strengthChange = "NO KEY UPDATE"
	strengthDelete = "UPDATE"
)

// lockPost takes the row that every write under a post waits for.
func lockPost(tx *gorm.DB, id, strength string) (post, error) {
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
