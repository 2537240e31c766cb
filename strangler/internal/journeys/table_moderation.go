package journeys

import (
	"net/http"
	"strings"
)

type held struct {
	Comment comment `json:"comment"`
	Post    person  `json:"post"` // only its id is read
	Reason  string  `json:"reason"`
}

// Forbids makes a rule that ends with the journey. The rules are everybody's, so a
// journey's rule must not meet what others write: its word is random, its number of links
// more than anybody uses.
func (p *Person) Forbids(rule fields) {
	var made struct {
		ID string `json:"id"`
	}
	p.Post("/api/v1/moderation/rules", rule).Answers(http.StatusCreated).Into(&made)
	p.story.AtEnd(func() { p.Delete("/api/v1/moderation/rules/" + made.ID).Answers(http.StatusNoContent) })
}

// Decides gives a verdict on a comment.
func (p *Person) Decides(c comment, verdict string) {
	p.Put("/api/v1/moderation/comments/"+c.ID, fields{"verdict": verdict, "reason": "journey"}).Answers(http.StatusOK)
}

// queued returns the comment as it waits in the queue.
func (p *Person) queued(c comment) (item held, waiting bool) {
	for _, item := range all[held](p, "/api/v1/moderation/queue") {
		if item.Comment.ID == c.ID {
			return item, true
		}
	}
	return held{}, false
}

// status is what moderation says of the comment, as its author sees it.
func (p *Person) status(c comment) string {
	var seen comment
	p.Get(c.path()).Answers(http.StatusOK).Into(&seen)
	return seen.Status
}

func moderationJourneys() []Journey {
	return []Journey{
		{"a comment with a bad word waits for a moderator, who lets it through", func(s *Story) {
			ann, rita, moderator := s.Author("Ann"), s.Reader("Rita"), s.Moderator()
			bad := s.Word()
			moderator.Forbids(fields{"kind": "word", "pattern": bad, "verdict": "pending"})
			under := ann.Publishes("Debate " + s.Word())
			said := rita.Comments(under, "Well, "+strings.ToUpper(bad)+"!")
			s.Eventually("the rule holds it back", func() bool { return rita.status(said) == "pending" })
			s.True("its author sees it", rita.sees(said, under))
			s.Others("a moderator sees it", func() bool { return moderator.sees(said, under) })
			for _, other := range []*Person{s.Visitor(), ann} {
				s.True("others do not", !other.sees(said, under))
				other.Get(said.path()).Refused(http.StatusNotFound, "not-found")
			}
			s.Is("the comments counted", s.Visitor().Reads(under).Comments, 0)
			s.Is("what the post's author was told", len(ann.toldOf(under)), 0)
			s.Eventually("it is in the queue", func() bool { _, waiting := moderator.queued(said); return waiting })
			item, _ := moderator.queued(said)
			s.Is("the post in the queue", item.Post.ID, under.ID)
			s.True("the queue says why", strings.Contains(item.Reason, bad))

			moderator.Decides(said, "approved")
			s.Eventually("everyone sees it", func() bool { return s.Visitor().sees(said, under) })
			s.Eventually("the post counts it", func() bool { return s.Visitor().Reads(under).Comments == 1 })
			s.Eventually("the post's author is told", func() bool { return len(ann.toldOf(under)) == 1 })
			s.Eventually("the queue is rid of it", func() bool { _, waiting := moderator.queued(said); return !waiting })
			moderator.Decides(said, "approved") // a second time tells nobody twice
			s.Is("how often the author was told", len(ann.toldOf(under)), 1)
		}},
		{"a comment that is rejected stays so, whatever its author makes of it", func(s *Story) {
			ann, rita, moderator := s.Author("Ann"), s.Reader("Rita"), s.Moderator()
			bad := s.Word()
			moderator.Forbids(fields{"kind": "word", "pattern": bad, "verdict": "rejected"})
			under := ann.Publishes("Quarrel " + s.Word())
			said := rita.Comments(under, bad+" you all")
			s.Eventually("the rule rejects it", func() bool { return rita.status(said) == "rejected" })
			rita.Put(said.path(), fields{"body": "sorry"}).IfMatch(said.Version).Answers(http.StatusOK)
			s.Is("the status after the edit", rita.status(said), "rejected")
			s.Others("nobody else sees it", func() bool { return !s.Visitor().sees(said, under) })

			fine := rita.Comments(under, "let us be friends")
			moderator.Decides(fine, "rejected")
			s.Eventually("a moderator's rejection hides a comment", func() bool { return !s.Visitor().sees(fine, under) })
			s.Eventually("the post counts none", func() bool { return s.Visitor().Reads(under).Comments == 0 })
		}},
		{"a comment full of links waits for a moderator", func(s *Story) {
			ann, rita, moderator := s.Author("Ann"), s.Reader("Rita"), s.Moderator()
			moderator.Forbids(fields{"kind": "links", "max": 60, "verdict": "pending"})
			under := ann.Publishes("Links " + s.Word())
			few := rita.Comments(under, "see https://example.org/a")
			many := rita.Comments(under, strings.Repeat("www.a ", 61))
			s.Eventually("many links are held back", func() bool { return rita.status(many) == "pending" })
			s.Is("the status of one with a single link", rita.status(few), "approved")
		}},
		{"an edit does not slip past the rules", func(s *Story) {
			ann, rita, moderator := s.Author("Ann"), s.Reader("Rita"), s.Moderator()
			bad := s.Word()
			moderator.Forbids(fields{"kind": "word", "pattern": bad, "verdict": "pending"})
			under := ann.Publishes("Second thoughts " + s.Word())
			said := rita.Comments(under, "all is well")
			rita.Put(said.path(), fields{"body": "all is " + bad}).IfMatch(said.Version).Answers(http.StatusOK)
			s.Eventually("the edit is held back", func() bool { return rita.status(said) == "pending" })
			s.Eventually("nobody else sees it", func() bool { return !s.Visitor().sees(said, under) })
			s.Eventually("the post counts none", func() bool { return s.Visitor().Reads(under).Comments == 0 })
		}},
		{"moderation is for moderators", func(s *Story) {
			ann := s.Author("Ann")
			said := ann.Comments(ann.Publishes("Power "+s.Word()), "mine")
			for _, who := range []struct {
				person *Person
				status int
				kind   string
			}{{ann, http.StatusForbidden, "forbidden"}, {s.Visitor(), http.StatusUnauthorized, "unauthenticated"}} {
				for _, attempt := range []*Call{
					who.person.Get("/api/v1/moderation/queue"),
					who.person.Get("/api/v1/moderation/rules"),
					who.person.Post("/api/v1/moderation/rules", fields{"kind": "word", "pattern": s.Word(), "verdict": "pending"}),
					who.person.Delete("/api/v1/moderation/rules/" + said.ID),
					who.person.Put("/api/v1/moderation/comments/"+said.ID, fields{"verdict": "rejected", "reason": ""}),
				} {
					attempt.Refused(who.status, who.kind)
				}
			}
			s.Is("the comment's status", ann.status(said), "approved")
			s.Moderator().Post("/api/v1/moderation/rules", fields{"kind": "word", "pattern": "two words", "verdict": "maybe"}).
				Refused(http.StatusUnprocessableEntity, "validation")
		}},
	}
}
