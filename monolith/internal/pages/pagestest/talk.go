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
	"banyan.dev/platform/paging"
)

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
	place, ok, err := page.Start()
	if err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	if ok { // as the databases do: any place, also one where no comment stands
		rows = slices.DeleteFunc(rows, func(c contracts.Comment) bool {
			return c.CreatedAt.Before(place.Time) || c.CreatedAt.Equal(place.Time) && c.ID <= place.ID
		})
	}
	return paging.Cut(rows, page.Limit, func(c contracts.Comment) paging.Place { return paging.Place{Time: c.CreatedAt, ID: c.ID} }), nil
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

func (s commentStore) CloseUnder(_ context.Context, postID, _ string) error {
	end, err := s.begin()
	defer end()
	if err == nil {
		s.comments = slices.DeleteFunc(s.comments, func(c *contracts.Comment) bool { return c.PostID == postID })
	}
	return err
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
	if err == nil {
		err = s.silence()
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
