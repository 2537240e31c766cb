package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
)

// Store keeps posts. It is safe for concurrent use.
type Store struct {
	*Rows
	ports Ports
}

var _ posts.Store = (*Store)(nil)

// New returns the store over the rows and what it needs of others.
func New(rows *Rows, ports Ports) *Store { return &Store{rows, ports} }

// Get is posts.Store's.
func (s *Store) Get(ctx context.Context, id string) (contracts.Post, error) {
	p, err := get(s.db.Gorm(ctx), id)
	if err != nil {
		return contracts.Post{}, err
	}
	return s.named(ctx, p)
}

// named is the post with its author's present name. An account that is gone leaves
// the name empty: the post is shown all the same.
func (s *Store) named(ctx context.Context, p contracts.Post) (contracts.Post, error) {
	names, err := s.ports.People.Names(ctx, []string{p.Author.ID})
	if err != nil {
		return contracts.Post{}, fmt.Errorf("find the author's name: %w", err)
	}
	p.Author.Name = names[p.Author.ID]
	return p, nil
}

// Published is posts.Store's.
func (s *Store) Published(ctx context.Context, id string) (posts.Ref, error) {
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

// List is posts.Store's.
func (s *Store) List(ctx context.Context, f posts.Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	list, err := s.list(ctx, f, page)
	if err != nil {
		return paging.List[contracts.PostSummary]{}, err
	}
	ids := make([]string, len(list.Items))
	for i, p := range list.Items {
		ids[i] = p.Author.ID
	}
	names, err := s.ports.People.Names(ctx, ids)
	if err != nil {
		return paging.List[contracts.PostSummary]{}, fmt.Errorf("find the authors' names: %w", err)
	}
	for i := range list.Items {
		list.Items[i].Author.Name = names[list.Items[i].Author.ID]
	}
	return list, nil
}

// DeletedBy is posts.Store's.
func (s *Store) DeletedBy(ctx context.Context, id string) (string, error) {
	if !contracts.IsID(id) {
		return "", notFound("post", id)
	}
	var authors []string
	err := s.db.Gorm(ctx).Table("post_tombstones").Where("id = ?", id).Pluck("author_id", &authors).Error
	if err != nil {
		return "", fmt.Errorf("select post's tombstone: %w", err)
	}
	if len(authors) == 0 {
		return "", notFound("post", id)
	}
	return authors[0], nil
}

// Tags is posts.Store's. To count all tags and take those of drafts away is far less work
// than to look each tag's post up, as long as drafts are few.
func (s *Store) Tags(ctx context.Context, limit int) ([]posts.Tag, error) {
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
