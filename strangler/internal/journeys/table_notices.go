package journeys

import (
	"net/http"
	"strings"
	"time"
)

type notice struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	Post      person     `json:"post"` // only its id is read
	CommentID string     `json:"comment_id"`
	Actor     person     `json:"actor"`
	Read      *time.Time `json:"read_at"`
}

type inbox struct {
	Items  []notice `json:"items"`
	Unread int      `json:"unread"`
}

func (p *Person) inbox() inbox {
	var seen inbox
	p.Get("/api/v1/notifications").Answers(http.StatusOK).Into(&seen)
	return seen
}

// toldOf returns what this person was told about a post.
func (p *Person) toldOf(one post) []notice {
	var told []notice
	for _, n := range p.inbox().Items {
		if n.Post.ID == one.ID {
			told = append(told, n)
		}
	}
	return told
}

func noticeJourneys() []Journey {
	return []Journey{
		{"an author is told of a comment by another, and reads it", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			under := ann.Publishes("News " + s.Word())
			ann.Comments(under, "to myself")
			said := rita.Comments(under, "to you")
			s.Eventually("she is told", func() bool { return len(ann.toldOf(under)) > 0 })
			told := ann.toldOf(under)
			s.Is("how often (her own comment is no news)", len(told), 1)
			s.Is("the comment", told[0].CommentID, said.ID)
			s.Is("who wrote it", told[0].Actor.Name, "Rita")
			s.Is("what is unread", ann.inbox().Unread, 1)
			s.Is("what its writer was told", len(rita.inbox().Items), 0)

			read := "/api/v1/notifications/" + told[0].ID + "/read"
			rita.Put(read, nil).Refused(http.StatusNotFound, "not-found")
			ann.Put(read, nil).Answers(http.StatusNoContent)
			ann.Put(read, nil).Answers(http.StatusNoContent)
			s.Is("what is unread", ann.inbox().Unread, 0)

			rita.Comments(under, "once more")
			rita.Comments(under, "and again")
			s.Eventually("two more are unread", func() bool { return ann.inbox().Unread == 2 })
			ann.Put("/api/v1/notifications/read", nil).Answers(http.StatusNoContent)
			s.Is("what is unread", ann.inbox().Unread, 0)
			s.Visitor().Get("/api/v1/notifications").Refused(http.StatusUnauthorized, "unauthenticated")
		}},
		{"an author who watches is told at once", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			under := ann.Publishes("Live " + s.Word())
			stream := ann.Watches("/api/v1/notifications/stream")
			said := rita.Comments(under, "now")
			event := stream.Next(func(e event) bool { return strings.Contains(e.data, said.ID) })
			s.True("an event has an id to go on from", event.id != "")
			s.Visitor().Get("/api/v1/notifications/stream").Refused(http.StatusUnauthorized, "unauthenticated")
		}},
	}
}
