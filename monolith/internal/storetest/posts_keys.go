package storetest

import (
	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

func postKeyPromises() []promise {
	return []promise{
		{"a retried post is one post, however many hands retry it", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			made := make([]contracts.Post, 8)
			replays := make([]bool, len(made))
			errs := race(len(made), func(i int) (err error) {
				made[i], replays[i], err = s.Posts.Create(s.ctx(), newPost(s, ann, "Once"), key("k", "write"))
				return err
			})
			require.Equal(s, len(made), s.won(errs, ""))
			first := 0
			for i, p := range made {
				require.Equal(s, made[0], p)
				if !replays[i] {
					first++
				}
			}
			require.Equal(s, 1, first)
			require.Len(s, pages(s, 10, nothing, s.published), 1)
		}},
		{"a retry shows the post as it is now", func(s *stage) {
			p := newPost(s, s.person("Ann", contracts.Author), "Before")
			first, _, err := s.Posts.Create(s.ctx(), p, key("k", "write"))
			require.NoError(s, err)
			first.Title = "After"
			now, _, err := s.Posts.Update(s.ctx(), first, contracts.Key{})
			require.NoError(s, err)
			p.ID = contracts.NewID() // each try mints one
			again, replayed, err := s.Posts.Create(s.ctx(), p, key("k", "write"))
			require.NoError(s, err)
			require.True(s, replayed)
			require.Equal(s, now, again)
		}},
		{"a key is for one request, and for one author", func(s *stage) {
			ann, ben := s.person("Ann", contracts.Author), s.person("Ben", contracts.Author)
			p, _, err := s.Posts.Create(s.ctx(), newPost(s, ann, "One"), key("k", "write one"))
			require.NoError(s, err)
			_, _, err = s.Posts.Create(s.ctx(), newPost(s, ann, "Two"), key("k", "write two"))
			s.refused(problem.KeyReused, err)
			_, _, err = s.Posts.Update(s.ctx(), p, key("k", "edit one"))
			s.refused(problem.KeyReused, err)
			bens, replayed, err := s.Posts.Create(s.ctx(), newPost(s, ben, "Ben's"), key("k", "write one"))
			require.NoError(s, err)
			require.False(s, replayed)
			require.NotEqual(s, p.ID, bens.ID)
		}},
		{"a retried edit is done once, though its version is old by then", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Before")
			edit := p
			edit.Title = "After"
			replays := make([]bool, 8)
			errs := race(len(replays), func(i int) (err error) {
				var got contracts.Post
				got, replays[i], err = s.Posts.Update(s.ctx(), edit, key("k", "edit"))
				if err == nil && (got.Version != 2 || got.Title != "After") {
					s.Errorf("got %q, version %d", got.Title, got.Version)
				}
				return err
			})
			require.Equal(s, len(replays), s.won(errs, ""))
			first := 0
			for _, replayed := range replays {
				if !replayed {
					first++
				}
			}
			require.Equal(s, 1, first)
		}},
		{"an edit that failed leaves its key free", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Before")
			stale := p
			stale.Version = 9
			_, _, err := s.Posts.Update(s.ctx(), stale, key("k", "edit"))
			s.refused(problem.VersionMismatch, err)
			_, replayed, err := s.Posts.Update(s.ctx(), p, key("k", "edit"))
			require.NoError(s, err)
			require.False(s, replayed)
		}},
		{"a retry does not bring a deleted post back", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p, _, err := s.Posts.Create(s.ctx(), newPost(s, ann, "Gone"), key("k", "write"))
			require.NoError(s, err)
			require.NoError(s, s.Posts.Delete(s.ctx(), p.ID, 0))
			_, _, err = s.Posts.Create(s.ctx(), newPost(s, ann, "Gone"), key("k", "write"))
			s.refused(problem.NotFound, err)
			require.Empty(s, pages(s, 10, nothing, s.published))
		}},
	}
}

func postDeletePromises() []promise {
	return []promise{
		{"a deleted post leaves a tombstone and nothing else", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p := s.publish(ann, "Gone "+s.word(), "tag")
			s.refused(problem.VersionMismatch, s.Posts.Delete(s.ctx(), p.ID, p.Version+1))
			require.NoError(s, s.Posts.Delete(s.ctx(), p.ID, p.Version))
			s.refused(problem.NotFound, s.Posts.Delete(s.ctx(), p.ID, 0))
			_, err := s.Posts.Get(s.ctx(), p.ID)
			s.refused(problem.NotFound, err)
			by, err := s.Posts.DeletedBy(s.ctx(), p.ID)
			require.NoError(s, err)
			require.Equal(s, ann.ID, by)
			require.Empty(s, pages(s, 10, nothing, s.published))
			tags, err := s.Posts.Tags(s.ctx(), 10)
			require.NoError(s, err)
			require.Equal(s, []posts.Tag{}, tags)
		}},
		{"a post takes along all that hangs on it", func(s *stage) {
			ann, rita, mod := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader), s.person("Mo", contracts.Moderator)
			p, other := s.publish(ann, "Gone"), s.publish(ann, "Stays")
			said, held := s.say(rita, p, contracts.Approved), s.say(rita, p, contracts.Pending)
			stays, waits := s.say(rita, other, contracts.Approved), s.say(rita, other, contracts.Pending)
			require.NoError(s, s.Posts.SetCover(s.ctx(), p.ID, posts.Cover{Type: "image/png", Bytes: []byte("x"), ETag: "e", Changed: s.now()}))

			require.NoError(s, s.Posts.Delete(s.ctx(), p.ID, 0))
			for _, c := range []contracts.Comment{said, held} {
				_, err := s.Comments.Get(s.ctx(), c.ID)
				s.refused(problem.NotFound, err)
				by, err := s.Comments.DeletedBy(s.ctx(), c.ID)
				require.NoError(s, err, "each comment has a tombstone of its own")
				require.Equal(s, rita.ID, by)
			}
			list, err := s.Comments.List(s.ctx(), p.ID, mod, paging.Page{Limit: 10})
			require.NoError(s, err)
			require.Empty(s, list.Items)
			_, err = s.Posts.Cover(s.ctx(), p.ID)
			s.refused(problem.NotFound, err)
			require.Equal(s, []string{waits.ID}, s.waiting())
			require.Equal(s, []string{stays.ID}, s.told(ann))
			require.Equal(s, 1, s.counted(other))
		}},
		{"of many who delete a post, one does", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Gone")
			errs := race(8, func(int) error { return s.Posts.Delete(s.ctx(), p.ID, 0) })
			require.Equal(s, 1, s.won(errs, problem.NotFound))
		}},
	}
}

func coverPromises() []promise {
	return []promise{
		{"a cover is kept, replaced and taken away", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Pictured")
			require.Empty(s, p.CoverURL)
			addresses := map[string]bool{}
			for _, c := range []posts.Cover{
				{Type: "image/png", Bytes: []byte{0, 1, 2, 255}, ETag: "0123456789abcdef", Changed: s.now()},
				{Type: "image/webp", Bytes: make([]byte, 5<<20), ETag: "fedcba9876543210", Changed: s.now()},
			} {
				require.NoError(s, s.Posts.SetCover(s.ctx(), p.ID, c))
				got, err := s.Posts.Cover(s.ctx(), p.ID)
				require.NoError(s, err)
				require.Equal(s, c, got)
				shown, err := s.Posts.Get(s.ctx(), p.ID)
				require.NoError(s, err)
				require.Contains(s, shown.CoverURL, "/api/v1/posts/"+p.ID+"/cover?v=")
				addresses[shown.CoverURL] = true
			}
			require.Len(s, addresses, 2, "another picture has another address, or browsers keep the old one")
			require.NoError(s, s.Posts.DeleteCover(s.ctx(), p.ID))
			require.NoError(s, s.Posts.DeleteCover(s.ctx(), p.ID), "one that is not there is no error")
			_, err := s.Posts.Cover(s.ctx(), p.ID)
			s.refused(problem.NotFound, err)
			shown, err := s.Posts.Get(s.ctx(), p.ID)
			require.NoError(s, err)
			require.Empty(s, shown.CoverURL)
		}},
		{"a cover needs a post", func(s *stage) {
			for _, id := range []string{contracts.NewID(), "no id"} {
				s.refused(problem.NotFound, s.Posts.SetCover(s.ctx(), id, posts.Cover{Type: "image/png", Bytes: []byte("x"), ETag: "e", Changed: s.now()}))
				_, err := s.Posts.Cover(s.ctx(), id)
				s.refused(problem.NotFound, err)
				require.NoError(s, s.Posts.DeleteCover(s.ctx(), id))
			}
		}},
	}
}
