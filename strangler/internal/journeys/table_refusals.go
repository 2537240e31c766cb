package journeys

import (
	"encoding/json"
	"net/http"
	"strings"
)

// nobody is an id that nothing has.
const nobody = "0198c0de-0000-7000-8000-000000000000"

func refusalJourneys() []Journey {
	return []Journey{
		{"every refusal is a problem that a program can read", func(s *Story) {
			ann, visitor := s.Author("Ann"), s.Visitor()
			one := ann.Publishes("Reasons " + s.Word())
			visitor.Get("/api/v1/accounts/me").Refused(http.StatusUnauthorized, "unauthenticated")
			visitor.Get("/api/v1/posts/"+nobody).Refused(http.StatusNotFound, "not-found")
			visitor.Get("/api/v1/posts/not-an-id").Refused(http.StatusNotFound, "not-found")
			visitor.Get("/api/v1/comments/"+nobody).Refused(http.StatusNotFound, "not-found")
			visitor.Get("/api/v1/accounts/"+nobody).Refused(http.StatusNotFound, "not-found")
			visitor.Get("/api/v1/no/such/thing").Refused(http.StatusNotFound, "not-found")
			ann.Put(one.path(), editing("x", "y")).Refused(http.StatusPreconditionRequired, "precondition-required")
			ann.Put(one.path(), editing("x", "y")).IfMatch(99).Refused(http.StatusPreconditionFailed, "version-mismatch")
			answer := ann.Post("/api/v1/posts", writing("", "", true)).Refused(http.StatusUnprocessableEntity, "validation")
			s.True("it names the title", answer.names("title"))
			s.True("it names the body", answer.names("body"))
			visitor.Delete("/api/v1/tags").Answers(http.StatusMethodNotAllowed).HasPart("Allow", http.MethodGet).mustBeProblem("")
		}},
		{"what is not the JSON asked for is refused before anything is done", func(s *Story) {
			ann, tag := s.Author("Ann"), s.Word()
			good, err := json.Marshal(writing("Text", "text", true, tag))
			if err != nil {
				s.Fail("encode a post: %w", err)
			}
			send := func(kind, body string) *Call { return ann.Post("/api/v1/posts", raw{kind, []byte(body)}) }
			for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", ""} {
				send(kind, string(good)).Refused(http.StatusUnsupportedMediaType, "unsupported-media-type")
			}
			for _, body := range []string{"", "{", `[]`, `{"title":"a","body":"b","tags":[],"publish":true,"colour":"red"}`, string(good) + "{}"} {
				send("application/json", body).Refused(http.StatusBadRequest, "")
			}
			send("application/json", `{"title":7,"body":"b","tags":[],"publish":true}`).Refused(http.StatusUnprocessableEntity, "validation")
			send("application/json; charset=utf-8", string(good)).Answers(http.StatusCreated)
			s.Is("how many posts came of it", len(all[post](s.Visitor(), "/api/v1/posts?tag="+tag)), 1)
		}},
		{"a body that is too large is refused", func(s *Story) {
			ann := s.Author("Ann")
			ann.Post("/api/v1/posts", writing("Long", strings.Repeat("x", 256<<10+1), true)).
				Refused(http.StatusUnprocessableEntity, "validation")
			ann.Post("/api/v1/posts", writing("Far too long", strings.Repeat("x", 1<<20), true)).
				Refused(http.StatusRequestEntityTooLarge, "too-large")
			one := ann.writes(writing("As long as may be", strings.Repeat("x", 256<<10), true))
			s.Is("the length that comes back", len(s.Visitor().Reads(one).Body), 256<<10)
		}},
		{"reading changes nothing", func(s *Story) {
			ann := s.Author("Ann")
			draft := ann.Drafts("Still " + s.Word())
			for _, path := range []string{draft.path() + "/publish", "/api/v1/sessions/current", "/sign-out"} {
				answer := ann.Get(path).Sent()
				s.True("GET "+path+" is refused", answer.Status == http.StatusMethodNotAllowed || answer.Status == http.StatusNotFound)
			}
			s.Is("the status", ann.Reads(draft).Status, "draft")
			s.True("she is still signed in", ann.SignedIn())
		}},
		{"what is a person's own is kept in no cache", func(s *Story) {
			ann := s.Author("Ann")
			one := ann.Publishes("Mine " + s.Word())
			for _, path := range []string{
				"/api/v1/accounts/me", "/api/v1/sessions", "/api/v1/notifications", "/api/v1/posts?mine=true", one.path(),
				"/", "/me/posts", "/me/profile", "/me/sessions", "/notifications", one.page(),
			} {
				ann.Get(path).Answers(http.StatusOK).HasPart("Cache-Control", "no-store")
			}
		}},
		{"the API describes itself", func(s *Story) {
			answer := s.Visitor().Get("/api/v1/openapi.yaml").Answers(http.StatusOK)
			s.True("in OpenAPI 3", strings.Contains(string(answer.Body), "openapi: 3") || strings.Contains(string(answer.Body), `openapi: "3`))
			s.Visitor().Opens("/api/docs")
		}},
		{"what is inside stays inside", func(s *Story) {
			for _, path := range []string{"/metrics", "/internal", "/debug/pprof/", "/sessions/status", "/topology", "//metrics", "/posts/../metrics", "/%6detrics"} {
				answer := s.Visitor().Get(path).Sent()
				s.True(path+" is not for the world", answer.Status == http.StatusNotFound || answer.Status == http.StatusBadRequest ||
					answer.Status >= 300 && answer.Status < 400)
			}
		}},
	}
}
