package posts

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// Text is what an author writes: the rest of a post follows from it.
type Text struct {
	Title string   `json:"title"`
	Body  string   `json:"body"`
	Tags  []string `json:"tags"`
}

// The bounds of a post.
const (
	maxTitle   = 200        // characters
	maxBody    = 256 * 1024 // bytes
	maxTags    = 8
	maxExcerpt = 240 // characters
)

var tagForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// fill checks the text and derives what a post shows of it.
func (s *Service) fill(p *contracts.Post, in Text) error {
	in.Title = strings.TrimSpace(in.Title)
	if err := in.check(); err != nil {
		return err
	}
	html, err := s.render.HTML(in.Body)
	if err != nil {
		return err
	}
	p.Title, p.Body, p.HTML = in.Title, in.Body, html
	p.Slug, p.Excerpt = Slug(in.Title), s.render.Excerpt(html, maxExcerpt)
	p.Tags = slices.Compact(slices.Sorted(slices.Values(in.Tags)))
	if p.Tags == nil {
		p.Tags = []string{} // [] in JSON, never null
	}
	return nil
}

func (in Text) check() error {
	var f problem.Fields
	switch n := utf8.RuneCountInString(in.Title); {
	case n == 0:
		f.Add("title", "is empty: give it a few words")
	case n > maxTitle:
		f.Add("title", "has %d characters: take at most %d", n, maxTitle)
	case !utf8.ValidString(in.Title) || strings.ContainsFunc(in.Title, unicode.IsControl):
		f.Add("title", "%q has a control character or is not UTF-8: take that out", in.Title)
	}
	switch {
	case strings.TrimSpace(in.Body) == "":
		f.Add("body", "is empty: write something")
	case len(in.Body) > maxBody:
		f.Add("body", "has %d bytes: take at most %d", len(in.Body), maxBody)
	case !utf8.ValidString(in.Body) || strings.ContainsRune(in.Body, 0):
		f.Add("body", "is not clean UTF-8 text: save it as UTF-8 without NUL bytes")
	}
	if len(in.Tags) > maxTags {
		f.Add("tags", "are %d: take at most %d", len(in.Tags), maxTags)
	}
	for _, tag := range in.Tags {
		if len(tag) > 40 || !tagForm.MatchString(tag) {
			f.Add("tags", "%q is no tag: use lower-case letters, digits and single hyphens, at most 40", tag)
		}
	}
	return f.Err()
}

// Slug is the title as it appears in an address. Two posts may share one: the id
// before it decides.
func Slug(title string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range strings.ToLower(title) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			hyphen = false
		default:
			hyphen = true
		}
		if b.Len() >= 80 {
			break
		}
	}
	if b.Len() == 0 {
		return "post"
	}
	return b.String()
}
