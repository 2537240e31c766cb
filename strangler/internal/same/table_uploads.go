package same

import (
	"bytes"
	"mime/multipart"
	"net/http"
)

const (
	maxJSON  = 1 << 20
	maxCover = 5 << 20
)

// upload is a request that sends a picture to the side's own post.
func upload(s *scene, side *side, content []byte) request {
	return made(request{
		method: http.MethodPut, target: s.api(side.post) + "/cover",
		header: []string{"Content-Type: image/png"}, body: content,
	})
}

func uploadCases() []Case {
	return []Case{
		{"a cover is uploaded with its length, and comes back", func(s *scene) {
			s.want(http.StatusNoContent, s.compareEach(func(side *side) request { return upload(s, side, s.cover) }))
			mustComeBack(s, s.cover)
		}},
		{"a cover is uploaded in chunks, and comes back", func(s *scene) {
			content := picture()
			s.want(http.StatusNoContent, s.compareEach(func(side *side) request {
				r := upload(s, side, content)
				r.chunked = true
				return r
			}))
			mustComeBack(s, content)
		}},
		{"the largest cover", func(s *scene) {
			content := padded(s.cover, maxCover)
			s.want(http.StatusNoContent, s.compareEach(func(side *side) request { return upload(s, side, content) }))
			mustComeBack(s, content)
		}},
		{"a cover that is a byte too large", func(s *scene) {
			content := padded(s.cover, maxCover+1)
			s.want(http.StatusRequestEntityTooLarge, s.compareEach(func(side *side) request { return upload(s, side, content) }))
		}},
		{"a cover that is a byte too large, in chunks", func(s *scene) {
			content := padded(s.cover, maxCover+1)
			s.want(http.StatusRequestEntityTooLarge, s.compareEach(func(side *side) request {
				r := upload(s, side, content)
				r.chunked = true
				return r
			}))
		}},
		{"a cover that is none", func(s *scene) {
			s.want(http.StatusUnsupportedMediaType, s.compareEach(func(side *side) request {
				return upload(s, side, []byte("<html><script>alert(1)</script>"))
			}))
		}},
		{"a post as large as a body may be", func(s *scene) {
			s.want(http.StatusUnprocessableEntity, s.compare(ofSize(s, maxJSON)))
		}},
		{"a post that is a byte too large", func(s *scene) {
			s.want(http.StatusRequestEntityTooLarge, s.compare(ofSize(s, maxJSON+1)))
		}},
		{"a form with parts where JSON is asked for", func(s *scene) {
			s.want(http.StatusUnsupportedMediaType, s.compare(inParts(s)))
		}},
		{"the body is sent when it was asked for", func(s *scene) {
			content := picture()
			answer := s.compareEach(func(side *side) request {
				return upload(s, side, content).with("Expect: 100-continue")
			})
			s.want(http.StatusNoContent, answer)
			if len(answer.interim) != 1 {
				s.fail("the interim answers are %v, want one 100", answer.interim)
			}
			mustComeBack(s, content)
		}},
		{"the body is not asked for when it is not wanted", func(s *scene) {
			answer := s.compareEach(func(side *side) request {
				r := upload(s, side, s.cover).with("Expect: 100-continue")
				r.author = false
				return r
			})
			s.want(http.StatusUnauthorized, answer)
		}},
	}
}

// mustComeBack compares what both sides now have as their cover with what was sent.
func mustComeBack(s *scene, content []byte) {
	for _, side := range s.sides() {
		answer := s.ask(side, get(s.api(side.post)+"/cover"))
		if answer.status != http.StatusOK || !bytes.Equal(answer.body, content) {
			s.fail("%s: %d bytes were sent, and %d came back with status %d", side.name, len(content), len(answer.body), answer.status)
		}
	}
}

// padded is a picture with bytes after its end, which decoders ignore.
func padded(content []byte, size int) []byte {
	return append(bytes.Clone(content), make([]byte, size-len(content))...)
}

// ofSize is a post whose JSON has exactly that many bytes.
func ofSize(s *scene, size int) request {
	r := s.posting("Long", true)
	filler := bytes.Repeat([]byte("x"), size-len(r.body))
	r.body = bytes.Replace(r.body, []byte("The *body*"), append([]byte("The *body*"), filler...), 1)
	return r
}

func inParts(s *scene) request {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	file, err := parts.CreateFormFile("cover", "picture.png")
	if err == nil {
		_, err = file.Write(s.cover)
	}
	if err == nil {
		err = parts.Close()
	}
	if err != nil {
		s.fail("encode a form: %v", err)
	}
	return request{
		method: http.MethodPost, target: "/api/v1/posts", author: true,
		header: []string{"Content-Type: " + parts.FormDataContentType()}, body: body.Bytes(),
	}
}
