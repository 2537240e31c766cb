package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
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

// summary is a post as lists read it.
type summary struct {
	ID           string
	Slug         string
	Title        string
	Excerpt      string
	Tags         *string // joined by commas
	Status       contracts.PostStatus
	AuthorID     string
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
	summaryColumns = `p.id, p.slug, p.title, p.excerpt, p.status, p.author_id,
		p.comment_count, p.version, p.created_at, p.updated_at, p.published_at, p.listed_at,
		(SELECT string_agg(t.tag, ',' ORDER BY t.tag COLLATE "C") FROM post_tags t WHERE t.post_id = p.id) AS tags,
		(SELECT c.etag FROM post_covers c WHERE c.post_id = p.id) AS cover_etag`
	wholeColumns = summaryColumns + `, p.body, p.html`
)

func (r summary) toSummary() contracts.PostSummary {
	s := contracts.PostSummary{
		ID: r.ID, Slug: r.Slug, Title: r.Title, Excerpt: r.Excerpt, Tags: split(r.Tags), Status: r.Status,
		Author: contracts.Person{ID: r.AuthorID}, Comments: r.CommentCount, Version: r.Version,
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

// split is what string_agg joined.
func split(joined *string) []string {
	if joined == nil {
		return []string{} // [] in JSON, never null
	}
	return strings.Split(*joined, ",")
}

// get reads one within a transaction, or without.
func get(db *gorm.DB, id string) (contracts.Post, error) {
	if !contracts.IsID(id) {
		return contracts.Post{}, notFound("post", id)
	}
	var row whole
	err := db.Table("posts AS p").Select(wholeColumns).Where("p.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return contracts.Post{}, notFound("post", id)
	}
	if err != nil {
		return contracts.Post{}, fmt.Errorf("select post: %w", err)
	}
	return contracts.Post{PostSummary: row.Summary.toSummary(), Body: row.Body, HTML: row.HTML}, nil
}

// Newest returns published posts, newest first.
func (r *Rows) Newest(ctx context.Context, page paging.Page) (paging.List[contracts.PostSummary], error) {
	return r.list(ctx, posts.Filter{}, page)
}

func (r *Rows) list(ctx context.Context, f posts.Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	q := r.db.Gorm(ctx).Table("posts AS p").Select(summaryColumns)
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
		return paging.List[contracts.PostSummary]{}, err
	}
	if ok {
		q = q.Where("(p.listed_at, p.id) < (?, ?)", place.Time, place.ID)
	}
	var rows []summary
	if err := q.Order("p.listed_at DESC, p.id DESC").Limit(page.Limit + 1).Find(&rows).Error; err != nil { // one more shows that there is a next page
		return paging.List[contracts.PostSummary]{}, fmt.Errorf("select posts: %w", err)
	}
	cut := paging.Cut(rows, page.Limit, summary.place)
	list := paging.List[contracts.PostSummary]{Items: make([]contracts.PostSummary, len(cut.Items)), Next: cut.Next}
	for i, row := range cut.Items {
		list.Items[i] = row.toSummary()
	}
	return list, nil
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

// Titles returns the titles of those posts that are there, by id, in one statement;
// an id may stand in the list more than once.
func (r *Rows) Titles(ctx context.Context, ids []string) (map[string]string, error) {
	titles := make(map[string]string, len(ids))
	if len(ids) == 0 {
		return titles, nil
	}
	var rows []post
	err := r.db.Gorm(ctx).Select("id", "title").Where("id = ANY(?)", database.UUIDs(ids)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select titles: %w", err)
	}
	for _, row := range rows {
		titles[row.ID] = row.Title
	}
	return titles, nil
}

func notFound(what, id string) error {
	return problem.New(problem.NotFound, "there is no %s %s", what, id)
}
