package storetest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

func commentPromises() []promise {
	return []promise{
		{"a comment comes back as it was given", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			want := newComment(s, rita, p, contracts.Approved)
			created, replayed, err := s.Comments.Create(s.ctx(), want, comments.Effects{}, contracts.Key{})
			require.NoError(s, err)
			require.False(s, replayed)
			require.Equal(s, want, created)
			got, err := s.Comments.Get(s.ctx(), want.ID)
			require.NoError(s, err)
			require.Equal(s, want, got)
		}},
		{"a comment needs a post", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			for _, id := range []string{contracts.NewID(), "no id"} {
				var none contracts.Post
				none.ID = id
				_, _, err := s.Comments.Create(s.ctx(), newComment(s, rita, none, contracts.Approved), comments.Effects{}, key("k", "say"))
				s.refused(problem.NotFound, err)
			}
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			_, replayed, err := s.Comments.Create(s.ctx(), newComment(s, rita, p, contracts.Approved), comments.Effects{}, key("k", "say"))
			require.NoError(s, err)
			require.False(s, replayed, "what failed left its key free")
		}},
		{"what is not there is not found", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			for _, id := range []string{contracts.NewID(), "", "no id"} {
				_, err := s.Comments.Get(s.ctx(), id)
				s.refused(problem.NotFound, err)
				_, err = s.Comments.DeletedBy(s.ctx(), id)
				s.refused(problem.NotFound, err)
				s.refused(problem.NotFound, s.Comments.Delete(s.ctx(), id, 0))
				c := newComment(s, rita, p, contracts.Approved)
				c.ID = id
				_, _, err = s.Comments.Update(s.ctx(), c, comments.Effects{}, contracts.Key{})
				s.refused(problem.NotFound, err)
				list, err := s.Comments.List(s.ctx(), id, rita, paging.Page{Limit: 10})
				require.NoError(s, err)
				require.Equal(s, []contracts.Comment{}, list.Items)
			}
		}},
		{"a comment shows its author's present name", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			s.say(rita, p, contracts.Approved)
			_, err := s.Accounts.Update(s.ctx(), accounts.Account{ID: rita.ID, Name: "Rita R.", Role: rita.Role, Version: 1})
			require.NoError(s, err)
			require.Equal(s, "Rita R.", pages(s, 5, nothing, s.under(p, contracts.Viewer{}))[0].Author.Name)
		}},
		{"an approved comment is for everyone, the others for their author and moderators", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			ben, mo := s.person("Ben", contracts.Reader), s.person("Mo", contracts.Moderator)
			p := s.publish(ann, "Talk")
			approved, pending, rejected := s.say(rita, p, contracts.Approved), s.say(rita, p, contracts.Pending), s.say(ben, p, contracts.Rejected)
			s.say(rita, s.publish(ann, "Elsewhere"), contracts.Approved)
			for _, c := range []struct {
				viewer contracts.Viewer
				want   []string
			}{
				{contracts.Viewer{}, []string{approved.ID}},
				{ann, []string{approved.ID}},
				{rita, []string{approved.ID, pending.ID}},
				{ben, []string{approved.ID, rejected.ID}},
				{mo, []string{approved.ID, pending.ID, rejected.ID}},
			} {
				require.Equal(s, c.want, ids(pages(s, 1, nothing, s.under(p, c.viewer)), idOfComment), c.viewer.Name)
			}
		}},
		{"comments stand in the order they were written, and equals by id", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			var want []string
			for range 4 {
				want = append(want, s.say(rita, p, contracts.Approved).ID)
			}
			same := newComment(s, rita, p, contracts.Approved)
			for range 3 {
				same.ID = contracts.NewID()
				_, _, err := s.Comments.Create(s.ctx(), same, comments.Effects{}, contracts.Key{})
				require.NoError(s, err)
				want = append(want, same.ID)
			}
			require.Equal(s, want, ids(pages(s, 2, nothing, s.under(p, contracts.Viewer{})), idOfComment))
		}},
		{"pages stay right while comments come and go", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			var want []string
			for range 6 {
				want = append(want, s.say(rita, p, contracts.Approved).ID)
			}
			late := 0
			between := func() {
				if late++; late <= 2 {
					want = append(want, s.say(rita, p, contracts.Approved).ID)
				}
				if err := s.Comments.Delete(s.ctx(), want[0], 0); err != nil {
					s.refused(problem.NotFound, err)
				}
			}
			require.Equal(s, want, ids(pages(s, 2, between, s.under(p, contracts.Viewer{})), idOfComment))
		}},
		{"an edit changes text and status and raises the version", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			was := s.say(s.person("Rita", contracts.Reader), p, contracts.Approved)
			edit := was
			edit.Body, edit.HTML, edit.Status, edit.UpdatedAt = "new", "<p>new</p>", contracts.Pending, s.now()
			got, replayed, err := s.Comments.Update(s.ctx(), edit, comments.Effects{Reason: "new"}, contracts.Key{})
			require.NoError(s, err)
			require.False(s, replayed)
			want := edit
			want.Version = 2
			require.Equal(s, want, got)
			stored, err := s.Comments.Get(s.ctx(), was.ID)
			require.NoError(s, err)
			require.Equal(s, want, stored)
			_, _, err = s.Comments.Update(s.ctx(), edit, comments.Effects{}, contracts.Key{})
			s.refused(problem.VersionMismatch, err)
		}},
		{"of many who change one version of a comment, one wins", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			c := s.say(s.person("Rita", contracts.Reader), p, contracts.Approved)
			errs := race(8, func(i int) error {
				mine := c
				mine.Body = fmt.Sprint("by ", i)
				mine.Status = []contracts.CommentStatus{contracts.Pending, contracts.Rejected}[i%2]
				_, _, err := s.Comments.Update(s.ctx(), mine, effectsOf(mine, p), contracts.Key{})
				return err
			})
			require.Equal(s, 1, s.won(errs, problem.VersionMismatch))
			require.Equal(s, 0, s.counted(p))
		}},
	}
}

// under lists the comments under a post as the viewer sees them.
func (s *stage) under(p contracts.Post, v contracts.Viewer) func(paging.Page) (paging.List[contracts.Comment], error) {
	return func(page paging.Page) (paging.List[contracts.Comment], error) {
		return s.Comments.List(s.ctx(), p.ID, v, page)
	}
}
