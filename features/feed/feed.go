package feed

import (
	"context"
	"strings"
	"unicode/utf8"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Entry is one post in the feed with the last approved comments under it.
type Entry struct {
	Post   contracts.PostSummary `json:"post"`
	Latest []contracts.Comment   `json:"latest_comments"` // newest first, at most two
}

// Hit is one post that a search found.
type Hit struct {
	contracts.PostSummary
	Highlight string `json:"highlight"` // escaped HTML; what matched stands in <mark>
}

// Store reads the feed. Implementations pass storetest's suite and are safe for
// concurrent use.
type Store interface {
	// Feed returns published posts, newest first.
	Feed(ctx context.Context, page paging.Page) (paging.List[Entry], error)
	// Search returns published posts that match all words of the query, best first.
	// Quotes, or and - mean what web search engines made them mean.
	Search(ctx context.Context, query string, page paging.Page) (paging.List[Hit], error)
}

const maxQuery = 200 // characters

// Service is the use cases of the feed. It is safe for concurrent use.
type Service struct {
	store Store
}

// NewService returns the use cases over a store.
func NewService(store Store) *Service { return &Service{store} }

// Feed returns the newest posts.
func (s *Service) Feed(ctx context.Context, page paging.Page) (paging.List[Entry], error) {
	return s.store.Feed(ctx, page)
}

// Search returns the posts that match. Problem: Validation for an empty query or
// one of more than 200 characters.
func (s *Service) Search(ctx context.Context, query string, page paging.Page) (paging.List[Hit], error) {
	query = strings.TrimSpace(query)
	var f problem.Fields
	switch n := utf8.RuneCountInString(query); {
	case n == 0:
		f.Add("q", "is empty: say what to look for")
	case n > maxQuery:
		f.Add("q", "has %d characters: take at most %d", n, maxQuery)
	case !utf8.ValidString(query) || strings.ContainsRune(query, 0):
		f.Add("q", "is not clean UTF-8 text")
	}
	if f.Err() != nil {
		return paging.List[Hit]{}, f.Err()
	}
	return s.store.Search(ctx, query, page)
}
