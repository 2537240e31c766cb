package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Rows reads the feature's tables and knows no other feature. Authors in what it
// returns have an id and no name yet: who shows several features' rows together asks
// for all names at once. It is safe for concurrent use.
type Rows struct {
	db *database.DB
}

// NewRows returns the rows of a database that has the tables.
func NewRows(db *database.DB) *Rows { return &Rows{db} }

// comment is a row of comments.
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

func (c comment) toComment() contracts.Comment {
	return contracts.Comment{
		ID: c.ID, PostID: c.PostID, Author: contracts.Person{ID: c.AuthorID}, Body: c.Body, HTML: c.HTML,
		Status: c.Status, Version: c.Version, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

func toComments(rows []comment) []contracts.Comment {
	out := make([]contracts.Comment, len(rows))
	for i, r := range rows {
		out[i] = r.toComment()
	}
	return out
}

func placeOf(c contracts.Comment) paging.Place { return paging.Place{Time: c.CreatedAt, ID: c.ID} }

// get reads one within a transaction, or without.
func get(db *gorm.DB, id string) (contracts.Comment, error) {
	if !contracts.IsID(id) {
		return contracts.Comment{}, notFound(id)
	}
	var row comment
	err := db.Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return contracts.Comment{}, notFound(id)
	}
	if err != nil {
		return contracts.Comment{}, fmt.Errorf("select comment: %w", err)
	}
	return row.toComment(), nil
}

// list is one page of what the viewer may see under a post.
func (r *Rows) list(ctx context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error) {
	place, ok, err := start(page)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	if !contracts.IsID(postID) {
		return paging.Cut[contracts.Comment](nil, page.Limit, placeOf), nil
	}
	q := r.db.Gorm(ctx).Where("post_id = ?", postID)
	switch {
	case v.Moderates():
	case v.SignedIn():
		q = q.Where("(status = 'approved' OR author_id = ?)", v.ID)
	default:
		q = q.Where("status = 'approved'")
	}
	if ok {
		q = q.Where("(created_at, id) > (?, ?)", place.Time, place.ID)
	}
	var rows []comment
	if err := q.Order("created_at, id").Limit(page.Limit + 1).Find(&rows).Error; err != nil { // one more shows that there is a next page
		return paging.List[contracts.Comment]{}, fmt.Errorf("select comments: %w", err)
	}
	return paging.Cut(toComments(rows), page.Limit, placeOf), nil
}

// start returns the place that the page starts after. The cursor comes from outside:
// an id in it that is none would be an error of the database.
func start(page paging.Page) (place paging.Place, ok bool, err error) {
	place, ok, err = page.Start()
	if ok && !contracts.IsID(place.ID) {
		_, _, err = paging.Page{After: page.After + "!"}.Start() // the error for what is no cursor
	}
	return place, ok, err
}

// ByIDs returns those of the comments that are there, by id, in one statement.
func (r *Rows) ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error) {
	found := make(map[string]contracts.Comment, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	var rows []comment
	if err := r.db.Gorm(ctx).Where("id = ANY(?)", database.UUIDs(ids)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select comments by id: %w", err)
	}
	for _, row := range rows {
		found[row.ID] = row.toComment()
	}
	return found, nil
}

// Latest returns the last approved comments of each post, newest first and at most n
// of each, in one statement for all posts.
func (r *Rows) Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error) {
	latest := make(map[string][]contracts.Comment, len(postIDs))
	if len(postIDs) == 0 {
		return latest, nil
	}
	var rows []comment
	err := r.db.Gorm(ctx).Raw(`SELECT c.* FROM unnest(?::uuid[]) AS wanted (post_id)
		CROSS JOIN LATERAL (
			SELECT id, post_id, author_id, body, html, status, version, created_at, updated_at FROM comments
			WHERE post_id = wanted.post_id AND status = 'approved' ORDER BY created_at DESC, id DESC LIMIT ?
		) c
		ORDER BY c.post_id, c.created_at DESC, c.id DESC`, database.UUIDs(postIDs), n).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select latest comments: %w", err)
	}
	for _, row := range rows {
		latest[row.PostID] = append(latest[row.PostID], row.toComment())
	}
	return latest, nil
}

func notFound(id string) error { return problem.New(problem.NotFound, "there is no comment %s", id) }
