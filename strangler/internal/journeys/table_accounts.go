package journeys

import (
	"fmt"
	"net/http"
	"strings"
)

func accountJourneys() []Journey {
	return []Journey{
		{"somebody new signs up and is signed in as a reader", func(s *Story) {
			rita := s.Reader("Rita")
			s.Is("the role", rita.Account.Role, "reader")
			me := rita.Get("/api/v1/accounts/me").Answers(http.StatusOK)
			me.Has("Cache-Control", "no-store").HasPart("Etag", fmt.Sprintf(`"%d-`, rita.Account.Version))
			var seen Account
			me.Into(&seen)
			s.Is("the id", seen.ID, rita.Account.ID)
			s.Is("the address", seen.Email, rita.Secret.Email)

			public := s.Visitor().Get("/api/v1/accounts/" + rita.Account.ID).Answers(http.StatusOK)
			s.True("others see the name", strings.Contains(string(public.Body), `"Rita"`))
			s.True("others do not see the address", !strings.Contains(string(public.Body), rita.Secret.Email))
			s.True("no answer tells of a password", !strings.Contains(strings.ToLower(string(public.Body)+string(me.Body)), "password"))
		}},
		{"a mail address is taken once, however it is written", func(s *Story) {
			rita := s.Reader("Rita")
			again := fields{"name": "Robin", "email": strings.ToUpper(rita.Secret.Email), "password": "another battery staple"}
			s.Visitor().Post("/api/v1/accounts", again).Refused(http.StatusConflict, "email-taken")
		}},
		{"a sign-up with bad fields says what is wrong with each of them", func(s *Story) {
			visitor := s.Visitor()
			answer := visitor.Post("/api/v1/accounts", fields{"name": "", "email": "nobody", "password": "short"}).
				Refused(http.StatusUnprocessableEntity, "validation")
			for _, field := range []string{"name", "email", "password"} {
				s.True("the problem names the field "+field, answer.names(field))
			}
			s.True("nobody is signed in by it", !visitor.SignedIn())
		}},
		{"people sign out and in again, with the right password only", func(s *Story) {
			rita := s.Reader("Rita")
			rita.SignsOut()
			s.True("she is signed out", !rita.SignedIn())
			rita.SignsOut() // a second time is no error: the first answer may have been lost

			wrong := rita.Post("/api/v1/sessions", fields{"email": rita.Secret.Email, "password": "not her password"}).
				Refused(http.StatusUnauthorized, "bad-credentials")
			unknown := rita.Post("/api/v1/sessions", fields{"email": s.Word() + "@journeys.example", "password": "not her password"}).
				Refused(http.StatusUnauthorized, "bad-credentials")
			s.Is("what an unknown address is told", unknown.problem().Detail, wrong.problem().Detail)
			s.True("she is still signed out", !rita.SignedIn())

			rita.SignsIn(rita.Secret)
			s.True("she is signed in", rita.SignedIn())
		}},
		{"a person changes their name, and a stale change is refused", func(s *Story) {
			ann := s.Author("Ann")
			written := ann.Publishes("Names " + s.Word())
			var before, after Account
			ann.Get("/api/v1/accounts/me").Answers(http.StatusOK).Into(&before)
			rename := ann.Patch("/api/v1/accounts/me", fields{"name": "Anna"})
			rename.Refused(http.StatusPreconditionRequired, "precondition-required")
			rename.IfMatch(before.Version).Answers(http.StatusOK).Into(&after)
			s.Is("the name", after.Name, "Anna")
			s.True("the version rose", after.Version > before.Version)
			ann.Patch("/api/v1/accounts/me", fields{"name": "Anne"}).IfMatch(before.Version).
				Refused(http.StatusPreconditionFailed, "version-mismatch")
			s.Eventually("her post shows the new name", func() bool {
				return s.Visitor().Reads(written).Author.Name == "Anna"
			})
		}},
		{"readers do not write posts, and nobody takes a role that is not theirs to take", func(s *Story) {
			rita, other := s.Reader("Rita"), s.Reader("Olaf")
			role := func(of *Person) string { return "/api/v1/accounts/" + of.Account.ID + "/role" }
			rita.Post("/api/v1/posts", writing("Too early", "text", true)).Refused(http.StatusForbidden, "forbidden")
			rita.Put(role(rita), fields{"role": "moderator"}).Refused(http.StatusForbidden, "forbidden")
			rita.Put(role(other), fields{"role": "author"}).Refused(http.StatusForbidden, "forbidden")
			s.Visitor().Put(role(rita), fields{"role": "author"}).Refused(http.StatusUnauthorized, "unauthenticated")
			rita.Put(role(rita), fields{"role": "emperor"}).Refused(http.StatusUnprocessableEntity, "validation")

			rita.Put(role(rita), fields{"role": "author"}).Answers(http.StatusOK)
			rita.Publishes("Now I may " + s.Word())
			s.Moderator().Put(role(other), fields{"role": "author"}).Answers(http.StatusOK)
			other.Publishes("So may I " + s.Word())
		}},
		{"nobody becomes a moderator, or another, by fields that are not theirs to give", func(s *Story) {
			visitor := s.Visitor()
			email := s.Word() + "@journeys.example"
			answer := visitor.Post("/api/v1/accounts", fields{
				"name": "Mallory", "email": email, "password": "correct horse battery", "role": "moderator",
			}).Sent()
			if answer.Status == http.StatusCreated { // ignored is as good as refused
				answer.Into(&visitor.Account)
				s.Is("the role", visitor.Account.Role, "reader")
			} else {
				answer.mustBe(http.StatusBadRequest)
			}
			ann, victim := s.Author("Ann"), s.Reader("Victor")
			text := writing("Signed by another", "text", true)
			text["author"] = fields{"id": victim.Account.ID}
			answer = ann.Post("/api/v1/posts", text).Sent()
			if answer.Status == http.StatusCreated {
				var made post
				answer.Into(&made)
				s.Is("the author", made.Author.ID, ann.Account.ID)
			} else {
				answer.mustBe(http.StatusBadRequest)
			}
		}},
	}
}
