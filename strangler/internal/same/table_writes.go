package same

import (
	"fmt"
	"net/http"
)

// made is a request whose answer has ids and times of its own.
func made(r request) request {
	r.author, r.variable = true, true
	return r
}

func writeCases() []Case {
	return []Case{
		{"a post is written", func(s *scene) {
			s.want(http.StatusCreated, s.compare(made(s.posting("Written twice", true))))
		}},
		{"a post is written with a key, and again", func(s *scene) {
			key := randomWord()
			r := func(side *side) request {
				return made(s.posting("Written once", true)).with("Idempotency-Key: " + key + side.name)
			}
			s.want(http.StatusCreated, s.compareEach(r))
			replayed := s.compareEach(r)
			s.want(http.StatusCreated, replayed)
			if replayed.header.Get("Idempotency-Replayed") != "true" {
				s.fail("the second is no replay")
			}
		}},
		{"a key made at one side is known at the other", func(s *scene) {
			r := made(s.posting("Written here, retried there", true)).with("Idempotency-Key: " + randomWord())
			first, again := s.ask(s.direct, r), s.ask(s.gateway, r)
			s.want(http.StatusCreated, first)
			if id, other := first.header.Get("Location"), again.header.Get("Location"); id == "" || id != other {
				s.fail("the retry made another post: %q, %q", id, other)
			}
		}},
		{"a post is edited, its version rises", func(s *scene) {
			s.want(http.StatusOK, s.compareEach(func(side *side) request {
				r := made(post(s.api(side.post), fields{"title": "Edited", "body": "text", "tags": []string{s.tag}}))
				r.method = http.MethodPut
				r = r.with(fmt.Sprintf(`If-Match: "%d"`, side.version))
				side.version++
				return r
			}))
		}},
		{"a comment is written and deleted", func(s *scene) {
			said := map[*side]string{}
			for _, side := range s.sides() {
				r := made(post(s.api(side.post)+"/comments", fields{"body": "said"}))
				answer, err := s.done(s.ctx, side, r, http.StatusCreated)
				if err != nil {
					s.fail("%v", err)
				}
				said[side] = answer.id
			}
			for range 2 { // 204 both times
				s.want(http.StatusNoContent, s.compareEach(func(side *side) request {
					return made(request{method: http.MethodDelete, target: "/api/v1/comments/" + said[side]})
				}))
			}
		}},
		{"a POST without any body", func(s *scene) {
			for _, length := range []bool{true, false} {
				s.want(http.StatusOK, s.compareEach(func(side *side) request {
					r := made(request{method: http.MethodPost, target: s.api(side.post) + "/publish", length: length})
					return r
				}))
			}
		}},
		{"an empty body where one is needed", func(s *scene) {
			r := request{method: http.MethodPost, target: "/api/v1/posts", header: []string{jsonType}, length: true, author: true}
			s.want(http.StatusBadRequest, s.compare(r))
			r.length, r.chunked = false, true
			s.want(http.StatusBadRequest, s.compare(r))
		}},
		{"signing in and out sets the same cookies", func(s *scene) {
			r := s.credentials()
			r.variable = true
			cookies := map[*side]string{}
			answers := map[*side]reply{}
			for _, side := range s.sides() {
				answers[side] = s.ask(side, r)
				cookies[side] = cookiesOf(answers[side])
			}
			s.mustEqual(r, answers[s.direct], answers[s.gateway])
			s.want(http.StatusCreated, answers[s.direct])
			s.want(http.StatusNoContent, s.compareEach(func(side *side) request {
				return request{method: http.MethodDelete, target: "/api/v1/sessions/current", cookies: cookies[side]}
			}))
			s.want(http.StatusUnauthorized, s.compareEach(func(side *side) request {
				return request{method: http.MethodGet, target: "/api/v1/accounts/me", cookies: cookies[side]}
			}))
		}},
		{"a browser of the same site writes", func(s *scene) {
			// Whether Origin is the blog's own is seen by the Host that the blog is told.
			for _, scheme := range []string{"http", "https"} {
				s.want(http.StatusCreated, s.compareEach(func(side *side) request {
					return made(s.posting("From a browser", true)).with("Origin: " + scheme + "://" + side.host)
				}))
			}
		}},
		{"cookies in several headers and with odd characters", func(s *scene) {
			s.want(http.StatusOK, s.compareEach(func(side *side) request {
				r := get("/api/v1/accounts/me").with(`Cookie: a=1; b="two words"; c==`, "Cookie: "+side.cookies, "Cookie: z=é")
				return r
			}))
		}},
	}
}
