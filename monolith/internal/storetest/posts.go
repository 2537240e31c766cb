package storetest

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

func postPromises() []promise {
	return []promise{
		{"a post comes back as it was given", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			want := newPost(s, ann, `Grüße & "Küsse" <b>`)
			want.Tags = []string{"a-1", "b", "zebra"}
			created, replayed, err := s.Posts.Create(s.ctx(), want, contracts.Key{})
			require.NoError(s, err)
			require.False(s, replayed)
			require.Equal(s, want, created)
			got, err := s.Posts.Get(s.ctx(), want.ID)
			require.NoError(s, err)
			require.Equal(s, want, got)

			unseen := draft(newPost(s, ann, "Draft"))
			require.Equal(s, unseen, s.keep(unseen))
		}},
		{"a published post can be referred to, a draft can't", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p, unseen := s.publish(ann, "Seen"), s.keep(draft(newPost(s, ann, "Unseen")))
			ref, err := s.Posts.Published(s.ctx(), p.ID)
			require.NoError(s, err)
			require.Equal(s, posts.Ref{ID: p.ID, Title: "Seen", AuthorID: ann.ID}, ref)
			for _, id := range []string{unseen.ID, contracts.NewID(), "", "no id"} {
				_, err := s.Posts.Published(s.ctx(), id)
				s.refused(problem.NotFound, err)
			}
		}},
		{"what is not there is not found", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			for _, id := range []string{contracts.NewID(), "", "no id"} {
				_, err := s.Posts.Get(s.ctx(), id)
				s.refused(problem.NotFound, err)
				_, err = s.Posts.DeletedBy(s.ctx(), id)
				s.refused(problem.NotFound, err)
				s.refused(problem.NotFound, s.Posts.Delete(s.ctx(), id, 0))
				p := newPost(s, ann, "None")
				p.ID = id
				_, _, err = s.Posts.Update(s.ctx(), p, contracts.Key{})
				s.refused(problem.NotFound, err)
			}
		}},
		{"a post shows its author's present name", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p := s.publish(ann, "By whom")
			_, err := s.Accounts.Update(s.ctx(), accounts.Account{ID: ann.ID, Name: "Anna", Role: ann.Role, Version: 1})
			require.NoError(s, err)
			got, err := s.Posts.Get(s.ctx(), p.ID)
			require.NoError(s, err)
			require.Equal(s, "Anna", got.Author.Name)
			list, err := s.Posts.List(s.ctx(), posts.Filter{}, paging.Page{Limit: 10})
			require.NoError(s, err)
			require.Equal(s, "Anna", list.Items[0].Author.Name)
		}},
		{"an edit changes the text and raises the version", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			was := s.publish(ann, "Before", "old", "kept")
			s.say(rita, was, contracts.Approved)
			edit := was
			edit.Title, edit.Slug, edit.Body, edit.HTML, edit.Excerpt = "After", "after", "new", "<p>new</p>", "new"
			edit.Tags, edit.UpdatedAt = []string{"kept", "new"}, s.now()
			edit.Comments = 77 // is not the author's to say
			got, replayed, err := s.Posts.Update(s.ctx(), edit, contracts.Key{})
			require.NoError(s, err)
			require.False(s, replayed)
			want := edit
			want.Version, want.Comments = 2, 1
			require.Equal(s, want, got)
			stored, err := s.Posts.Get(s.ctx(), was.ID)
			require.NoError(s, err)
			require.Equal(s, want, stored)
		}},
		{"a draft is published by an edit", func(s *stage) {
			p := s.keep(draft(newPost(s, s.person("Ann", contracts.Author), "Draft")))
			at := s.now()
			p.Status, p.PublishedAt = contracts.Published, &at
			got, _, err := s.Posts.Update(s.ctx(), p, contracts.Key{})
			require.NoError(s, err)
			require.Equal(s, contracts.Published, got.Status)
			require.Equal(s, at, *got.PublishedAt)
		}},
		{"of many who change one version of a post, one wins", func(s *stage) {
			p := s.publish(s.person("Ann", contracts.Author), "Contested")
			errs := race(8, func(i int) error {
				mine := p
				mine.Title, mine.Tags = fmt.Sprint("by ", i), []string{fmt.Sprint("t", i)}
				_, _, err := s.Posts.Update(s.ctx(), mine, contracts.Key{})
				return err
			})
			require.Equal(s, 1, s.won(errs, problem.VersionMismatch))
			got, err := s.Posts.Get(s.ctx(), p.ID)
			require.NoError(s, err)
			require.Equal(s, 2, got.Version)
			require.Equal(s, strings.ReplaceAll(got.Title, "by ", "t"), strings.Join(got.Tags, " "), "title and tags are the same writer's")
		}},
		{"lists show the newest first, and equals by id", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			var want []string
			for range 4 {
				want = append(want, s.publish(ann, "One").ID)
			}
			same := newPost(s, ann, "Same moment")
			for range 3 { // ids rise, the moment stays
				same.ID = contracts.NewID()
				want = append(want, s.keep(same).ID)
			}
			got := pages(s, 2, nothing, s.published)
			require.Equal(s, reversed(want), ids(got, idOfPost))
		}},
		{"a late publication comes first, a draft stays where it was made", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			late := s.keep(draft(newPost(s, ann, "Late")))
			unseen := s.keep(draft(newPost(s, ann, "Draft")))
			early := s.publish(ann, "Early")
			at := s.now()
			late.Status, late.PublishedAt = contracts.Published, &at
			_, _, err := s.Posts.Update(s.ctx(), late, contracts.Key{})
			require.NoError(s, err)
			require.Equal(s, []string{late.ID, early.ID}, ids(pages(s, 10, nothing, s.published), idOfPost))
			mine := pages(s, 1, nothing, s.postsBy(posts.Filter{AuthorID: ann.ID, Drafts: true}))
			require.Equal(s, []string{late.ID, early.ID, unseen.ID}, ids(mine, idOfPost))
		}},
		{"lists can be narrowed to a tag and to an author", func(s *stage) {
			ann, ben := s.person("Ann", contracts.Author), s.person("Ben", contracts.Author)
			goByAnn := s.publish(ann, "1", "go", "sql")
			goByBen := s.publish(ben, "2", "go")
			sqlByBen := s.publish(ben, "3", "sql")
			hidden := draft(newPost(s, ben, "4"))
			hidden.Tags = []string{"go"}
			s.keep(hidden)
			for _, c := range []struct {
				filter posts.Filter
				want   []string
			}{
				{posts.Filter{Tag: "go"}, []string{goByBen.ID, goByAnn.ID}},
				{posts.Filter{AuthorID: ben.ID}, []string{sqlByBen.ID, goByBen.ID}},
				{posts.Filter{Tag: "sql", AuthorID: ann.ID}, []string{goByAnn.ID}},
				{posts.Filter{Tag: "none"}, []string{}},
				{posts.Filter{AuthorID: contracts.NewID()}, []string{}},
				{posts.Filter{Tag: "' OR true --"}, []string{}},
			} {
				require.Equal(s, c.want, ids(pages(s, 1, nothing, s.postsBy(c.filter)), idOfPost), "%+v", c.filter)
			}
		}},
		{"pages stay right while posts come and go", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			var want []string
			for range 9 {
				want = append(want, s.publish(ann, "Old").ID)
			}
			first := want[0]
			between := func() {
				s.publish(ann, "New")
				if err := s.Posts.Delete(s.ctx(), first, 0); err != nil {
					s.refused(problem.NotFound, err)
				}
			}
			got := pages(s, 3, between, s.published)
			require.Equal(s, reversed(want[1:]), ids(got, idOfPost), "nothing twice, nothing left out, nothing new")
		}},
		{"tags are counted over published posts, most used first", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			s.publish(ann, "1", "b", "c")
			s.publish(ann, "2", "a", "c")
			hidden := draft(newPost(s, ann, "3"))
			hidden.Tags = []string{"a", "d"}
			s.keep(hidden)
			tags, err := s.Posts.Tags(s.ctx(), 10)
			require.NoError(s, err)
			require.Equal(s, []posts.Tag{{Tag: "c", Count: 2}, {Tag: "a", Count: 1}, {Tag: "b", Count: 1}}, tags)
			tags, err = s.Posts.Tags(s.ctx(), 1)
			require.NoError(s, err)
			require.Equal(s, []posts.Tag{{Tag: "c", Count: 2}}, tags)
		}},
		{"a post may be as long, and as strange, as the feature allows", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			const most = 256 * 1024
			var words, addresses strings.Builder
			for i := 0; words.Len() < most-20; i++ {
				fmt.Fprintf(&words, "%x ", i*2654435761)
			}
			for i := 0; addresses.Len() < most-30; i++ {
				fmt.Fprintf(&addresses, "h%x.org/%x ", i, i)
			}
			for name, body := range map[string]string{
				"one long word": strings.Repeat("a", most), "different words": words.String(), "different addresses": addresses.String(),
				"four bytes each": strings.Repeat("🌳", most/4), "control characters": strings.Repeat("\x01\x1b\t\r\n", 100),
				"delimiters": "\ue000\ue001 \ue000",
			} {
				p := newPost(s, ann, name)
				p.Title, p.Body = strings.Repeat("ü", 200), body
				require.Equal(s, body, s.keep(p).Body, name)
			}
		}},
	}
}

func (s *stage) published(page paging.Page) (paging.List[contracts.PostSummary], error) {
	return s.Posts.List(s.ctx(), posts.Filter{}, page)
}

func (s *stage) postsBy(f posts.Filter) func(paging.Page) (paging.List[contracts.PostSummary], error) {
	return func(page paging.Page) (paging.List[contracts.PostSummary], error) {
		return s.Posts.List(s.ctx(), f, page)
	}
}
