package journeys

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

type entry struct {
	Post   post      `json:"post"`
	Latest []comment `json:"latest_comments"`
}

// feedEntry looks for a post in the feed. Others may have written since: it looks
// some pages deep.
func (p *Person) feedEntry(one post) (found entry, ok bool) {
	for cursor, pages := "", 0; pages < 5; pages++ {
		seen := next[entry](p, "/api/v1/feed", cursor, 100)
		for _, e := range seen.Items {
			if e.Post.ID == one.ID {
				return e, true
			}
		}
		if cursor = seen.Next; cursor == "" {
			break
		}
	}
	return entry{}, false
}

func (p *Person) searches(query string) []post {
	return all[post](p, "/api/v1/search?q="+url.QueryEscape(query))
}

func readingJourneys() []Journey {
	return []Journey{
		{"the feed shows a new post with what was last said under it", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			one := ann.Publishes("Fresh " + s.Word())
			for _, said := range []string{"first", "second", "third"} {
				rita.Comments(one, said)
			}
			var shown entry
			s.Eventually("the feed shows the post and counts three comments", func() (ok bool) {
				shown, ok = s.Visitor().feedEntry(one)
				return ok && shown.Post.Comments == 3
			})
			s.Is("the title", shown.Post.Title, one.Title)
			s.Is("how many comments it shows", len(shown.Latest), 2)
			s.Is("the newest", shown.Latest[0].Body, "third")
			s.Is("the one before", shown.Latest[1].Body, "second")
			draft := ann.Drafts("Not yet " + s.Word())
			_, ok := ann.feedEntry(draft)
			s.True("a draft is not in the feed", !ok)
		}},
		{"a post is found by its words, and what was found is marked", func(s *Story) {
			ann, visitor := s.Author("Ann"), s.Visitor()
			word := s.Word()
			one := ann.writes(writing("About "+word+" & <more>", "Nothing to see.", true))
			ann.writes(writing("Other", "Somewhere in the middle stands "+word+".", true))
			ann.Drafts("Unready " + word)
			s.Eventually("both posts are found", func() bool { return len(visitor.searches(word)) == 2 })
			hits := visitor.searches(word)
			s.True("none of them is a draft", !slices.ContainsFunc(hits, func(p post) bool { return p.Status == "draft" }))
			for _, hit := range hits {
				mustBeInert(s, "the highlight", hit.Highlight)
			}
			s.Is("the best is the one with the word in its title", hits[0].ID, one.ID)
			s.True("what was found in the text is marked", strings.Contains(hits[1].Highlight, "<mark>"+word+"</mark>"))
			s.Is("what is found of two words of which one is nowhere", len(visitor.searches(word+" "+s.Word())), 0)

			ann.Delete(one.path()).Answers(http.StatusNoContent)
			s.Eventually("a deleted post is not found", func() bool { return len(visitor.searches(word)) == 1 })
		}},
		{"no search upsets the blog, whatever is typed", func(s *Story) {
			visitor := s.Visitor()
			for _, odd := range []string{
				"'; DROP TABLE posts; --", `"unclosed`, "a & | ! ( ) :*", "<script>", "%", `\`, "日本語", strings.Repeat("long ", 40),
			} {
				visitor.Get("/api/v1/search?limit=1&q=" + url.QueryEscape(odd)).Answers(http.StatusOK)
			}
			for _, bad := range []string{"", strings.Repeat("x", 201), "nul\x00"} {
				answer := visitor.Get("/api/v1/search?q="+url.QueryEscape(bad)).Refused(http.StatusUnprocessableEntity, "validation")
				s.True("the problem names q", answer.names("q"))
			}
		}},
		{"posts are found by tag and by author, and tags are counted", func(s *Story) {
			ann, visitor := s.Author("Ann"), s.Visitor()
			tag, other := s.Word(), s.Word()
			first := ann.Publishes("One "+s.Word(), tag)
			second := ann.Publishes("Two "+s.Word(), tag, other)
			ann.Drafts("Three "+s.Word(), tag)
			under := all[post](visitor, "/api/v1/posts?tag="+tag)
			s.Is("how many posts have the tag", len(under), 2)
			s.True("newest first", under[0].ID == second.ID && under[1].ID == first.ID)
			s.Is("how many posts have the other tag", len(all[post](visitor, "/api/v1/posts?tag="+other)), 1)
			s.Is("how many posts are by Ann", len(all[post](visitor, "/api/v1/posts?author="+ann.Account.ID)), 2)
			var counted list[struct {
				Tag   string `json:"tag"`
				Count int    `json:"count"`
			}]
			visitor.Get("/api/v1/tags").Answers(http.StatusOK).Into(&counted)
			for i := 1; i < len(counted.Items); i++ {
				s.True("the most used tag comes first", counted.Items[i-1].Count >= counted.Items[i].Count)
			}
			ann.Post("/api/v1/posts", writing("Bad tags", "text", true, "Not A Tag!")).
				Refused(http.StatusUnprocessableEntity, "validation")
		}},
		{"pages of a list stay right while others write", func(s *Story) {
			ann, visitor, tag := s.Author("Ann"), s.Visitor(), s.Word()
			var want []string
			for range 5 {
				want = append(want, ann.Publishes("Page "+s.Word(), tag).ID)
			}
			slices.Reverse(want)
			path := "/api/v1/posts?tag=" + tag
			var got []string
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				s.True("five posts are three pages", pages < 3)
				page := next[post](visitor, path, cursor, 2)
				for _, p := range page.Items {
					got = append(got, p.ID)
				}
				ann.Publishes("In between "+s.Word(), tag) // at the beginning: not on the pages to come
				cursor = page.Next
			}
			s.Is("what the pages showed", strings.Join(got, " "), strings.Join(want, " "))
			for _, bad := range []string{"&limit=0", "&limit=101", "&limit=many", "&cursor=nonsense"} {
				answer := visitor.Get(path + bad).Sent()
				s.True(path+bad+" is refused", answer.Status == http.StatusUnprocessableEntity || answer.Status == http.StatusBadRequest)
				answer.mustBeProblem("")
			}
		}},
		{"a feed reader can follow the blog", func(s *Story) {
			ann := s.Author("Ann")
			one := ann.writes(writing("Atoms & <molecules> "+s.Word(), "text", true))
			s.Eventually("the Atom feed has the post", func() bool {
				answer := s.Visitor().Get("/feed.atom").Answers(http.StatusOK).HasPart("Content-Type", "application/atom+xml")
				var feed struct {
					XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
					ID      string   `xml:"id"`
					Updated string   `xml:"updated"`
					Entries []struct {
						ID    string `xml:"id"`
						Title string `xml:"title"`
					} `xml:"entry"`
				}
				if err := xml.Unmarshal(answer.Body, &feed); err != nil {
					s.Fail("the feed is no Atom: %w", err)
				}
				s.True("the feed has an id and a time", feed.ID != "" && feed.Updated != "")
				for _, e := range feed.Entries {
					if e.Title == one.Title && strings.Contains(e.ID, one.ID) {
						return true
					}
				}
				return false
			})
		}},
	}
}
