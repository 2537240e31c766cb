package traffic

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// document is a post or a comment, or as much of it as a listing shows. Fields that the blog adds later are ignored, as
// an old client would.
type document struct {
	ID      string   `json:"id"`
	Slug    string   `json:"slug"`
	Title   string   `json:"title"`
	Body    string   `json:"body"`
	Status  string   `json:"status"`
	PostID  string   `json:"post_id"`
	Tags    []string `json:"tags"`
	Version int64    `json:"version"`
	Author  struct {
		ID string `json:"id"`
	} `json:"author"`
	Published time.Time `json:"published_at"`
}

// list is one page of a listing.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// after is the query of the page that follows.
func after(cursor string) string { return "&cursor=" + url.QueryEscape(cursor) }

// readInto reads the JSON that the contract promises. A post or comment without id and version is none: whoever
// wrote it could never find it again.
func (a answer) readInto(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("not the JSON that the contract promises: %w", err)
	}
	if d, ok := into.(*document); ok && (d.ID == "" || d.Version < 1) {
		return fmt.Errorf("no id or no version in it: %q, %d", d.ID, d.Version)
	}
	return nil
}

// problem is the kind of a problem+json answer, such as "version-mismatch", or "".
func (a answer) problem() string {
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json") {
		return ""
	}
	var p struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(a.body, &p) != nil {
		return ""
	}
	return p.Type[strings.LastIndex(p.Type, ":")+1:]
}

func (a answer) isPage() bool {
	return len(a.body) > 0 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
}

// encode writes what users send; it holds strings, numbers and lists only, which cannot fail.
func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return body
}
