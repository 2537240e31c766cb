package journeys

import "net/http"

func draftJourneys() []Journey {
	return []Journey{
		{"a draft is seen by its author alone, until it is published", func(s *Story) {
			ann, reader := s.Author("Ann"), s.Reader("Rita")
			tag := s.Word()
			draft := ann.Drafts("Draft "+s.Word(), tag)
			s.Is("the status", draft.Status, "draft")
			s.Is("the title that its author reads", ann.Reads(draft).Title, draft.Title)
			for _, other := range []*Person{reader, s.Visitor(), s.Moderator()} {
				other.Get(draft.path()).Refused(http.StatusNotFound, "not-found")
				s.Is("the posts under the tag", len(all[post](other, "/api/v1/posts?tag="+tag)), 0)
			}
			s.True("it is among her own", has(all[post](ann, "/api/v1/posts?mine=true"), draft))
			s.Visitor().Get("/api/v1/posts?mine=true").Refused(http.StatusUnauthorized, "unauthenticated")

			var first, second post
			ann.Post(draft.path()+"/publish", nil).Answers(http.StatusOK).Into(&first)
			ann.Post(draft.path()+"/publish", nil).Answers(http.StatusOK).Into(&second)
			s.Is("the status", first.Status, "published")
			s.Is("the version after publishing twice", second.Version, first.Version)
			s.Is("the title that others read", reader.Reads(draft).Title, draft.Title)
			s.Eventually("it is in the list", func() bool {
				return has(all[post](s.Visitor(), "/api/v1/posts?tag="+tag), draft)
			})
		}},
		{"another's draft does not exist, by whatever route", func(s *Story) {
			ann, mallory := s.Author("Ann"), s.Author("Mallory")
			draft := ann.Drafts("Secret " + s.Word())
			ann.Put(draft.cover(), raw{"image/png", picture(s)}).Answers(http.StatusNoContent)
			for _, attempt := range []*Call{
				mallory.Get(draft.path()),
				mallory.Head(draft.path()),
				mallory.Get(draft.comments()),
				mallory.Post(draft.comments(), fields{"body": "I see you"}),
				mallory.Get(draft.cover()),
				mallory.Put(draft.cover(), raw{"image/png", picture(s)}),
				mallory.Put(draft.path(), editing("Mine", "text")).IfMatch(draft.Version),
				mallory.Post(draft.path()+"/publish", nil),
				mallory.Delete(draft.path()),
			} {
				attempt.Refused(http.StatusNotFound, "not-found")
			}
			for _, page := range []string{draft.page(), "/posts/" + draft.ID + "/edit"} {
				answer := mallory.Get(page).Sent()
				s.True("the page "+page+" is not there for her", answer.Status == http.StatusNotFound || answer.Status == http.StatusForbidden)
			}
			s.Is("the status", ann.Reads(draft).Status, "draft")
		}},
		{"nobody comments on a draft, its author neither", func(s *Story) {
			ann := s.Author("Ann")
			draft := ann.Drafts("Quiet " + s.Word())
			ann.Post(draft.comments(), fields{"body": "to myself"}).Refused(http.StatusNotFound, "not-found")
		}},
	}
}

// has tells whether the post is among them.
func has(posts []post, one post) bool {
	for _, p := range posts {
		if p.ID == one.ID {
			return true
		}
	}
	return false
}
