package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

var keys = database.Keys{Table: "post_keys", Target: "post_id"}

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

// Create is posts.Store's. The author's name is looked up after the transaction.
func (s *Store) Create(ctx context.Context, p contracts.Post, key contracts.Key) (created contracts.Post, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, p.Author.ID, key.Value, key.Hash[:], p.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = get(tx, known)
			return database.KeyGone(err)
		}
		if err := insert(tx, p); err != nil {
			return err
		}
		created, err = get(tx, p.ID)
		return err
	})
	if err != nil {
		return contracts.Post{}, false, err
	}
	created, err = s.named(ctx, created)
	return created, replayed, err
}

func insert(tx *gorm.DB, p contracts.Post) error {
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
	rows := make([]postTag, len(p.Tags))
	for i, tag := range p.Tags {
		rows[i] = postTag{p.ID, tag}
	}
	if err := tx.Create(&rows).Error; err != nil {
		return fmt.Errorf("insert tags: %w", err)
	}
	return nil
}

// Update is posts.Store's. The author's name is looked up after the transaction.
func (s *Store) Update(ctx context.Context, p contracts.Post, key contracts.Key) (updated contracts.Post, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, p.Author.ID, key.Value, key.Hash[:], p.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; !replayed {
			if err := update(tx, p); err != nil {
				return err
			}
		}
		updated, err = get(tx, p.ID)
		return err
	})
	if err != nil {
		return contracts.Post{}, false, err
	}
	updated, err = s.named(ctx, updated)
	return updated, replayed, err
}

func update(tx *gorm.DB, p contracts.Post) error {
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
		if _, err := get(tx, p.ID); err != nil {
			return err
		}
		return mismatch()
	}
	if err := tx.Where("post_id = ?", p.ID).Delete(&postTag{}).Error; err != nil {
		return fmt.Errorf("delete tags: %w", err)
	}
	return insertTags(tx, p)
}

func mismatch() error {
	return problem.New(problem.VersionMismatch, "the post has another version by now: read it again, and change that")
}
