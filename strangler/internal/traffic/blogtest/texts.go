package blogtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (b *Blog) create(c *call) answer {
	if c.who == nil {
		return problem(401, "unauthenticated")
	}
	d := &document{id: b.newID(), parent: c.PathValue("id"), author: c.who, published: c.fields["publish"] == true}
	if parent := b.find(d.parent); d.parent != "" && (parent == nil || !parent.published) {
		return problem(404, "not-found")
	}
	d.revise(c)
	b.docs = append(b.docs, d)
	return answer{201, d.shown(0)}
}

func (b *Blog) read(c *call) answer {
	d := b.find(c.PathValue("id"))
	if d == nil || !d.visibleTo(c.who) {
		return problem(404, "not-found")
	}
	if b.stale {
		return answer{200, d.shown(1)}
	}
	return answer{200, d.shown(0)}
}

func (b *Blog) edit(c *call) answer {
	d, refusal := b.own(c)
	if d == nil {
		return refusal
	}
	if c.Header.Get("If-Match") != strconv.Quote(strconv.Itoa(d.last().version)) {
		return problem(412, "version-mismatch")
	}
	d.revise(c)
	return answer{200, d.shown(0)}
}

func (b *Blog) publish(c *call) answer {
	d, refusal := b.own(c)
	if d == nil {
		return refusal
	}
	if !d.published {
		again := *d.last()
		again.version++
		d.revisions, d.published = append(d.revisions, again), true
	}
	return answer{200, d.shown(0)}
}

// remove deletes, and says so again to whoever may ask again: the first answer may have been lost.
func (b *Blog) remove(c *call) answer {
	d, refusal := b.own(c)
	switch {
	case d == nil && b.buried(c.PathValue("id"), c.who):
		return answer{204, nil}
	case d == nil:
		return refusal
	}
	for _, other := range b.docs {
		if other == d || other.parent == d.id {
			other.deleted = true
		}
	}
	return answer{204, nil}
}

func (b *Blog) own(c *call) (*document, answer) {
	d := b.find(c.PathValue("id"))
	switch {
	case c.who == nil:
		return nil, problem(401, "unauthenticated")
	case d == nil:
		return nil, problem(404, "not-found")
	case d.author != c.who:
		return nil, problem(403, "forbidden")
	}
	return d, answer{}
}

// list answers posts or, under a post, its comments, in pages of at most ten so that readers must turn them.
func (b *Blog) list(c *call) answer {
	parent := c.PathValue("id")
	if post := b.find(parent); parent != "" && (post == nil || !post.published) {
		return problem(404, "not-found")
	}
	mine := c.URL.Query().Get("mine") == "true"
	if mine && c.who == nil {
		return problem(401, "unauthenticated")
	}
	items := []any{}
	for _, d := range b.docs {
		if d.deleted || d.parent != parent || mine && d.author != c.who || !mine && parent == "" && !d.published {
			continue
		}
		items = append(items, d.shown(0))
	}
	return page(c, items)
}

func (b *Blog) feed(c *call) answer {
	items := []any{}
	for _, d := range slices.Backward(b.docs) {
		if d.published && !d.deleted {
			items = append(items, map[string]any{"post": d.shown(0)})
		}
	}
	return page(c, items)
}

func (b *Blog) empty(c *call) answer { return page(c, nil) }

func page(c *call, items []any) answer {
	const size = 10
	from, _ := strconv.Atoi(c.URL.Query().Get("cursor")) // no cursor is the beginning
	from = min(from, len(items))
	to := min(from+size, len(items))
	body := map[string]any{"items": items[from:to]}
	if to < len(items) {
		body["next"] = strconv.Itoa(to)
	}
	return answer{200, body}
}

func (b *Blog) find(id string) *document {
	for _, d := range b.docs {
		if d.id == id && !d.deleted {
			return d
		}
	}
	return nil
}

func (b *Blog) buried(id string, author *account) bool {
	return slices.ContainsFunc(b.docs, func(d *document) bool { return d.id == id && d.deleted && d.author == author })
}

func (d *document) last() *revision { return &d.revisions[len(d.revisions)-1] }

func (d *document) revise(c *call) {
	version := 1
	if len(d.revisions) > 0 {
		version = d.last().version + 1
	}
	tags, _ := c.fields["tags"].([]any)
	r := revision{version: version, title: c.text("title"), body: c.text("body")}
	for _, tag := range tags {
		r.tags = append(r.tags, fmt.Sprint(tag))
	}
	d.revisions = append(d.revisions, r)
}

func (d *document) visibleTo(who *account) bool {
	return d.parent != "" || d.published || d.author == who
}

// shown is the document as it was so many revisions ago.
func (d *document) shown(ago int) map[string]any {
	r := d.revisions[max(0, len(d.revisions)-1-ago)]
	status := "draft"
	if d.published {
		status = "published"
	}
	return map[string]any{
		"id": d.id, "post_id": d.parent, "slug": strings.ReplaceAll(strings.ToLower(r.title), " ", "-"), "title": r.title, "body": r.body,
		"tags": r.tags, "status": status, "version": r.version, "author": map[string]any{"id": d.author.ID, "name": d.author.Name},
	}
}
