package pagestest

import (
	"context"
	"html"
	"slices"
	"strings"
	"time"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
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

type commentStore struct{ *memory }

func (m *memory) said(c *contracts.Comment) contracts.Comment {
	out := *c
	out.Author = m.nameOf(c.Author)
	return out
}

func (s commentStore) Create(_ context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (contracts.Comment, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Comment{}, false, err
	}
	id, replayed, err := s.replay(c.Author.ID, key, c.ID)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	if !replayed {
		s.comments = append(s.comments, &c)
		s.effects(&c, e)
	}
	row, err := find(s.comments, id, commentID)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	return s.said(row), replayed, nil
}

func (m *memory) effects(c *contracts.Comment, e comments.Effects) {
	m.reasons[c.ID] = e.Reason
	if n := e.Notice; n != nil {
		m.notices[n.To] = append(m.notices[n.To], &notifications.Notification{
			ID: contracts.NewID(), Kind: "comment", Post: notifications.PostRef{ID: n.PostID, Title: n.PostTitle},
			CommentID: n.CommentID, Actor: n.Actor, CreatedAt: time.Now().UTC(),
		})
	}
}

func (s commentStore) Get(_ context.Context, id string) (contracts.Comment, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Comment{}, err
	}
	row, err := find(s.comments, id, commentID)
	if err != nil {
		return contracts.Comment{}, err
	}
	return s.said(row), nil
}

func (s commentStore) List(_ context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error) {
	end, err := s.begin()
	defer end()
	var rows []contracts.Comment
	for _, c := range s.comments {
		if c.PostID == postID && c.VisibleTo(v) {
			rows = append(rows, s.said(c))
		}
	}
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	return cut(rows, page, func(c contracts.Comment) string { return c.ID })
}

func (s commentStore) Update(_ context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (contracts.Comment, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return contracts.Comment{}, false, err
	}
	row, err := find(s.comments, c.ID, commentID)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	if row.Version != c.Version {
		return contracts.Comment{}, false, stale()
	}
	c.Version++
	*row = c
	s.effects(row, e)
	return s.said(row), false, nil
}

func (s commentStore) Delete(_ context.Context, id string, _ int) error {
	end, err := s.begin()
	defer end()
	if err != nil {
		return err
	}
	row, err := find(s.comments, id, commentID)
	if err != nil {
		return err
	}
	s.deleted[id] = row.Author.ID
	s.comments = slices.DeleteFunc(s.comments, func(c *contracts.Comment) bool { return c.ID == id })
	return nil
}

func (s commentStore) DeletedBy(_ context.Context, id string) (string, error) { return s.goneOf(id) }

type ruleStore struct{ *memory }

func (s ruleStore) Rules(context.Context) ([]moderation.Rule, error) {
	end, err := s.begin()
	defer end()
	return slices.Clone(s.rules), err
}

func (s ruleStore) AddRule(_ context.Context, r moderation.Rule, key contracts.Key) (moderation.Rule, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return moderation.Rule{}, false, err
	}
	_, replayed, err := s.replay("rules", key, r.ID)
	if err == nil && !replayed {
		s.rules = append(s.rules, r)
	}
	return r, replayed, err
}

func (s ruleStore) DeleteRule(_ context.Context, id string) error {
	end, err := s.begin()
	defer end()
	s.rules = slices.DeleteFunc(s.rules, func(r moderation.Rule) bool { return r.ID == id })
	return err
}

func (s ruleStore) Queue(_ context.Context, page paging.Page) (paging.List[moderation.Item], error) {
	end, err := s.begin()
	defer end()
	var rows []moderation.Item
	for _, c := range s.comments {
		if c.Status != contracts.Pending {
			continue
		}
		post, gone := find(s.posts, c.PostID, postID)
		if gone != nil {
			continue
		}
		rows = append(rows, moderation.Item{Comment: s.said(c), Post: moderation.PostRef{ID: post.ID, Title: post.Title}, Reason: s.reasons[c.ID], CreatedAt: c.CreatedAt})
	}
	if err != nil {
		return paging.List[moderation.Item]{}, err
	}
	return cut(rows, page, func(i moderation.Item) string { return i.Comment.ID })
}

type feedStore struct{ *memory }

func (s feedStore) Feed(_ context.Context, page paging.Page) (paging.List[feed.Entry], error) {
	end, err := s.begin()
	defer end()
	var rows []feed.Entry
	for _, p := range s.newest(func(p contracts.Post) bool { return p.Status == contracts.Published }) {
		e := feed.Entry{Post: p}
		for _, c := range slices.Backward(s.comments) {
			if c.PostID == p.ID && c.Status == contracts.Approved && len(e.Latest) < 2 {
				e.Latest = append(e.Latest, s.said(c))
			}
		}
		rows = append(rows, e)
	}
	if err != nil {
		return paging.List[feed.Entry]{}, err
	}
	return cut(rows, page, func(e feed.Entry) string { return e.Post.ID })
}

// Search finds the query as it stands in title or excerpt.
func (s feedStore) Search(_ context.Context, query string, page paging.Page) (paging.List[feed.Hit], error) {
	end, err := s.begin()
	defer end()
	var rows []feed.Hit
	for _, p := range s.newest(func(p contracts.Post) bool {
		return p.Status == contracts.Published && strings.Contains(strings.ToLower(p.Title+" "+p.Excerpt), strings.ToLower(query))
	}) {
		word := html.EscapeString(query)
		rows = append(rows, feed.Hit{PostSummary: p, Highlight: strings.ReplaceAll(html.EscapeString(p.Excerpt), word, "<mark>"+word+"</mark>")})
	}
	if err != nil {
		return paging.List[feed.Hit]{}, err
	}
	return cut(rows, page, func(h feed.Hit) string { return h.ID })
}
