package journeys

import (
	"net/http"
	"time"
)

type session struct {
	ID        string    `json:"id"`
	Current   bool      `json:"current"`
	Created   time.Time `json:"created_at"`
	LastSeen  time.Time `json:"last_seen_at"`
	Expires   time.Time `json:"expires_at"`
	UserAgent string    `json:"user_agent"`
	Address   string    `json:"address"`
}

func (p *Person) sessions() []session {
	var seen list[session]
	p.Get("/api/v1/sessions").Answers(http.StatusOK).Into(&seen)
	return seen.Items
}

// currentSession is the one that this device holds.
func (p *Person) currentSession() session {
	for _, one := range p.sessions() {
		if one.Current {
			return one
		}
	}
	p.story.Fail("none of %s's sessions is marked as the current one", p.name)
	return session{}
}

func sessionJourneys() []Journey {
	return []Journey{
		{"a person sees their sessions, and ends the one on a lost phone", func(s *Story) {
			laptop := s.Reader("Rita")
			phone := laptop.OnAnotherDevice()
			s.Eventually("she sees two sessions", func() bool { return len(laptop.sessions()) == 2 })
			lost := phone.currentSession()
			s.True("a session tells when it ends", lost.Expires.After(time.Now()))
			s.True("a session tells from which browser it is", lost.UserAgent != "")
			s.True("each device has a session of its own", lost.ID != laptop.currentSession().ID)

			laptop.Delete("/api/v1/sessions/" + lost.ID).Answers(http.StatusNoContent)
			s.True("the phone is signed out", !phone.SignedIn())
			s.True("the laptop is not", laptop.SignedIn())
			laptop.Delete("/api/v1/sessions/"+lost.ID).Refused(http.StatusNotFound, "not-found")
			s.Is("the sessions that are left", len(laptop.sessions()), 1)
		}},
		{"nobody ends or sees another's session", func(s *Story) {
			rita, mallory := s.Reader("Rita"), s.Reader("Mallory")
			hers := rita.currentSession()
			mallory.Delete("/api/v1/sessions/"+hers.ID).Refused(http.StatusNotFound, "not-found")
			s.Visitor().Delete("/api/v1/sessions/"+hers.ID).Refused(http.StatusUnauthorized, "unauthenticated")
			s.Visitor().Get("/api/v1/sessions").Refused(http.StatusUnauthorized, "unauthenticated")
			for _, one := range mallory.sessions() {
				s.True("Mallory does not see it", one.ID != hers.ID)
			}
			s.True("Rita is still signed in", rita.SignedIn())
		}},
		{"the session's cookie is out of reach of scripts and other sites", func(s *Story) {
			rita := s.Reader("Rita")
			rita.SignsOut()
			cookie := sessionCookie(s, rita.SignsIn(rita.Secret))
			s.True("it is HttpOnly", cookie.HttpOnly)
			s.Is("SameSite", cookie.SameSite, http.SameSiteLaxMode)
			s.Is("the path", cookie.Path, "/")
			s.Is("the domain", cookie.Domain, "")
			s.True("it has 128 bits at least", len(cookie.Value) >= 22)
			s.Is("Secure, as its name promises", cookie.Secure, cookie.Name == "__Host-banyan_session")

			gone := sessionCookie(s, rita.Delete("/api/v1/sessions/current").Answers(http.StatusNoContent))
			s.True("signing out takes the cookie away", gone.MaxAge < 0 || !gone.Expires.IsZero() && gone.Expires.Before(time.Now()))
		}},
		{"a session begins under a token that nobody could know before", func(s *Story) {
			rita := s.Reader("Rita")
			first, _ := rita.Session()
			second := sessionCookie(s, rita.SignsIn(rita.Secret))
			s.True("signing in renews the token", first.Value != second.Value)

			planted := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			victim := s.Visitor()
			victim.http.Jar.SetCookies(victim.base(), []*http.Cookie{{Name: first.Name, Value: planted, Path: "/", Secure: first.Secure}})
			mallory := victim.Stolen()
			fresh := sessionCookie(s, victim.SignsIn(rita.Secret))
			s.True("a planted token is not taken over", fresh.Value != planted)
			s.True("the one who planted it is not signed in", !mallory.SignedIn())
		}},
		{"a stolen cookie is worth nothing after its owner signed out", func(s *Story) {
			rita := s.Reader("Rita")
			thief := rita.Stolen()
			s.True("before, the cookie works", thief.SignedIn())
			rita.SignsOut()
			s.True("after, it does not", !thief.SignedIn())
			rita.SignsIn(rita.Secret)
			s.True("nor after its owner signed in again", !thief.SignedIn())
		}},
		{"another site can't make a browser write, nor sign it in", func(s *Story) {
			ann := s.Author("Ann")
			mine := ann.Publishes("Not from elsewhere " + s.Word())
			for _, forged := range []func() *Call{
				func() *Call { return ann.Post("/api/v1/posts", writing("Forged", "text", true)) },
				func() *Call { return ann.Post(mine.comments(), fields{"body": "forged"}) },
				func() *Call { return ann.Put(mine.path(), editing("Forged", "text")).IfMatch(mine.Version) },
				func() *Call { return ann.Delete(mine.path()) },
				func() *Call { return ann.Delete("/api/v1/sessions/current") },
				func() *Call {
					return s.Visitor().Post("/api/v1/sessions", fields{"email": ann.Secret.Email, "password": ann.Secret.Password})
				},
			} {
				forged().With("Sec-Fetch-Site", "cross-site").Refused(http.StatusForbidden, "forbidden")
				forged().With("Origin", "https://evil.example").Refused(http.StatusForbidden, "forbidden")
			}
			s.Is("the post's title", s.Visitor().Reads(mine).Title, mine.Title)
			s.True("she is still signed in", ann.SignedIn())
			ann.Post(mine.comments(), fields{"body": "from here it is fine"}).
				With("Sec-Fetch-Site", "same-origin").Answers(http.StatusCreated)
		}},
	}
}

// sessionCookie is the session cookie that the answer sets, last one first.
func sessionCookie(s *Story, a *Answer) *http.Cookie {
	for i := len(a.cookies) - 1; i >= 0; i-- {
		if isSessionCookie(a.cookies[i].Name) {
			return a.cookies[i]
		}
	}
	s.Fail("the answer sets no session cookie: %s", a)
	return nil
}
