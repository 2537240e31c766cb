package journeys

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

func postJourneys() []Journey {
	return []Journey{
		{"a published post is there for everyone, as it was written", func(s *Story) {
			ann := s.Author("Ann")
			title, tag := "Überraschung "+s.Word(), s.Word()
			made := ann.Post("/api/v1/posts", writing(title, "A *small* step.", true, tag)).Answers(http.StatusCreated)
			var written post
			made.Into(&written)
			made.Has("Location", written.path()).Has("Etag", etag(written.Version))
			s.Is("the status", written.Status, "published")
			s.True("it tells when it was published", written.Published != nil)

			seen := s.Visitor().Reads(written)
			s.Is("the title", seen.Title, title)
			s.Is("the body", seen.Body, "A *small* step.")
			s.True("the Markdown is rendered", strings.Contains(seen.HTML, "<em>small</em>"))
			s.Is("the excerpt", seen.Excerpt, "A small step.")
			s.True("the tag is kept", len(seen.Tags) == 1 && seen.Tags[0] == tag)
			s.Is("the author", seen.Author.ID, ann.Account.ID)
			s.Is("the comments", seen.Comments, 0)
		}},
		{"an edit needs the version it was made from, and a lost race is told", func(s *Story) {
			ann := s.Author("Ann")
			first := ann.Publishes("First " + s.Word())
			laptop, phone := ann, ann.OnAnotherDevice()
			laptop.Put(first.path(), editing("No version", "text")).Refused(http.StatusPreconditionRequired, "precondition-required")

			var second post
			changed := laptop.Put(first.path(), editing("Second", "By laptop.")).IfMatch(first.Version).Answers(http.StatusOK)
			changed.Into(&second)
			changed.Has("Etag", etag(second.Version))
			s.True("the version rose", second.Version > first.Version)
			phone.Put(first.path(), editing("Too late", "By phone.")).IfMatch(first.Version).
				Refused(http.StatusPreconditionFailed, "version-mismatch")

			seen := s.Visitor().Reads(first)
			s.Is("the title", seen.Title, "Second")
			s.Is("the body", seen.Body, "By laptop.")
		}},
		{"a deleted post is gone with its comments, and deleting it again is no error", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			doomed := ann.Publishes("Doomed " + s.Word())
			said := rita.Comments(doomed, "Pity.")
			ann.Delete(doomed.path()).Answers(http.StatusNoContent)
			ann.Delete(doomed.path()).Answers(http.StatusNoContent)
			for _, who := range []*Person{ann, rita, s.Visitor()} {
				who.Get(doomed.path()).Refused(http.StatusNotFound, "not-found")
				who.Get(doomed.comments()).Refused(http.StatusNotFound, "not-found")
			}
			s.Eventually("the comment is gone too", func() bool {
				return rita.Get(said.path()).Sent().Status == http.StatusNotFound
			})
			rita.Delete(doomed.path()).Refused(http.StatusNotFound, "not-found")
			rita.Post(doomed.comments(), fields{"body": "anyone?"}).Refused(http.StatusNotFound, "not-found")
		}},
		{"a retried post is one post, and its key is good for nothing else", func(s *Story) {
			ann := s.Author("Ann")
			key, tag := s.Word(), s.Word()
			text := writing("Once", "and only once", true, tag)
			var first, again post
			original := ann.Post("/api/v1/posts", text).Key(key).Answers(http.StatusCreated)
			original.Has("Idempotency-Replayed", "").Into(&first)
			replay := ann.Post("/api/v1/posts", text).Key(key).Answers(http.StatusCreated)
			replay.Has("Idempotency-Replayed", "true").Into(&again)
			s.Is("the post of the retry", again.ID, first.ID)

			ann.Post("/api/v1/posts", writing("Twice?", "other words", true, tag)).Key(key).
				Refused(http.StatusUnprocessableEntity, "key-reused")
			s.Is("how many posts there are", len(all[post](s.Visitor(), "/api/v1/posts?tag="+tag)), 1)

			bob := s.Author("Bob") // keys are each author's own
			other := bob.Post("/api/v1/posts", text).Key(key).Answers(http.StatusCreated).Has("Idempotency-Replayed", "")
			other.Into(&again)
			s.True("another's key is another key", again.ID != first.ID)
		}},
		{"a double click is one post", func(s *Story) {
			ann := s.Author("Ann")
			key, tag := s.Word(), s.Word()
			answers := atOnce(ann, 4, func() *Call {
				return ann.Post("/api/v1/posts", writing("Click click", "text", true, tag)).Key(key)
			})
			ids := map[string]bool{}
			for _, answer := range answers {
				answer.mustBe(http.StatusCreated)
				var made post
				answer.Into(&made)
				ids[made.ID] = true
			}
			s.Is("how many posts were answered", len(ids), 1)
			s.Is("how many posts there are", len(all[post](s.Visitor(), "/api/v1/posts?tag="+tag)), 1)
		}},
		{"of two edits at once one wins, and the other is told", func(s *Story) {
			ann := s.Author("Ann")
			contested := ann.Publishes("Contested " + s.Word())
			answers := atOnce(ann, 4, func() *Call {
				return ann.Put(contested.path(), editing("Mine", "by "+s.Word())).IfMatch(contested.Version)
			})
			won := 0
			for _, answer := range answers {
				if answer.Status == http.StatusOK {
					won++
					continue
				}
				answer.mustBe(http.StatusPreconditionFailed)
			}
			s.Is("how many won", won, 1)
			s.Is("the version", ann.Reads(contested).Version, contested.Version+1)
		}},
		{"a retried edit is one edit", func(s *Story) {
			ann := s.Author("Ann")
			one, key := ann.Publishes("Before "+s.Word()), s.Word()
			edit := func(title string) *Call {
				return ann.Put(one.path(), editing(title, "text")).IfMatch(one.Version).Key(key)
			}
			edit("After").Answers(http.StatusOK)
			edit("After").Answers(http.StatusOK).Has("Idempotency-Replayed", "true")
			edit("Long after").Refused(http.StatusUnprocessableEntity, "key-reused")
			s.Is("the version", ann.Reads(one).Version, one.Version+1)
		}},
		{"another's post is not yours to change, by whatever route", func(s *Story) {
			ann, mallory := s.Author("Ann"), s.Author("Mallory")
			hers := ann.Publishes("Hers " + s.Word())
			attempts := func(p *Person) []*Call {
				return []*Call{
					p.Put(hers.path(), editing("Mine now", "text")).IfMatch(hers.Version),
					p.Post(hers.path()+"/publish", nil),
					p.Delete(hers.path()),
					p.Put(hers.cover(), raw{"image/png", picture(s)}),
					p.Delete(hers.cover()),
				}
			}
			for _, attempt := range attempts(mallory) {
				attempt.Refused(http.StatusForbidden, "forbidden")
			}
			for _, attempt := range attempts(s.Visitor()) {
				attempt.Refused(http.StatusUnauthorized, "unauthenticated")
			}
			seen := s.Visitor().Reads(hers)
			s.Is("the title", seen.Title, hers.Title)
			s.Is("the version", seen.Version, hers.Version)
		}},
		{"who has the post already is not sent it again", func(s *Story) {
			ann, visitor := s.Author("Ann"), s.Visitor()
			one := ann.Publishes("Unchanged " + s.Word())
			tag := visitor.Get(one.path()).Answers(http.StatusOK).Header.Get("Etag")
			s.True("the entity tag begins with the version", strings.HasPrefix(tag, fmt.Sprintf(`"%d-`, one.Version)))
			same := visitor.Get(one.path()).With("If-None-Match", tag).Answers(http.StatusNotModified).Has("Etag", tag)
			s.Is("the body's length", len(same.Body), 0)
			head := visitor.Head(one.path()).Answers(http.StatusOK).Has("Etag", tag)
			s.Is("the length of a HEAD's body", len(head.Body), 0)

			s.Reader("Rita").Comments(one, "A comment changes what the post shows")
			s.Eventually("the new number of comments is no old news", func() bool {
				return visitor.Get(one.path()).With("If-None-Match", tag).Sent().Status == http.StatusOK
			})

			ann.Put(one.path(), editing("Changed", "text")).With("If-Match", tag).Answers(http.StatusOK)
			visitor.Get(one.path()).With("If-None-Match", tag).Answers(http.StatusOK)
		}},
		{"what an author writes can't run in a reader's browser", func(s *Story) {
			ann := s.Author("Ann")
			evil := ann.writes(writing("Title <script>alert(1)</script>", hostile, true))
			seen := s.Visitor().Reads(evil)
			mustBeInert(s, "the post's HTML", seen.HTML)
			s.True("the honest part is still there", strings.Contains(seen.HTML, "honest"))
			said := s.Reader("Mallory").Comments(evil, hostile)
			mustBeInert(s, "the comment's HTML", said.HTML)
		}},
	}
}

// atOnce sends n calls at the same time, as a double click does.
func atOnce(p *Person, n int, call func() *Call) []*Answer {
	answers, errs := make([]*Answer, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		one := call()
		all.Go(func() { answers[i], errs[i] = one.attempt() })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			p.story.Fail("call %d of %d at once: %w", i+1, n, err)
		}
	}
	return answers
}
