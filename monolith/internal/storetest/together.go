package storetest

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// listPromises are about what every list does with a cursor.
func listPromises() []promise {
	type list func(s *stage, page paging.Page) error
	lists := map[string]list{
		"posts": func(s *stage, p paging.Page) error { _, err := s.Posts.List(s.ctx(), posts.Filter{}, p); return err },
		"comments": func(s *stage, p paging.Page) error {
			_, err := s.Comments.List(s.ctx(), contracts.NewID(), contracts.Viewer{}, p)
			return err
		},
		"queue": func(s *stage, p paging.Page) error { _, err := s.Moderation.Queue(s.ctx(), p); return err },
		"notifications": func(s *stage, p paging.Page) error {
			_, err := s.Notifications.List(s.ctx(), contracts.NewID(), p)
			return err
		},
		"feed":   func(s *stage, p paging.Page) error { _, err := s.Feed.Feed(s.ctx(), p); return err },
		"search": func(s *stage, p paging.Page) error { _, err := s.Feed.Search(s.ctx(), "x", p); return err },
	}
	foreign := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	return []promise{
		{"a cursor that no list made is told apart from a fault", func(s *stage) {
			for name, list := range lists {
				for _, cursor := range []string{"!", "x", foreign("{}"), foreign(`{"i":"no id"}`), foreign(`{"i":"'; --","t":"2026-01-01T00:00:00Z"}`)} {
					err := list(s, paging.Page{After: cursor, Limit: 5})
					require.Equal(s, problem.Validation, problem.KindOf(err), "%s, cursor %q: %v", name, cursor, err)
				}
			}
		}},
		{"another list's cursor is no fault", func(s *stage) {
			for name, list := range lists {
				for _, place := range []paging.Place{
					{ID: contracts.NewID()}, {ID: contracts.NewID(), Rank: 1e300}, {ID: contracts.NewID(), Time: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
				} {
					require.NoError(s, list(s, paging.Page{After: place.Cursor(), Limit: 5}), name)
				}
			}
		}},
	}
}

// togetherPromises are about many who write at once.
func togetherPromises() []promise {
	return []promise{
		{"the count is right after any crowd", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p := s.publish(ann, "Crowded")
			errs := race(6, func(i int) error { return s.crowd(p, uint64(i)) })
			require.Equal(s, 6, s.won(errs, ""))
			mo := s.person("Mo", contracts.Moderator)
			approved, pending := 0, []string{}
			for _, c := range pages(s, 20, nothing, s.under(p, mo)) {
				switch c.Status {
				case contracts.Approved:
					approved++
				case contracts.Pending:
					pending = append(pending, c.ID)
				}
			}
			require.Equal(s, approved, s.counted(p))
			require.ElementsMatch(s, pending, s.waiting())
		}},
		{"who comments while the post is deleted is refused, or deleted with it", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Going")
			var mu sync.Mutex
			var made []contracts.Comment
			errs := race(9, func(i int) error {
				if i == 4 {
					return s.Posts.Delete(s.ctx(), p.ID, 0)
				}
				c := newComment(s, rita, p, contracts.Approved)
				c, _, err := s.Comments.Create(s.ctx(), c, effectsOf(c, p), contracts.Key{})
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					made = append(made, c)
				}
				return err
			})
			require.Equal(s, len(made)+1, s.won(errs, problem.NotFound))
			for _, c := range made {
				_, err := s.Comments.Get(s.ctx(), c.ID)
				s.refused(problem.NotFound, err)
				_, err = s.Comments.DeletedBy(s.ctx(), c.ID)
				require.NoError(s, err)
			}
			require.Empty(s, s.told(ann))
		}},
		{"writers all over the place never lock each other out", func(s *stage) {
			ann, mo := s.person("Ann", contracts.Author), s.person("Mo", contracts.Moderator)
			shared := []contracts.Post{s.publish(ann, "A"), s.publish(ann, "B"), s.publish(ann, "C")}
			errs := race(8, func(i int) error {
				rnd := rand.New(rand.NewPCG(uint64(i), 1))
				for range 12 {
					p := shared[rnd.IntN(len(shared))]
					if err := s.anything(rnd, p, ann, mo); err != nil {
						return err
					}
				}
				return nil
			})
			require.Equal(s, 8, s.won(errs, ""))
		}},
	}
}

// crowd writes, judges, edits and deletes comments under one post; that somebody
// else was faster is no error.
func (s *stage) crowd(p contracts.Post, seed uint64) error {
	rnd := rand.New(rand.NewPCG(seed, 7))
	statuses := []contracts.CommentStatus{contracts.Pending, contracts.Approved, contracts.Rejected}
	who := s.person("Somebody", contracts.Moderator)
	for range 15 {
		list, err := s.Comments.List(s.ctx(), p.ID, who, paging.Page{Limit: 20})
		if err != nil {
			return err
		}
		status := statuses[rnd.IntN(len(statuses))]
		if len(list.Items) == 0 || rnd.IntN(2) == 0 {
			c := newComment(s, who, p, status)
			if _, _, err := s.Comments.Create(s.ctx(), c, effectsOf(c, p), contracts.Key{}); err != nil {
				return err
			}
			continue
		}
		c := list.Items[rnd.IntN(len(list.Items))] // another's too: versions collide
		if rnd.IntN(4) == 0 {
			err = s.Comments.Delete(s.ctx(), c.ID, 0)
		} else {
			c.Status = status
			_, _, err = s.Comments.Update(s.ctx(), c, effectsOf(c, p), contracts.Key{})
		}
		if err = faster(err); err != nil {
			return err
		}
	}
	return nil
}

// anything does one of the writes that touch a post, its comments, people and
// notifications.
func (s *stage) anything(rnd *rand.Rand, p contracts.Post, author, mo contracts.Viewer) error {
	switch rnd.IntN(6) {
	case 0:
		now, err := s.Posts.Get(s.ctx(), p.ID)
		if err != nil {
			return err
		}
		_, _, err = s.Posts.Update(s.ctx(), now, contracts.Key{})
		return faster(err)
	case 1:
		return s.Notifications.MarkAllRead(s.ctx(), author.ID, s.now())
	case 2:
		now, err := s.Accounts.ByID(s.ctx(), author.ID)
		if err != nil {
			return err
		}
		_, err = s.Accounts.Update(s.ctx(), now)
		return faster(err)
	case 3:
		mine := s.publish(author, "Short-lived")
		s.say(mo, mine, contracts.Approved)
		return s.Posts.Delete(s.ctx(), mine.ID, 0)
	}
	c := newComment(s, mo, p, contracts.Approved)
	_, _, err := s.Comments.Create(s.ctx(), c, effectsOf(c, p), key(s.word(), "say"))
	return err
}

// faster leaves out that somebody else was.
func faster(err error) error {
	var e *problem.Error
	if errors.As(err, &e) && (e.Kind == problem.VersionMismatch || e.Kind == problem.NotFound) {
		return nil
	}
	return err
}
