package posts

import (
	"bytes"
	"fmt"
	"html"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// Renderer makes HTML from what people write. What goldmark renders is sanitised
// by bluemonday's policy for user content, so that no script, style or handler of
// an author reaches a reader. It is safe for concurrent use.
type Renderer struct {
	markdown goldmark.Markdown
	clean    *bluemonday.Policy
	strip    *bluemonday.Policy
}

// NewRenderer returns a renderer of GitHub's flavour of Markdown.
func NewRenderer() *Renderer {
	clean := bluemonday.UGCPolicy()
	clean.RequireNoFollowOnLinks(true)
	clean.AddTargetBlankToFullyQualifiedLinks(true)
	return &Renderer{
		markdown: goldmark.New(goldmark.WithExtensions(extension.GFM)),
		clean:    clean,
		strip:    bluemonday.StrictPolicy(),
	}
}

// HTML renders Markdown.
func (r *Renderer) HTML(markdown string) (string, error) {
	var out bytes.Buffer
	if err := r.markdown.Convert([]byte(markdown), &out); err != nil {
		return "", fmt.Errorf("render markdown: %w", err)
	}
	return r.clean.Sanitize(out.String()), nil
}

// Excerpt is the beginning of rendered text as plain characters, at most limit of
// them, cut between words.
func (r *Renderer) Excerpt(rendered string, limit int) string {
	text := strings.Join(strings.Fields(html.UnescapeString(r.strip.Sanitize(rendered))), " ")
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit])
	if i := strings.LastIndexByte(cut, ' '); i > 0 {
		cut = cut[:i]
	}
	return cut + "…"
}
