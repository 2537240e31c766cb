package traffic

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// What readers do. Each function is one operation; its error only ends it, as the failure behind it is counted.

func (t *turn) readFrontPage() error { return t.page("front page", "/", false, nil) }

func (t *turn) readFeed() error {
	type entry struct {
		Post document `json:"post"`
	}
	var feed list[entry]
	if err := t.read("feed", "/api/v1/feed?limit=20", false, &feed); err != nil {
		return err
	}
	for _, e := range feed.Items {
		t.load.catalogue.find(e.Post.known())
	}
	return nil
}

func (t *turn) readPost() error {
	k, ok := t.load.catalogue.pick(t.rnd)
	if !ok {
		return t.readFeed()
	}
	a, err := t.readOfPost("read post", k.id, "")
	if err != nil || a.status == http.StatusNotFound {
		return err
	}
	if _, err := t.readOfPost("read comments", k.id, "/comments"); err != nil || t.rnd.IntN(8) > 0 {
		return err
	}
	_, err = t.ask(request{
		name: "read post again", method: http.MethodGet, path: "/api/v1/posts/" + k.id, ifNone: a.header.Get("ETag"),
		expect: []int{http.StatusOK, http.StatusNotModified}, tolerate: t.gone(k.id),
	})
	return err
}

func (t *turn) readOfPost(name, id, part string) (answer, error) {
	return t.ask(request{
		name: name, method: http.MethodGet, path: "/api/v1/posts/" + id + part,
		expect: []int{http.StatusOK}, tolerate: t.gone(id),
	})
}

func (t *turn) readPostPage() error {
	k, ok := t.load.catalogue.pick(t.rnd)
	if !ok || k.slug == "" {
		return t.readFrontPage()
	}
	return t.page("post page", "/posts/"+k.id+"/"+url.PathEscape(k.slug), false, t.gone(k.id))
}

func (t *turn) readTagPage() error {
	k, ok := t.load.catalogue.pick(t.rnd)
	if !ok || len(k.tags) == 0 {
		return t.read("tags", "/api/v1/tags", false, nil)
	}
	return t.page("tag page", "/tags/"+url.PathEscape(one(t.rnd, k.tags)), false, nil)
}

func (t *turn) readAuthorPage() error {
	k, ok := t.load.catalogue.pick(t.rnd)
	if !ok || k.author == "" {
		return t.readFrontPage()
	}
	return t.page("author page", "/authors/"+k.author, false, nil)
}

func (t *turn) search() error {
	var hits list[document]
	if err := t.read("search", "/api/v1/search?q="+url.QueryEscape(one(t.rnd, topics())), false, &hits); err != nil {
		return err
	}
	for _, hit := range hits.Items {
		t.load.catalogue.find(hit.known())
	}
	return nil
}

func (t *turn) searchPage() error {
	return t.page("search page", "/search?q="+url.QueryEscape(one(t.rnd, topics())), false, nil)
}

func (t *turn) whoAmI() error {
	_, err := t.readAccount()
	return err
}

func (t *turn) readMyPostsPage() error { return t.page("my posts page", "/me/posts", true, nil) }

func (t *turn) readNotifications() error {
	return t.read("notifications", "/api/v1/notifications", true, nil)
}

// read asks the API for something and reads the answer into into, if it is not nil.
func (t *turn) read(name, path string, session bool, into any) error {
	_, err := t.ask(request{name: name, method: http.MethodGet, path: path, session: session, expect: []int{http.StatusOK}, into: into})
	return err
}

// page opens a page as a browser does, following redirects: a slug changes with its title.
func (t *turn) page(name, path string, session bool, tolerate func(status int) bool) error {
	for range 4 {
		a, err := t.ask(request{
			name: name, method: http.MethodGet, path: path, session: session, html: true,
			expect: []int{http.StatusOK}, tolerate: func(status int) bool {
				return status/100 == 3 || tolerate != nil && tolerate(status)
			},
		})
		if err != nil || a.status/100 != 3 {
			return err
		}
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil {
			return fmt.Errorf("follow a redirect: %w", err)
		}
		path = to.RequestURI()
	}
	return nil
}

// gone excuses a 404 where that is nobody's fault.
func (t *turn) gone(post string) func(status int) bool {
	return func(status int) bool { return status == http.StatusNotFound && t.load.catalogue.mayBeGone(post) }
}

// among excuses some statuses always.
func among(statuses ...int) func(status int) bool {
	return func(status int) bool { return slices.Contains(statuses, status) }
}

func (d document) known() known {
	return known{id: d.ID, slug: d.Slug, author: d.Author.ID, tags: d.Tags, published: d.Published}
}
