package journeys

import (
	"net/http"
	"net/url"
	"strings"
)

func pageJourneys() []Journey {
	return []Journey{
		{"the pages show what the API knows", func(s *Story) {
			ann, rita, visitor := s.Author("Ann"), s.Reader("Rita"), s.Visitor()
			tag := s.Word()
			one := ann.Publishes("Überall zu lesen "+s.Word(), tag)
			said := rita.Comments(one, "Seen "+s.Word())
			s.True("the post's page shows its title", visitor.Opens(one.page()).Says(one.Title))
			s.Eventually("the post's page shows the comment", func() bool { return visitor.Opens(one.page()).Says(said.Body) })
			s.Eventually("the front page shows the post", func() bool { return visitor.Opens("/").Says(one.Title) })
			s.True("the tag's page shows it", visitor.Opens("/tags/"+tag).Says(one.Title))
			s.True("the author's page shows it", visitor.Opens("/authors/"+ann.Account.ID).Says(one.Title))
			word := one.Title[strings.LastIndexByte(one.Title, ' ')+1:]
			s.Eventually("the search page finds it", func() bool {
				return visitor.Opens("/search?q=" + word).Says("Überall zu lesen")
			})
			ann.Opens("/notifications")
			s.True("her posts are listed", ann.Opens("/me/posts").Says(one.Title))
		}},
		{"the pages say who is signed in", func(s *Story) {
			name := "Rita " + s.Word()
			rita := s.Reader(name)
			for _, path := range []string{"/", "/search?q=x", "/me/profile", "/me/sessions"} {
				s.True("the page "+path+" shows her name", rita.Opens(path).Says(name))
			}
			rita.SignsOut()
			s.True("the front page does not show it any more", !rita.Opens("/").Says(name))
		}},
		{"a page that is not there says so to a person", func(s *Story) {
			visitor := s.Visitor()
			for _, path := range []string{"/posts/" + nobody, "/posts/not-an-id/x", "/authors/" + nobody, "/no/such/page"} {
				visitor.Get(path).With("Accept", "text/html").Answers(http.StatusNotFound).Page()
			}
			for _, path := range []string{"/write", "/me/posts", "/me/sessions", "/notifications", "/moderation"} {
				answer := visitor.Get(path).With("Accept", "text/html").Answers(http.StatusSeeOther)
				s.True(path+" leads a visitor to the sign-in", strings.HasPrefix(answer.target(), "/sign-in"))
			}
			s.Reader("Rita").Get("/moderation").With("Accept", "text/html").Answers(http.StatusForbidden).Page()
		}},
		{"a browser is told to run and frame nothing that is not ours", func(s *Story) {
			ann := s.Author("Ann")
			evil := ann.writes(writing("<script>alert(1)</script> "+s.Word(), hostile, true))
			// Without links, so that no rule of the blog's own holds it back.
			said := s.Reader("Mallory <img src=x onerror=alert(1)>").Comments(evil, "Look: <script>alert(1)</script><img src=x onerror=alert(1)>")
			visitor := s.Visitor()
			s.Eventually("everyone sees the comment", func() bool { return visitor.sees(said, evil) })
			for _, path := range []string{evil.page(), "/", "/authors/" + ann.Account.ID, "/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "/sign-in"} {
				page := visitor.Opens(path)
				page.mustRunNothing()
				for _, directive := range []string{"object-src 'none'", "base-uri 'none'", "frame-ancestors"} {
					page.answer.HasPart("Content-Security-Policy", directive)
				}
				s.True("no inline script is allowed", !strings.Contains(page.answer.Header.Get("Content-Security-Policy"), "unsafe-inline"))
				page.answer.Has("X-Content-Type-Options", "nosniff")
				s.True("the referrer is bounded", page.answer.Header.Get("Referrer-Policy") != "")
			}
			missing := visitor.Get("/no/<script>alert(1)</script>").With("Accept", "text/html").Answers(http.StatusNotFound)
			missing.Page().mustRunNothing()
		}},
		{"signing in leads to a page of ours, whatever the link said", func(s *Story) {
			rita := s.Reader("Rita")
			for _, evil := range []string{"//evil.example", `/\evil.example`, "https://evil.example/", "/%09/evil.example", "javascript:alert(1)"} {
				query := url.Values{}
				for _, name := range []string{"next", "to", "return_to", "return", "redirect", "back", "url"} {
					query.Set(name, evil)
				}
				browser := s.Visitor()
				form := browser.Opens("/sign-in?"+query.Encode()).FormWith("email", "password")
				for name := range query {
					form.Fill(name, evil)
				}
				answer := form.Fill("email", rita.Secret.Email).Fill("password", rita.Secret.Password).Submit()
				answer.mustBe(http.StatusSeeOther)
				to := answer.Header.Get("Location")
				s.True("it leads to a page of ours, not to "+to, strings.HasPrefix(to, "/") &&
					!strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\t\r\n"))
				answer.target()
				browser.SignsOut()
			}
		}},
	}
}
