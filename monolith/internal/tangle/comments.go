package tangle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

type commentStore struct{ db *database.DB }

// commentRead is a comment with its author's name out of accounts.
type commentRead struct {
	ID         string
	PostID     string
	AuthorID   string
	AuthorName string
	Body       string
	HTML       string `gorm:"column:html"`
	Status     contracts.CommentStatus
	Version    int
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

const commentColumns = `c.id, c.post_id, c.author_id, a.name AS author_name, c.body, c.html, c.status, c.version, c.created_at, c.updated_at`

func commentsWith(db *gorm.DB, columns string) *gorm.DB {
	return db.Table("comments AS c").Joins("JOIN accounts a ON a.id = c.author_id").Select(columns)
}

func (r commentRead) toComment() contracts.Comment {
	return contracts.Comment{
		ID: r.ID, PostID: r.PostID, Author: contracts.Person{ID: r.AuthorID, Name: r.AuthorName}, Body: r.Body, HTML: r.HTML,
		Status: r.Status, Version: r.Version, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func placeOfComment(c contracts.Comment) paging.Place {
	return paging.Place{Time: c.CreatedAt, ID: c.ID}
}

func (s commentStore) Get(ctx context.Context, id string) (contracts.Comment, error) {
	return getComment(s.db.Gorm(ctx), id)
}

func getComment(db *gorm.DB, id string) (contracts.Comment, error) {
	if !contracts.IsID(id) {
		return contracts.Comment{}, notFound("comment", id)
	}
	var row commentRead
	err := commentsWith(db, commentColumns).Where("c.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return contracts.Comment{}, notFound("comment", id)
	}
	if err != nil {
		return contracts.Comment{}, fmt.Errorf("select comment: %w", err)
	}
	return row.toComment(), nil
}

func (s commentStore) List(ctx context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error) {
	place, ok, err := start(page)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	if !contracts.IsID(postID) {
		return paging.Cut[contracts.Comment](nil, page.Limit, placeOfComment), nil
	}
	q := commentsWith(s.db.Gorm(ctx), commentColumns).Where("c.post_id = ?", postID)
	switch {
	case v.Moderates():
	case v.SignedIn():
		q = q.Where("(c.status = 'approved' OR c.author_id = ?)", v.ID)
	default:
		q = q.Where("c.status = 'approved'")
	}
	if ok {
		q = q.Where("(c.created_at, c.id) > (?, ?)", place.Time, place.ID)
	}
	var rows []commentRead
	if err := q.Order("c.created_at, c.id").Limit(oneMore(page.Limit)).Find(&rows).Error; err != nil {
		return paging.List[contracts.Comment]{}, fmt.Errorf("select comments: %w", err)
	}
	return paging.Cut(each(rows, commentRead.toComment), page.Limit, placeOfComment), nil
}

func (s commentStore) DeletedBy(ctx context.Context, id string) (string, error) {
	return deletedBy(s.db.Gorm(ctx), "comment", id)
}
