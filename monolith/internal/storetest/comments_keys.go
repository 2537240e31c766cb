package storetest

import (
	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

func commentKeyPromises() []promise {
	return []promise{
		{"a retried comment is one comment with its effects once, however many hands retry it", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			made := make([]contracts.Comment, 8)
			replays := make([]bool, len(made))
			errs := race(len(made), func(i int) (err error) {
				c := newComment(s, rita, p, contracts.Approved)
				made[i], replays[i], err = s.Comments.Create(s.ctx(), c, effectsOf(c, p), key("k", "say"))
				return err
			})
			require.Equal(s, len(made), s.won(errs, ""))
			first := 0
			for i, c := range made {
				require.Equal(s, made[0], c)
				if !replays[i] {
					first++
				}
			}
			require.Equal(s, 1, first)
			require.Equal(s, 1, s.counted(p))
			require.Equal(s, []string{made[0].ID}, s.told(ann))
		}},
		{"a key is for one request, and for one author", func(s *stage) {
			rita, ben := s.person("Rita", contracts.Reader), s.person("Ben", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			c, _, err := s.Comments.Create(s.ctx(), newComment(s, rita, p, contracts.Approved), comments.Effects{}, key("k", "say one"))
			require.NoError(s, err)
			_, _, err = s.Comments.Create(s.ctx(), newComment(s, rita, p, contracts.Approved), comments.Effects{}, key("k", "say two"))
			s.refused(problem.KeyReused, err)
			_, _, err = s.Comments.Update(s.ctx(), c, comments.Effects{}, key("k", "edit one"))
			s.refused(problem.KeyReused, err)
			_, replayed, err := s.Comments.Create(s.ctx(), newComment(s, ben, p, contracts.Approved), comments.Effects{}, key("k", "say one"))
			require.NoError(s, err)
			require.False(s, replayed)
			require.Equal(s, 2, s.counted(p))
		}},
		{"a retried edit is done once, and shows the comment as it is now", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			c := s.say(s.person("Rita", contracts.Reader), p, contracts.Approved)
			c.Body = "edited"
			edited, replayed, err := s.Comments.Update(s.ctx(), c, comments.Effects{}, key("k", "edit"))
			require.NoError(s, err)
			require.False(s, replayed)
			now := s.judge(edited, p, contracts.Rejected)
			again, replayed, err := s.Comments.Update(s.ctx(), c, comments.Effects{}, key("k", "edit"))
			require.NoError(s, err)
			require.True(s, replayed)
			require.Equal(s, now, again)
			require.Equal(s, 0, s.counted(p))
		}},
		{"a retry does not bring a deleted comment back", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			c, _, err := s.Comments.Create(s.ctx(), newComment(s, rita, p, contracts.Approved), comments.Effects{}, key("k", "say"))
			require.NoError(s, err)
			_, _, err = s.Comments.Update(s.ctx(), c, comments.Effects{}, key("k2", "edit"))
			require.NoError(s, err)
			require.NoError(s, s.Comments.Delete(s.ctx(), c.ID, 0))
			_, _, err = s.Comments.Create(s.ctx(), newComment(s, rita, p, contracts.Approved), comments.Effects{}, key("k", "say"))
			s.refused(problem.NotFound, err)
			_, _, err = s.Comments.Update(s.ctx(), c, comments.Effects{}, key("k2", "edit"))
			s.refused(problem.NotFound, err)
			require.Equal(s, 0, s.counted(p))
		}},
	}
}

func commentDeletePromises() []promise {
	return []promise{
		{"a deleted comment leaves a tombstone and nothing else", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			p := s.publish(ann, "Talk")
			said, held := s.say(rita, p, contracts.Approved), s.say(rita, p, contracts.Pending)
			s.refused(problem.VersionMismatch, s.Comments.Delete(s.ctx(), said.ID, said.Version+1))
			require.Equal(s, 1, s.counted(p))
			for _, c := range []contracts.Comment{said, held} {
				_, err := s.Comments.DeletedBy(s.ctx(), c.ID)
				s.refused(problem.NotFound, err)
				require.NoError(s, s.Comments.Delete(s.ctx(), c.ID, c.Version))
				s.refused(problem.NotFound, s.Comments.Delete(s.ctx(), c.ID, 0))
				by, err := s.Comments.DeletedBy(s.ctx(), c.ID)
				require.NoError(s, err)
				require.Equal(s, rita.ID, by)
			}
			require.Equal(s, 0, s.counted(p))
			require.Empty(s, s.waiting())
			require.Empty(s, s.told(ann))
			require.Empty(s, pages(s, 5, nothing, s.under(p, rita)))
		}},
		{"of many who delete a comment, one does, and it counts once", func(s *stage) {
			rita := s.person("Rita", contracts.Reader)
			p := s.publish(s.person("Ann", contracts.Author), "Talk")
			s.say(rita, p, contracts.Approved)
			c := s.say(rita, p, contracts.Approved)
			errs := race(8, func(int) error { return s.Comments.Delete(s.ctx(), c.ID, 0) })
			require.Equal(s, 1, s.won(errs, problem.NotFound))
			require.Equal(s, 1, s.counted(p))
		}},
	}
}
