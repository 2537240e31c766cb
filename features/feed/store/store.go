package store

import (
	"context"
	"fmt"

	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/platform/paging"
)

// Ports are what the feed is put together from. None of them has to know names.
type Ports struct {
	Posts    Posts
	Comments Comments
	People   People
}

// Posts has what is published.
type Posts interface {
	// Newest returns published posts, newest first. Problem: Validation for a cursor
	// that is none.
	Newest(ctx context.Context, page paging.Page) (paging.List[contracts.PostSummary], error)
	// Search returns published posts that match, best first, and by post's id what
	// feed.Hit calls the highlight. Problem: Validation for a cursor that is none.
	Search(ctx context.Context, query string, page paging.Page) (found paging.List[contracts.PostSummary], highlights map[string]string, err error)
}

// Comments has what was said.
type Comments interface {
	// Latest returns the last approved comments of each post, newest first and at
	// most n of each. Where comments are at another host that does not answer, there
	// are none: the posts are shown all the same.
	Latest(ctx context.Context, postIDs []string, n int) (map[string][]contracts.Comment, error)
}

// People knows what authors are called.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Store reads the feed. It is safe for concurrent use.
type Store struct {
	ports Ports
}

var _ feed.Store = (*Store)(nil)

// New returns the store over its ports.
func New(ports Ports) *Store { return &Store{ports} }

// latestShown is how many comments the feed shows under a post.
const latestShown = 2

// Feed is feed.Store's. A post that is deleted while it is read stands without its
// comments.
func (s *Store) Feed(ctx context.Context, page paging.Page) (paging.List[feed.Entry], error) {
	newest, err := s.ports.Posts.Newest(ctx, page)
	if err != nil {
		return paging.List[feed.Entry]{}, err
	}
	ids := make([]string, len(newest.Items))
	for i, p := range newest.Items {
		ids[i] = p.ID
	}
	latest, err := s.ports.Comments.Latest(ctx, ids, latestShown)
	if err != nil {
		return paging.List[feed.Entry]{}, fmt.Errorf("find the latest comments: %w", err)
	}
	list := paging.List[feed.Entry]{Items: make([]feed.Entry, len(ids)), Next: newest.Next}
	var people []*contracts.Person
	for i, p := range newest.Items {
		e := &list.Items[i]
		e.Post, e.Latest = p, latest[p.ID]
		if e.Latest == nil {
			e.Latest = []contracts.Comment{} // [] in JSON, never null
		}
		people = append(people, &e.Post.Author)
		for j := range e.Latest {
			people = append(people, &e.Latest[j].Author)
		}
	}
	return list, s.introduce(ctx, people)
}

// Search is feed.Store's.
func (s *Store) Search(ctx context.Context, query string, page paging.Page) (paging.List[feed.Hit], error) {
	found, highlights, err := s.ports.Posts.Search(ctx, query, page)
	if err != nil {
		return paging.List[feed.Hit]{}, err
	}
	list := paging.List[feed.Hit]{Items: make([]feed.Hit, len(found.Items)), Next: found.Next}
	people := make([]*contracts.Person, len(found.Items))
	for i, p := range found.Items {
		list.Items[i] = feed.Hit{PostSummary: p, Highlight: highlights[p.ID]}
		people[i] = &list.Items[i].Author
	}
	return list, s.introduce(ctx, people)
}

// introduce fills in the names of people, all at once.
func (s *Store) introduce(ctx context.Context, people []*contracts.Person) error {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.ID
	}
	names, err := s.ports.People.Names(ctx, ids)
	if err != nil {
		return fmt.Errorf("find the names of those who wrote: %w", err)
	}
	for _, p := range people {
		p.Name = names[p.ID]
	}
	return nil
}
