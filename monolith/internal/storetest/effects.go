package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// waiting is the comments in the moderators' queue.
func (s *stage) waiting() []string {
	s.Helper()
	items := pages(s, 2, nothing, func(p paging.Page) (paging.List[moderation.Item], error) { return s.Moderation.Queue(s.ctx(), p) })
	return ids(items, func(i moderation.Item) string { return i.Comment.ID })
}

// told is the comments that somebody was told of, newest first.
func (s *stage) told(v contracts.Viewer) []string {
	s.Helper()
	return ids(s.inbox(v), func(n notifications.Notification) string { return n.CommentID })
}

func (s *stage) inbox(v contracts.Viewer) []notifications.Notification {
	s.Helper()
	return pages(s, 2, nothing, func(p paging.Page) (paging.List[notifications.Notification], error) {
		return s.Notifications.List(s.ctx(), v.ID, p)
	})
}

func effectPromises() []promise {
	statuses := []contracts.CommentStatus{contracts.Pending, contracts.Approved, contracts.Rejected}
	var all []promise
	for _, was := range statuses {
		for _, is := range statuses {
			all = append(all, promise{fmt.Sprintf("from %s to %s", was, is), func(s *stage) { holdTransition(s, was, is) }})
		}
	}
	return append(all,
		promise{"a comment that is approved twice is told once", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			c := s.say(rita, p, contracts.Approved)
			c = s.judge(c, p, contracts.Rejected)
			s.judge(c, p, contracts.Approved)
			require.Equal(s, []string{c.ID}, s.told(ann))
			require.Equal(s, 1, s.counted(p))
		}},
		promise{"a comment that can't have its effects is not there either, nor is its key taken", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			c := newComment(s, rita, p, contracts.Approved)
			nobody := effectsOf(c, p)
			nobody.Notice.To = "no id"
			_, _, err := s.Comments.Create(s.ctx(), c, nobody, key("k", "say"))
			require.Error(s, err, "nobody can't be told")
			_, err = s.Comments.Get(s.ctx(), c.ID)
			s.refused(problem.NotFound, err)
			require.Equal(s, 0, s.counted(p))
			_, replayed, err := s.Comments.Create(s.ctx(), c, effectsOf(c, p), key("k", "say"))
			require.NoError(s, err)
			require.False(s, replayed)
			require.Equal(s, 1, s.counted(p))
			require.Equal(s, []string{c.ID}, s.told(ann))
		}},
		promise{"a comment is no edit of its post", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			s.say(s.person("Rita", contracts.Reader), p, contracts.Approved)
			got, err := s.Posts.Get(s.ctx(), p.ID)
			require.NoError(s, err)
			want := p
			want.Comments = 1
			require.Equal(s, want, got)
		}},
	)
}

// holdTransition checks what follows from one status after the other.
func holdTransition(s *stage, was, is contracts.CommentStatus) {
	ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
	p := s.publish(ann, "Talk")
	c := s.say(rita, p, was)
	check := func(status contracts.CommentStatus, told bool) {
		s.Helper()
		require.Equal(s, btoi(status == contracts.Approved), s.counted(p), "counted when %s", status)
		require.Len(s, s.waiting(), btoi(status == contracts.Pending), "in the queue when %s", status)
		require.Len(s, s.told(ann), btoi(told), "told when %s", status)
	}
	check(was, was == contracts.Approved)
	s.judge(c, p, is)
	check(is, was == contracts.Approved || is == contracts.Approved)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func moderationPromises() []promise {
	word := func(s *stage) moderation.Rule {
		return moderation.Rule{ID: contracts.NewID(), Kind: moderation.Word, Pattern: s.word(), Verdict: contracts.Pending, CreatedAt: s.now()}
	}
	return []promise{
		{"rules are kept, oldest first, and removed", func(s *stage) {
			rules, err := s.Moderation.Rules(s.ctx())
			require.NoError(s, err)
			require.Equal(s, []moderation.Rule{}, rules)
			links := moderation.Rule{ID: contracts.NewID(), Kind: moderation.Links, Max: 2, Verdict: contracts.Rejected, CreatedAt: s.now()}
			want := []moderation.Rule{links, word(s), word(s)}
			for _, r := range want {
				added, replayed, err := s.Moderation.AddRule(s.ctx(), r, contracts.Key{})
				require.NoError(s, err)
				require.False(s, replayed)
				require.Equal(s, r, added)
			}
			rules, err = s.Moderation.Rules(s.ctx())
			require.NoError(s, err)
			require.Equal(s, want, rules)
			require.NoError(s, s.Moderation.DeleteRule(s.ctx(), want[1].ID))
			rules, err = s.Moderation.Rules(s.ctx())
			require.NoError(s, err)
			require.Equal(s, []moderation.Rule{want[0], want[2]}, rules)
			for _, id := range []string{want[1].ID, contracts.NewID(), "no id"} {
				s.refused(problem.NotFound, s.Moderation.DeleteRule(s.ctx(), id))
			}
		}},
		{"a retried rule is one rule", func(s *stage) {
			made := make([]moderation.Rule, 8)
			errs := race(len(made), func(i int) (err error) {
				made[i], _, err = s.Moderation.AddRule(s.ctx(), word(s), key("k", "add"))
				return err
			})
			require.Equal(s, len(made), s.won(errs, ""))
			for _, r := range made {
				require.Equal(s, made[0], r)
			}
			_, _, err := s.Moderation.AddRule(s.ctx(), word(s), key("k", "add another"))
			s.refused(problem.KeyReused, err)
			require.NoError(s, s.Moderation.DeleteRule(s.ctx(), made[0].ID))
			_, _, err = s.Moderation.AddRule(s.ctx(), word(s), key("k", "add"))
			s.refused(problem.NotFound, err)
		}},
		{"the queue shows who waits longest first, and why, and under what", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Debated")
			first, second, third := s.say(rita, p, contracts.Pending), s.say(rita, p, contracts.Pending), s.say(rita, p, contracts.Pending)
			s.say(rita, p, contracts.Approved)
			require.Equal(s, []string{first.ID, second.ID, third.ID}, s.waiting())

			edited := first
			edited.Body = "edited"
			edited = s.judge(edited, p, contracts.Pending)
			require.Equal(s, []string{first.ID, second.ID, third.ID}, s.waiting(), "who edits keeps the turn")
			list, err := s.Moderation.Queue(s.ctx(), paging.Page{Limit: 10})
			require.NoError(s, err)
			require.Equal(s, moderation.Item{
				Comment: edited, Post: moderation.PostRef{ID: p.ID, Title: p.Title},
				Reason: "because edited", CreatedAt: first.UpdatedAt,
			}, list.Items[0])

			s.judge(edited, p, contracts.Approved)
			s.judge(third, p, contracts.Rejected)
			require.Equal(s, []string{second.ID}, s.waiting())
		}},
		{"the queue's pages stay right while it is worked off", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Debated")
			var want []contracts.Comment
			for range 6 {
				want = append(want, s.say(rita, p, contracts.Pending))
			}
			first := want[0]
			between := func() {
				if first.Version == 1 {
					first = s.judge(first, p, contracts.Approved)
				}
			}
			items := pages(s, 2, between, func(page paging.Page) (paging.List[moderation.Item], error) { return s.Moderation.Queue(s.ctx(), page) })
			require.Equal(s, ids(want, idOfComment), ids(items, func(i moderation.Item) string { return i.Comment.ID }))
		}},
	}
}

func notificationPromises() []promise {
	return []promise{
		{"an author is told who said what where, newest first", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			var want []string
			for range 5 {
				want = append(want, s.say(rita, p, contracts.Approved).ID)
			}
			s.say(ann, p, contracts.Approved) // is no news to herself
			inbox := s.inbox(ann)
			require.Equal(s, reversed(want), ids(inbox, func(n notifications.Notification) string { return n.CommentID }))
			newest := inbox[0]
			require.True(s, contracts.IsID(newest.ID))
			require.Equal(s, "comment", newest.Kind)
			require.Equal(s, notifications.PostRef{ID: p.ID, Title: p.Title}, newest.Post)
			require.Equal(s, rita.Person, newest.Actor)
			require.Nil(s, newest.ReadAt)
			require.WithinDuration(s, s.at, newest.CreatedAt, time.Hour)
			require.Empty(s, s.told(rita))
		}},
		{"what is read is read once and for its owner only", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			for range 3 {
				s.say(rita, p, contracts.Approved)
			}
			unread := func(v contracts.Viewer) int {
				n, err := s.Notifications.Unread(s.ctx(), v.ID)
				require.NoError(s, err)
				return n
			}
			require.Equal(s, 3, unread(ann))
			require.Equal(s, 0, unread(rita))
			one, at := s.inbox(ann)[0], s.now()
			s.refused(problem.NotFound, s.Notifications.MarkRead(s.ctx(), rita.ID, one.ID, at))
			for _, id := range []string{contracts.NewID(), "no id"} {
				s.refused(problem.NotFound, s.Notifications.MarkRead(s.ctx(), ann.ID, id, at))
			}
			require.NoError(s, s.Notifications.MarkRead(s.ctx(), ann.ID, one.ID, at))
			require.NoError(s, s.Notifications.MarkRead(s.ctx(), ann.ID, one.ID, s.now()))
			require.Equal(s, at, *s.inbox(ann)[0].ReadAt, "a second time changes nothing")
			require.Equal(s, 2, unread(ann))
			require.NoError(s, s.Notifications.MarkAllRead(s.ctx(), rita.ID, s.now()))
			require.Equal(s, 2, unread(ann))
			require.NoError(s, s.Notifications.MarkAllRead(s.ctx(), ann.ID, s.now()))
			require.Equal(s, 0, unread(ann))
			require.Equal(s, at, *s.inbox(ann)[0].ReadAt)
		}},
		{"what came since is oldest first, and bounded", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			var want []string
			for range 4 {
				want = append(want, s.say(rita, p, contracts.Approved).ID)
			}
			since := func(id string, limit int) []notifications.Notification {
				news, err := s.Notifications.Since(s.ctx(), ann.ID, id, limit)
				require.NoError(s, err)
				require.NotNil(s, news)
				return news
			}
			commentOf := func(n notifications.Notification) string { return n.CommentID }
			all := since("", 10)
			require.Equal(s, want, ids(all, commentOf))
			require.Equal(s, want[:2], ids(since("", 2), commentOf))
			require.Equal(s, want[2:], ids(since(all[1].ID, 10), commentOf))
			require.Empty(s, since(all[3].ID, 10))
		}},
	}
}
