package store

import (
	"context"
	"fmt"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/paging"
)

// Store keeps rules and queue. It is safe for concurrent use.
type Store struct {
	*Rows
	ports Ports
}

var _ moderation.Store = (*Store)(nil)

// New returns the store over the rows and what it needs of others.
func New(rows *Rows, ports Ports) *Store { return &Store{rows, ports} }

// Queue is moderation.Store's. Queue, comments, posts and people are asked one after
// another: a comment that was judged or deleted in between is left out, so that a
// page may be shorter than asked for and still have a next one.
func (s *Store) Queue(ctx context.Context, page paging.Page) (paging.List[moderation.Item], error) {
	waiting, err := s.page(ctx, page)
	if err != nil {
		return paging.List[moderation.Item]{}, err
	}
	ids := make([]string, len(waiting.Items))
	for i, q := range waiting.Items {
		ids[i] = q.CommentID
	}
	found, err := s.ports.Comments.ByIDs(ctx, ids)
	if err != nil {
		return paging.List[moderation.Item]{}, fmt.Errorf("find the comments that wait: %w", err)
	}
	list := paging.List[moderation.Item]{Items: make([]moderation.Item, 0, len(ids)), Next: waiting.Next}
	for _, q := range waiting.Items {
		if c, ok := found[q.CommentID]; ok && c.Status == contracts.Pending {
			list.Items = append(list.Items, moderation.Item{Comment: c, Reason: q.Reason, CreatedAt: q.CreatedAt.UTC()})
		}
	}
	list.Items, err = s.introduce(ctx, list.Items)
	return list, err
}

// introduce fills in who wrote the comments, and under what.
func (s *Store) introduce(ctx context.Context, items []moderation.Item) ([]moderation.Item, error) {
	authors, posts := make([]string, len(items)), make([]string, len(items))
	for i, item := range items {
		authors[i], posts[i] = item.Comment.Author.ID, item.Comment.PostID
	}
	names, err := s.ports.People.Names(ctx, authors)
	if err != nil {
		return nil, fmt.Errorf("find the authors' names: %w", err)
	}
	titles, err := s.ports.Posts.Titles(ctx, posts)
	if err != nil {
		return nil, fmt.Errorf("find the posts' titles: %w", err)
	}
	known := items[:0]
	for _, item := range items {
		c := &item.Comment
		title, ok := titles[c.PostID]
		if !ok {
			continue // the post is gone, and its comments with it
		}
		c.Author.Name = names[c.Author.ID]
		item.Post = moderation.PostRef{ID: c.PostID, Title: title}
		known = append(known, item)
	}
	return known, nil
}
