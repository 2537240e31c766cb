package tangle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

type postStore struct{ db *database.DB }

// summary is a post as lists read it: with the author's name out of accounts.
type summary struct {
	ID           string
	Slug         string
	Title        string
	Excerpt      string
	Tags         *string // joined by commas
	Status       contracts.PostStatus
	AuthorID     string
	AuthorName   string
	CommentCount int
	CoverETag    *string `gorm:"column:cover_etag"`
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time
	PublishedAt  *time.Time
	ListedAt     time.Time
}

// whole is a summary with the text.
type whole struct {
	Summary summary `gorm:"embedded"`
	Body    string
	HTML    string `gorm:"column:html"`
}

const (
	summaryColumns = `p.id, p.slug, p.title, p.excerpt, p.status, p.author_id, a.name AS author_name,
		p.comment_count, p.version, p.created_at, p.updated_at, p.published_at, p.listed_at,
		(SELECT string_agg(t.tag, ',' ORDER BY t.tag COLLATE "C") FROM post_tags t WHERE t.post_id = p.id) AS tags,
		(SELECT c.etag FROM post_covers c WHERE c.post_id = p.id) AS cover_etag`
	wholeColumns = summaryColumns + `, p.body, p.html`
	withAuthor   = "JOIN accounts a ON a.id = p.author_id"
)

// postsWith begins a query over posts and their authors.
func postsWith(db *gorm.DB, columns string) *gorm.DB {
	return db.Table("posts AS p").Joins(withAuthor).Select(columns)
}

func (r summary) toSummary() contracts.PostSummary {
	s := contracts.PostSummary{
		ID: r.ID, Slug: r.Slug, Title: r.Title, Excerpt: r.Excerpt, Tags: split(r.Tags), Status: r.Status,
		Author: contracts.Person{ID: r.AuthorID, Name: r.AuthorName}, Comments: r.CommentCount, Version: r.Version,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.PublishedAt != nil {
		at := r.PublishedAt.UTC()
		s.PublishedAt = &at
	}
	if r.CoverETag != nil {
		// The version in the address lets a browser keep the picture until it changes.
		s.CoverURL = fmt.Sprintf("/api/v1/posts/%s/cover?v=%.12s", r.ID, *r.CoverETag)
	}
	return s
}

func (r summary) place() paging.Place { return paging.Place{Time: r.ListedAt.UTC(), ID: r.ID} }

func (s postStore) Get(ctx context.Context, id string) (contracts.Post, error) {
	return getPost(s.db.Gorm(ctx), id)
}

func getPost(db *gorm.DB, id string) (contracts.Post, error) {
	if !contracts.IsID(id) {
		return contracts.Post{}, notFound("post", id)
	}
	var row whole
	err := postsWith(db, wholeColumns).Where("p.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return contracts.Post{}, notFound("post", id)
	}
	if err != nil {
		return contracts.Post{}, fmt.Errorf("select post: %w", err)
	}
	return contracts.Post{PostSummary: row.Summary.toSummary(), Body: row.Body, HTML: row.HTML}, nil
}

func (s postStore) Published(ctx context.Context, id string) (posts.Ref, error) {
	if !contracts.IsID(id) {
		return posts.Ref{}, notFound("post", id)
	}
	var row post
	err := s.db.Gorm(ctx).Select("id", "title", "author_id").Where("id = ? AND status = 'published'", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return posts.Ref{}, notFound("post", id)
	}
	if err != nil {
		return posts.Ref{}, fmt.Errorf("select published post: %w", err)
	}
	return posts.Ref{ID: row.ID, Title: row.Title, AuthorID: row.AuthorID}, nil
}

func (s postStore) List(ctx context.Context, f posts.Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	rows, err := listPosts(s.db.Gorm(ctx), f, page)
	if err != nil {
		return paging.List[contracts.PostSummary]{}, err
	}
	cut := paging.Cut(rows, page.Limit, summary.place)
	return paging.List[contracts.PostSummary]{Items: each(cut.Items, summary.toSummary), Next: cut.Next}, nil
}

// listPosts returns one row more than the page has.
func listPosts(db *gorm.DB, f posts.Filter, page paging.Page) ([]summary, error) {
	q := postsWith(db, summaryColumns)
	if !f.Drafts {
		q = q.Where("p.status = 'published'")
	}
	if f.AuthorID != "" {
		q = q.Where("p.author_id = ?", f.AuthorID)
	}
	if f.Tag != "" {
		q = q.Where("EXISTS (SELECT FROM post_tags t WHERE t.post_id = p.id AND t.tag = ?)", f.Tag)
	}
	place, ok, err := start(page)
	if err != nil {
		return nil, err
	}
	if ok {
		q = q.Where("(p.listed_at, p.id) < (?, ?)", place.Time, place.ID)
	}
	var rows []summary
	if err := q.Order("p.listed_at DESC, p.id DESC").Limit(oneMore(page.Limit)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select posts: %w", err)
	}
	return rows, nil
}

// Tags counts all, and takes away those of drafts, which are taken to be few.
func (s postStore) Tags(ctx context.Context, limit int) ([]posts.Tag, error) {
	tags := []posts.Tag{}
	err := s.db.Gorm(ctx).Raw(`SELECT tag, sum(n)::bigint AS count FROM (
			SELECT tag, count(*) AS n FROM post_tags GROUP BY tag
			UNION ALL SELECT tag, -count(*) FROM post_tags WHERE post_id = ANY(ARRAY(SELECT id FROM posts WHERE status = 'draft')) GROUP BY tag
		) t GROUP BY tag HAVING sum(n) > 0 ORDER BY sum(n) DESC, tag COLLATE "C" LIMIT ?`, limit).Find(&tags).Error
	if err != nil {
		return nil, fmt.Errorf("select tags: %w", err)
	}
	return tags, nil
}

func (s postStore) DeletedBy(ctx context.Context, id string) (string, error) {
	return deletedBy(s.db.Gorm(ctx), "post", id)
}

// deletedBy reads the author out of a feature's tombstones.
func deletedBy(db *gorm.DB, what, id string) (string, error) {
	if !contracts.IsID(id) {
		return "", notFound(what, id)
	}
	var authors []string
	if err := db.Table(what+"_tombstones").Where("id = ?", id).Pluck("author_id", &authors).Error; err != nil {
		return "", fmt.Errorf("select %s's tombstone: %w", what, err)
	}
	if len(authors) == 0 {
		return "", notFound(what, id)
	}
	return authors[0], nil
}

// each is rows as the feature knows them.
func each[R, T any](rows []R, f func(R) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = f(r)
	}
	return out
}
