package journeys

import (
	"net/http"
	"strings"
)

func formJourneys() []Journey {
	return []Journey{
		{"a browser without script signs up, out and in again", func(s *Story) {
			browser := s.Visitor()
			name := "Rita " + s.Word()
			email, password := s.Word()+"@journeys.example", "correct horse battery staple"
			browser.Opens("/sign-up").FormWith("name", "email", "password").
				Fill("name", name).Fill("email", email).Fill("password", password).Submit().Follows()
			front := browser.Opens("/")
			s.True("the page shows who is signed in", front.Says(name))

			front.FormTo("/sign-out").Submit().Follows()
			s.True("she is signed out", !browser.SignedIn())

			wrong := browser.Opens("/sign-in").FormWith("email", "password").
				Fill("email", email).Fill("password", "not her password").Submit()
			s.Is("the status of a wrong password", wrong.Status/100, 4)
			wrong.Page().FormWith("email", "password") // there to try again
			s.True("she is still signed out", !browser.SignedIn())

			browser.Opens("/sign-in?next=/me/profile").FormWith("email", "password").
				Fill("email", email).Fill("password", password).Submit().Follows()
			s.True("the page shows who is signed in", browser.Opens("/").Says(name))
		}},
		{"a browser without script writes, edits, publishes and deletes a post", func(s *Story) {
			ann := s.Author("Ann")
			title := "By hand " + s.Word()
			sheet := ann.Opens("/write").FormWith("title", "body", "tags").
				Fill("title", title).Fill("body", "Two\n\n*paragraphs*.").Fill("tags", "by-hand")
			sheet.publish().Follows()
			sheet.publish() // a double click
			made := all[post](ann, "/api/v1/posts?mine=true")
			s.Is("how many posts a double click makes", len(made), 1)
			one := ann.Reads(made[0])
			s.Is("the title", one.Title, title)
			s.Is("the status", one.Status, "published")
			s.True("the tag is kept", len(one.Tags) == 1 && one.Tags[0] == "by-hand")

			edit := "/posts/" + one.ID + "/edit"
			sheet = ann.Opens(edit).FormWith("title", "body", "tags")
			other := ann.Opens(edit).FormWith("title", "body", "tags") // in another tab
			s.Is("the body as it is in the form", strings.ReplaceAll(sheet.values.Get("body"), "\r\n", "\n"), "Two\n\n*paragraphs*.")
			sheet.Fill("title", title+", again").save().Follows()
			s.Is("the title", s.Visitor().Reads(one).Title, title+", again")

			lost := other.Fill("title", "Lost").save()
			lost.mustBe(http.StatusPreconditionFailed)
			kept := lost.Page().FormWith("title", "body", "tags")
			s.Is("what was typed is kept", kept.values.Get("title"), "Lost")
			s.Is("the title", s.Visitor().Reads(one).Title, title+", again")

			ann.Opens("/posts/" + one.ID + "/delete").FormTo("/delete").Submit().Follows()
			s.Visitor().Get(one.path()).Refused(http.StatusNotFound, "not-found")
		}},
		{"a browser without script comments, and a double click is one comment", func(s *Story) {
			ann, rita := s.Author("Ann"), s.Reader("Rita")
			one := ann.Publishes("Say something " + s.Word())
			body := "Something " + s.Word()
			box := rita.Opens(one.page()).FormWith("body").Fill("body", body)
			box.Submit().Follows()
			box.Submit()
			s.Eventually("the page shows the comment", func() bool { return s.Visitor().Opens(one.page()).Says(body) })
			s.Others("there is one", func() bool { return len(s.Visitor().SeesUnder(one)) == 1 })
		}},
		{"a browser without script ends a session elsewhere", func(s *Story) {
			laptop := s.Reader("Rita")
			phone := laptop.OnAnotherDevice()
			lost := phone.currentSession()
			list := laptop.Opens("/me/sessions")
			list.FormTo(lost.ID + "/revoke").Submit().Follows()
			s.True("the phone is signed out", !phone.SignedIn())
			s.True("the laptop is not", laptop.SignedIn())
		}},
		{"another site's form does nothing", func(s *Story) {
			ann := s.Author("Ann")
			sheet := ann.Opens("/write").FormWith("title", "body").Fill("title", "Forged").Fill("body", "text")
			ann.Post(sheet.action, sheet.encode(sheet.values)).
				With("Origin", "https://evil.example").With("Sec-Fetch-Site", "cross-site").Answers(http.StatusForbidden)
			s.Is("how many posts she has", len(all[post](ann, "/api/v1/posts?mine=true")), 0)
			ann.Post("/sign-out", raw{"application/x-www-form-urlencoded", nil}).
				With("Sec-Fetch-Site", "cross-site").Answers(http.StatusForbidden)
			s.True("she is still signed in", ann.SignedIn())
		}},
	}
}

// publish presses the button that publishes.
func (f *form) publish() *Answer { return f.pressOneOf("publish") }

// save presses the button that saves.
func (f *form) save() *Answer { return f.pressOneOf("save") }
