package store

import (
	"context"
	"fmt"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// Store keeps comments. It is safe for concurrent use.
type Store struct {
	*Rows
	ports Ports
}

var _ comments.Store = (*Store)(nil)

// New returns the store over the rows and what it needs of others.
func New(rows *Rows, ports Ports) *Store { return &Store{rows, ports} }

// Get is comments.Store's.
func (s *Store) Get(ctx context.Context, id string) (contracts.Comment, error) {
	c, err := get(s.db.Gorm(ctx), id)
	if err != nil {
		return contracts.Comment{}, err
	}
	return s.named(ctx, c)
}

// named is the comment with its author's present name. An account that is gone
// leaves the name empty: the comment is shown all the same.
func (s *Store) named(ctx context.Context, c contracts.Comment) (contracts.Comment, error) {
	names, err := s.ports.People.Names(ctx, []string{c.Author.ID})
	if err != nil {
		return contracts.Comment{}, fmt.Errorf("find the author's name: %w", err)
	}
	c.Author.Name = names[c.Author.ID]
	return c, nil
}

// List is comments.Store's.
func (s *Store) List(ctx context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error) {
	list, err := s.list(ctx, postID, v, page)
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	ids := make([]string, len(list.Items))
	for i, c := range list.Items {
		ids[i] = c.Author.ID
	}
	names, err := s.ports.People.Names(ctx, ids)
	if err != nil {
		return paging.List[contracts.Comment]{}, fmt.Errorf("find the authors' names: %w", err)
	}
	for i := range list.Items {
		list.Items[i].Author.Name = names[list.Items[i].Author.ID]
	}
	return list, nil
}

// DeletedBy is comments.Store's.
func (s *Store) DeletedBy(ctx context.Context, id string) (string, error) {
	if !contracts.IsID(id) {
		return "", notFound(id)
	}
	var authors []string
	err := s.db.Gorm(ctx).Table("comment_tombstones").Where("id = ?", id).Pluck("author_id", &authors).Error
	if err != nil {
		return "", fmt.Errorf("select comment's tombstone: %w", err)
	}
	if len(authors) == 0 {
		return "", notFound(id)
	}
	return authors[0], nil
}
