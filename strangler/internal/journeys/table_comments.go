package journeys

import (
	"net/http"
	"strings"
)

func commentJourneys() []Journey {
	return []Journey{
		{"a comment is written, edited and deleted, and the post counts it", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			under := ann.Publishes("Talk " + s.Word())
			count := func(want int) {
				s.Eventually("the post counts its comments right", func() bool { return s.Visitor().Reads(under).Comments == want })
			}
			made := rita.Post(under.comments(), fields{"body": "First!\n\nAnd <b>second</b>."}).Answers(http.StatusCreated)
			var said comment
			made.Into(&said)
			made.Has("Etag", etag(said.Version))
			s.Is("the status", said.Status, "approved")
			s.Is("the author", said.Author.Name, "Rita")
			s.Is("the post", said.PostID, under.ID)
			s.True("it is shown as text", strings.Contains(said.HTML, "&lt;b&gt;second"))
			s.Others("everyone sees it", func() bool { return s.Visitor().sees(said, under) })
			count(1)

			edit := rita.Put(said.path(), fields{"body": "Not first after all."})
			edit.Refused(http.StatusPreconditionRequired, "precondition-required")
			edit.IfMatch(said.Version).Answers(http.StatusOK)
			rita.Put(said.path(), fields{"body": "Too late."}).IfMatch(said.Version).
				Refused(http.StatusPreconditionFailed, "version-mismatch")
			s.Others("everyone reads the new text", func() bool {
				var seen comment
				s.Visitor().Get(said.path()).Answers(http.StatusOK).Into(&seen)
				return seen.Body == "Not first after all."
			})
			count(1)

			rita.Delete(said.path()).Answers(http.StatusNoContent)
			rita.Delete(said.path()).Answers(http.StatusNoContent)
			s.Others("nobody finds it any more", func() bool { return s.Visitor().Get(said.path()).Sent().Status != http.StatusOK })
			s.Visitor().Get(said.path()).Refused(http.StatusNotFound, "not-found")
			s.Others("nobody sees it any more", func() bool { return !s.Visitor().sees(said, under) })
			count(0)
		}},
		{"comments stand in the order they were written", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			under := ann.Publishes("In order " + s.Word())
			var written []string
			for range 7 {
				written = append(written, rita.Comments(under, "one more").ID)
			}
			s.Others("everyone sees all of them", func() bool { return len(s.Visitor().SeesUnder(under)) == len(written) })
			var read []string
			for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
				s.True("seven comments are three pages", pages < 3)
				page := next[comment](s.Visitor(), under.comments(), cursor, 3)
				for _, c := range page.Items {
					read = append(read, c.ID)
				}
				cursor = page.Next
			}
			s.Is("the order", strings.Join(read, " "), strings.Join(written, " "))
		}},
		{"a retried comment is one comment", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			under, key := ann.Publishes("Echo "+s.Word()), s.Word()
			say := func(body string) *Call { return rita.Post(under.comments(), fields{"body": body}).Key(key) }
			var first, again comment
			say("hello").Answers(http.StatusCreated).Into(&first)
			say("hello").Answers(http.StatusCreated).Has("Idempotency-Replayed", "true").Into(&again)
			s.Is("the comment of the retry", again.ID, first.ID)
			say("good bye").Refused(http.StatusUnprocessableEntity, "key-reused")
			s.Others("there is one", func() bool { return len(s.Visitor().SeesUnder(under)) == 1 })
			s.Eventually("the author was told once", func() bool { return len(ann.toldOf(under)) == 1 })

			edit := func() *Call {
				return rita.Put(first.path(), fields{"body": "hello again"}).IfMatch(first.Version).Key(key + "-edit")
			}
			edit().Answers(http.StatusOK)
			edit().Answers(http.StatusOK).Has("Idempotency-Replayed", "true")
		}},
		{"another's comment is not yours to change, and a visitor writes none", func(s *Story) {
			ann, rita, mallory := s.Author("Ann"), s.Reader("Rita"), s.Reader("Mallory")
			under := ann.Publishes("Manners " + s.Word())
			said := rita.Comments(under, "mine")
			for _, other := range []*Person{mallory, ann} { // the post's author neither
				other.Put(said.path(), fields{"body": "changed"}).IfMatch(said.Version).Refused(http.StatusForbidden, "forbidden")
				other.Delete(said.path()).Refused(http.StatusForbidden, "forbidden")
			}
			visitor := s.Visitor()
			visitor.Put(said.path(), fields{"body": "changed"}).IfMatch(said.Version).Refused(http.StatusUnauthorized, "unauthenticated")
			visitor.Delete(said.path()).Refused(http.StatusUnauthorized, "unauthenticated")
			visitor.Post(under.comments(), fields{"body": "anonymous"}).Refused(http.StatusUnauthorized, "unauthenticated")
			s.Others("it still stands", func() bool { return visitor.sees(said, under) })

			s.Moderator().Delete(said.path()).Answers(http.StatusNoContent)
			s.Others("a moderator may take it away", func() bool { return !visitor.sees(said, under) })
		}},
	}
}
