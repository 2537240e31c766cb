package same

import (
	"fmt"
	"net/http"
	"strings"
)

func wireCases() []Case {
	return []Case{
		{"a client of HTTP/1.0", func(s *scene) {
			r := get(s.api(s.post))
			r.proto = "HTTP/1.0"
			answer := s.compare(r)
			s.want(http.StatusOK, answer)
			if answer.framing == "chunked" {
				s.fail("HTTP/1.0 knows no chunks")
			}
			s.want(http.StatusOK, s.compare(r.with("Connection: keep-alive")))
		}},
		{"a client of HTTP/1.0 uploads", func(s *scene) {
			s.want(http.StatusNoContent, s.compareEach(func(side *side) request {
				r := upload(s, side, s.cover)
				r.proto = "HTTP/1.0"
				return r
			}))
		}},
		{"requests follow each other on a connection", func(s *scene) {
			s.oneConnection(false,
				get(s.api(s.post)),
				request{method: http.MethodHead, target: s.coverPath()}, // a body here would be taken for the next answer
				get(s.api(s.post)).with(`If-None-Match: "1"`),
				get("/api/v1/posts/none"),
				get(s.coverPath()).with("Range: bytes=0-9"),
				request{method: http.MethodDelete, target: "/api/v1/sessions/current"},
				get("/api/v1/tags"),
			)
		}},
		{"requests are sent before the answer to the last is there", func(s *scene) {
			s.oneConnection(true,
				get(s.api(s.post)),
				request{method: http.MethodHead, target: s.api(s.post)},
				post("/api/v1/sessions", fields{"email": "", "password": ""}),
				get(s.coverPath()),
				get("/api/v1/no/such/thing"),
			)
		}},
		{"a connection ends when its client says so", func(s *scene) {
			for _, side := range s.sides() {
				c := s.dial(side)
				if _, err := c.exchange(get(s.api(s.post)).with("Connection: close").to(side)); err != nil {
					s.fail("%s: %v", side.name, err)
				}
				if _, err := c.reader.ReadByte(); err == nil {
					s.fail("%s: more came after the last answer", side.name)
				}
			}
		}},
		{"compressed answers", func(s *scene) {
			for _, target := range []string{s.api(s.post), "/", "/api/v1/openapi.yaml"} {
				s.want(http.StatusOK, s.compare(get(target).with("Accept-Encoding: gzip")))
				s.want(http.StatusOK, s.compare(get(target).with("Accept-Encoding: identity")))
			}
		}},
		{"a header of eight kilobytes", func(s *scene) {
			s.want(http.StatusOK, s.compare(get(s.api(s.post)).with("X-Long: "+strings.Repeat("a", 8<<10))))
		}},
		{"many headers", func(s *scene) {
			var lines []string
			for i := range 60 {
				lines = append(lines, fmt.Sprintf("X-Many-%d: %d", i, i))
			}
			s.want(http.StatusOK, s.compare(get(s.api(s.post)).with(lines...)))
		}},
	}
}

// oneConnection sends the requests over one connection to each side, one by one or
// all at once, and compares the answers in order.
func (s *scene) oneConnection(pipelined bool, requests ...request) {
	var answers [2][]reply
	for i, side := range s.sides() {
		c := s.dial(side)
		if pipelined {
			var all []byte
			for _, r := range requests {
				out := r.to(side)
				all = append(append(all, out.head...), out.body...)
			}
			if _, err := c.Write(all); err != nil {
				s.fail("%s: send all at once: %v", side.name, err)
			}
		}
		for n, r := range requests {
			answer, err := s.nextOn(c, side, r, pipelined)
			if err != nil {
				s.fail("%s: request %d, %s %s: %v", side.name, n+1, r.method, r.target, err)
			}
			answers[i] = append(answers[i], answer)
		}
	}
	for n, r := range requests {
		s.mustEqual(r, answers[0][n], answers[1][n])
	}
}

func (s *scene) nextOn(c *connection, side *side, r request, sent bool) (reply, error) {
	if sent {
		return c.read(r.method)
	}
	return c.exchange(r.to(side))
}
