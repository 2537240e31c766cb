package journeys

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// The shapes below are the public contract as the suite knows it: written down a
// second time on purpose, so that a change of the blog's own types is noticed here.

// Account is an account as its owner sees it.
type Account struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Role    string    `json:"role"`
	Version int       `json:"version"`
	Created time.Time `json:"created_at"`
}

type person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type post struct {
	ID        string     `json:"id"`
	Slug      string     `json:"slug"`
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	HTML      string     `json:"html"`
	Excerpt   string     `json:"excerpt"`
	Tags      []string   `json:"tags"`
	Status    string     `json:"status"`
	Author    person     `json:"author"`
	Comments  int        `json:"comment_count"`
	Cover     string     `json:"cover_url"`
	Version   int        `json:"version"`
	Published *time.Time `json:"published_at"`
	Highlight string     `json:"highlight"` // of a search hit only
}

func (p post) path() string     { return "/api/v1/posts/" + p.ID }
func (p post) cover() string    { return p.path() + "/cover" }
func (p post) comments() string { return p.path() + "/comments" }
func (p post) page() string     { return "/posts/" + p.ID + "/" + url.PathEscape(p.Slug) }

type comment struct {
	ID      string `json:"id"`
	PostID  string `json:"post_id"`
	Author  person `json:"author"`
	Body    string `json:"body"`
	HTML    string `json:"html"`
	Status  string `json:"status"`
	Version int    `json:"version"`
}

func (c comment) path() string { return "/api/v1/comments/" + c.ID }

type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// writing is what an author puts into a post.
func writing(title, body string, publish bool, tags ...string) fields {
	if tags == nil {
		tags = []string{}
	}
	return fields{"title": title, "body": body, "tags": tags, "publish": publish}
}

// editing is a change of a post.
func editing(title, body string, tags ...string) fields {
	f := writing(title, body, false, tags...)
	delete(f, "publish")
	return f
}

// Publishes writes a post for everyone to see.
func (p *Person) Publishes(title string, tags ...string) post {
	return p.writes(writing(title, "It begins with **"+title+"** and ends soon.", true, tags...))
}

// Drafts writes a post that only its author sees.
func (p *Person) Drafts(title string, tags ...string) post {
	return p.writes(writing(title, "Not ready: *"+title+"*.", false, tags...))
}

func (p *Person) writes(text fields) post {
	var made post
	p.Post("/api/v1/posts", text).Key(p.story.Word()).Answers(http.StatusCreated).Into(&made)
	return made
}

// Reads returns the post as this person sees it.
func (p *Person) Reads(one post) post {
	var seen post
	p.Get(one.path()).Answers(http.StatusOK).Into(&seen)
	return seen
}

// Comments writes under a post.
func (p *Person) Comments(under post, body string) comment {
	var made comment
	p.Post(under.comments(), fields{"body": body}).Key(p.story.Word()).Answers(http.StatusCreated).Into(&made)
	return made
}

// SeesUnder returns the comments of a post that this person sees, oldest first.
func (p *Person) SeesUnder(one post) []comment {
	return all[comment](p, one.comments())
}

// sees tells whether the comment is among those under the post.
func (p *Person) sees(c comment, under post) bool {
	for _, seen := range p.SeesUnder(under) {
		if seen.ID == c.ID {
			return true
		}
	}
	return false
}

// manyPages bounds how far a list is followed: a live blog may be long.
const manyPages = 50

// all follows a list from its beginning to its end.
func all[T any](p *Person, path string) []T {
	var items []T
	cursor := ""
	for range manyPages {
		page := next[T](p, path, cursor, 100)
		items = append(items, page.Items...)
		if page.Next == "" {
			return items
		}
		cursor = page.Next
	}
	p.story.Fail("%s has more than %d pages", path, manyPages)
	return nil
}

// next asks for one page of a list.
func next[T any](p *Person, path, cursor string, limit int) list[T] {
	address, err := url.Parse(path)
	if err != nil {
		p.story.Fail("parse %q: %w", path, err)
	}
	query := address.Query()
	query.Set("limit", fmt.Sprint(limit))
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	address.RawQuery = query.Encode()
	var page list[T]
	p.Get(address.String()).Answers(http.StatusOK).Into(&page)
	if len(page.Items) > limit {
		p.story.Fail("%s answers %d items where %d were asked for", path, len(page.Items), limit)
	}
	return page
}
