package pagestest

import (
	"context"
	"slices"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

type postStore struct{ *memory }

// shown is a post as a reader gets it.
func (m *memory) shown(p *contracts.Post) contracts.Post {
	out := *p
	out.Author, out.Comments = m.nameOf(p.Author), 0
	for _, c := range m.comments {
		if c.PostID == p.ID && c.Status == contracts.Approved {
			out.Comments++
		}
	}
	if _, ok := m.covers[p.ID]; ok {
		out.CoverURL = "/api/v1/posts/" + p.ID + "/cover"
	}
	return out
}

func (s postStore) Create(_ context.Context, p contracts.Post, key contracts.Key) (contracts.Post, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Post{}, false, err
	}
	id, replayed, err := s.replay(p.Author.ID, key, p.ID)
	if err != nil {
		return contracts.Post{}, false, err
	}
	if !replayed {
		s.posts = append(s.posts, &p)
	}
	row, err := find(s.posts, id, postID)
	if err != nil {
		return contracts.Post{}, false, err
	}
	return s.shown(row), replayed, nil
}

func (s postStore) Get(_ context.Context, id string) (contracts.Post, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Post{}, err
	}
	row, err := find(s.posts, id, postID)
	if err != nil {
		return contracts.Post{}, err
	}
	return s.shown(row), nil
}

func (s postStore) Published(ctx context.Context, id string) (posts.Ref, error) {
	p, err := s.Get(ctx, id)
	if err != nil {
		return posts.Ref{}, err
	}
	if p.Status != contracts.Published {
		return posts.Ref{}, problem.New(problem.NotFound, "there is no post %s", id)
	}
	return posts.Ref{ID: p.ID, Title: p.Title, AuthorID: p.Author.ID}, nil
}

// newest returns the posts that keep says, newest first.
func (m *memory) newest(keep func(contracts.Post) bool) []contracts.PostSummary {
	var rows []contracts.PostSummary
	for _, p := range slices.Backward(m.posts) {
		if keep(*p) {
			rows = append(rows, m.shown(p).PostSummary)
		}
	}
	return rows
}

func summaryID(p contracts.PostSummary) string { return p.ID }

func (s postStore) List(_ context.Context, f posts.Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return paging.List[contracts.PostSummary]{}, err
	}
	return cut(s.newest(func(p contracts.Post) bool {
		return (f.Drafts || p.Status == contracts.Published) && (f.AuthorID == "" || f.AuthorID == p.Author.ID) &&
			(f.Tag == "" || slices.Contains(p.Tags, f.Tag))
	}), page, summaryID)
}

func (s postStore) Update(_ context.Context, p contracts.Post, key contracts.Key) (contracts.Post, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Post{}, false, err
	}
	row, err := find(s.posts, p.ID, postID)
	if err != nil {
		return contracts.Post{}, false, err
	}
	if _, known := s.keys[p.Author.ID+" "+key.Value]; !known && row.Version != p.Version {
		return contracts.Post{}, false, stale()
	}
	_, replayed, err := s.replay(p.Author.ID, key, p.ID)
	if err != nil || replayed {
		return s.shown(row), replayed, err
	}
	p.Version++
	*row = p
	return s.shown(row), false, nil
}

func (s postStore) Delete(_ context.Context, id string, version int) error {
	end, err := s.begin()
	defer end()
	if err != nil {
		return err
	}
	row, err := find(s.posts, id, postID)
	if err != nil {
		return err
	}
	if version != 0 && version != row.Version {
		return stale()
	}
	s.deleted[id] = row.Author.ID
	s.posts = slices.DeleteFunc(s.posts, func(p *contracts.Post) bool { return p.ID == id })
	s.comments = slices.DeleteFunc(s.comments, func(c *contracts.Comment) bool { return c.PostID == id })
	return nil
}

func (s postStore) DeletedBy(_ context.Context, id string) (string, error) { return s.goneOf(id) }

func (m *memory) goneOf(id string) (string, error) {
	end, err := m.begin()
	defer end()
	if err != nil {
		return "", err
	}
	if by, ok := m.deleted[id]; ok {
		return by, nil
	}
	_, err = find(m.posts[:0], id, postID)
	return "", err
}

func (s postStore) SetCover(_ context.Context, id string, c posts.Cover) error {
	end, err := s.begin()
	defer end()
	s.covers[id] = c
	return err
}

func (s postStore) Cover(_ context.Context, id string) (posts.Cover, error) {
	end, err := s.begin()
	defer end()
	c, ok := s.covers[id]
	if !ok && err == nil {
		_, err = find(s.posts[:0], id, postID)
	}
	return c, err
}

func (s postStore) DeleteCover(_ context.Context, id string) error {
	end, err := s.begin()
	defer end()
	delete(s.covers, id)
	return err
}

func (s postStore) Tags(_ context.Context, limit int) ([]posts.Tag, error) {
	end, err := s.begin()
	defer end()
	var tags []posts.Tag
	for _, p := range s.newest(func(p contracts.Post) bool { return p.Status == contracts.Published }) {
		for _, tag := range p.Tags {
			i := slices.IndexFunc(tags, func(t posts.Tag) bool { return t.Tag == tag })
			if i < 0 {
				tags, i = append(tags, posts.Tag{Tag: tag}), len(tags)
			}
			tags[i].Count++
		}
	}
	slices.SortStableFunc(tags, func(a, b posts.Tag) int { return b.Count - a.Count })
	return tags[:min(limit, len(tags))], err
}
