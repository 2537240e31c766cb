package journeys

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strconv"
)

// picture is a small PNG that differs from every other.
func picture(s *Story) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i, b := range randomBytes(16 * 16) {
		img.Set(i%16, i/16, color.RGBA{R: b, G: byte(i), B: 0x80, A: 0xff})
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		s.Fail("encode a picture: %w", err)
	}
	return out.Bytes()
}

func coverJourneys() []Journey {
	return []Journey{
		{"a post has a cover, which may be asked for in parts", func(s *Story) {
			ann, visitor := s.Author("Ann"), s.Visitor()
			one, content := ann.Publishes("With a picture "+s.Word()), picture(s)
			visitor.Get(one.cover()).Refused(http.StatusNotFound, "not-found")
			ann.Put(one.cover(), raw{"image/png", content}).Answers(http.StatusNoContent)
			s.Is("the cover's address", s.Visitor().Reads(one).Cover != "", true)

			whole := visitor.Get(one.cover()).Answers(http.StatusOK).Has("Content-Type", "image/png")
			s.True("the bytes are those that were sent", bytes.Equal(whole.Body, content))
			whole.Has("X-Content-Type-Options", "nosniff").Has("Accept-Ranges", "bytes")
			tag := whole.Header.Get("Etag")
			visitor.Get(one.cover()).With("If-None-Match", tag).Answers(http.StatusNotModified)
			head := visitor.Head(one.cover()).Answers(http.StatusOK).Has("Content-Length", strconv.Itoa(len(content)))
			s.Is("the length of a HEAD's body", len(head.Body), 0)

			part := visitor.Get(one.cover()).With("Range", "bytes=8-15").Answers(http.StatusPartialContent)
			part.Has("Content-Range", fmt.Sprintf("bytes 8-15/%d", len(content)))
			s.True("the part is the right one", bytes.Equal(part.Body, content[8:16]))
			rest := visitor.Get(one.cover()).With("Range", "bytes=8-").With("If-Range", tag).Answers(http.StatusPartialContent)
			s.True("the rest is the right one", bytes.Equal(rest.Body, content[8:]))
			visitor.Get(one.cover()).With("Range", fmt.Sprintf("bytes=%d-", len(content))).
				Answers(http.StatusRequestedRangeNotSatisfiable)

			other := picture(s)
			ann.Put(one.cover(), raw{"image/png", other}).Answers(http.StatusNoContent)
			changed := visitor.Get(one.cover()).With("If-None-Match", tag).Answers(http.StatusOK)
			s.True("a new cover takes the old one's place", bytes.Equal(changed.Body, other))

			ann.Delete(one.cover()).Answers(http.StatusNoContent)
			ann.Delete(one.cover()).Answers(http.StatusNoContent)
			visitor.Get(one.cover()).Refused(http.StatusNotFound, "not-found")
		}},
		{"only a picture of a bearable size is a cover", func(s *Story) {
			ann := s.Author("Ann")
			one := ann.Publishes("No picture " + s.Word())
			page := raw{"image/png", []byte("<html><script>alert(1)</script></html>")}
			ann.Put(one.cover(), page).Refused(http.StatusUnsupportedMediaType, "unsupported-media-type")
			ann.Put(one.cover(), raw{"text/plain", []byte("no picture at all")}).
				Refused(http.StatusUnsupportedMediaType, "unsupported-media-type")

			largest := append(picture(s), make([]byte, 5<<20)...)[:5<<20]
			ann.Put(one.cover(), raw{"image/png", largest}).Answers(http.StatusNoContent)
			back := s.Visitor().Get(one.cover()).Answers(http.StatusOK)
			s.True("all five mebibytes come back", bytes.Equal(back.Body, largest))
			ann.Put(one.cover(), raw{"image/png", append(largest, 0)}).Refused(http.StatusRequestEntityTooLarge, "too-large")
		}},
	}
}
