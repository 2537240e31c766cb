package tangle

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/posts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

type feedStore struct{ db *database.DB }

const latestShown = 2

func (s feedStore) Feed(ctx context.Context, page paging.Page) (paging.List[feed.Entry], error) {
	db := s.db.Gorm(ctx)
	rows, err := listPosts(db, posts.Filter{}, page)
	if err != nil {
		return paging.List[feed.Entry]{}, err
	}
	cut := paging.Cut(rows, page.Limit, summary.place)
	latest, err := latestComments(db, each(cut.Items, func(r summary) string { return r.ID }))
	if err != nil {
		return paging.List[feed.Entry]{}, err
	}
	entries := each(cut.Items, func(r summary) feed.Entry {
		e := feed.Entry{Post: r.toSummary(), Latest: latest[r.ID]}
		if e.Latest == nil {
			e.Latest = []contracts.Comment{} // [] in JSON, never null
		}
		return e
	})
	return paging.List[feed.Entry]{Items: entries, Next: cut.Next}, nil
}

// latestComments returns the last approved comments of each post, newest first.
func latestComments(db *gorm.DB, postIDs []string) (map[string][]contracts.Comment, error) {
	if len(postIDs) == 0 {
		return nil, nil
	}
	var rows []commentRead
	err := db.Raw(`SELECT `+commentColumns+` FROM posts p
		CROSS JOIN LATERAL (
			SELECT * FROM comments WHERE post_id = p.id AND status = 'approved' ORDER BY created_at DESC, id DESC LIMIT ?
		) c
		JOIN accounts a ON a.id = c.author_id
		WHERE p.id IN ? ORDER BY c.post_id, c.created_at DESC, c.id DESC`, latestShown, postIDs).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select latest comments: %w", err)
	}
	latest := map[string][]contracts.Comment{}
	for _, r := range rows {
		latest[r.PostID] = append(latest[r.PostID], r.toComment())
	}
	return latest, nil
}
