package traffic

import (
	"fmt"
	"net/http"
	"slices"

	"banyan.dev/strangler/internal/ledger"
)

// maxDrawer is how many of their own things a user keeps working on.
const maxDrawer = 30

// What authors do.

func (t *turn) writePost() error {
	topic, marker := one(t.rnd, topics()), t.newMarker()
	title, tags, publish := postTitle(t.rnd, topic), []string{topic, "notes"}, t.rnd.IntN(3) > 0
	id, made, ok := t.write(ledger.Op{Kind: ledger.CreatePost, Marker: marker}, request{
		name: "write post", method: http.MethodPost, path: "/api/v1/posts", key: t.newKey(),
		body:   encode(map[string]any{"title": title, "body": postText(t.rnd, topic, marker), "tags": tags, "publish": publish}),
		expect: []int{http.StatusCreated},
	})
	if !ok {
		return nil
	}
	t.load.catalogue.wrote(made.ID)
	own := ownPost{id: made.ID, slug: made.Slug, title: title, tags: tags, published: publish, version: made.Version, marker: marker}
	t.keepPost(own)
	return t.seePost(id, own)
}

func (t *turn) publishPost() error {
	i := slices.IndexFunc(t.posts, func(p ownPost) bool { return !p.published })
	if i < 0 {
		return t.writePost()
	}
	own := t.takePost(i)
	id, made, ok := t.write(ledger.Op{Kind: ledger.PublishPost, Aggregate: own.id}, request{
		name: "publish post", method: http.MethodPost, path: "/api/v1/posts/" + own.id + "/publish", key: t.newKey(),
		expect: []int{http.StatusOK},
	})
	if !ok {
		return nil
	}
	own.published, own.version = true, made.Version
	t.keepPost(own)
	return t.seePost(id, own)
}

// editPost opens a post as an editor does, and saves it with the version that was opened.
func (t *turn) editPost() error {
	i, own, ok := pick(t.rnd, t.posts)
	if !ok {
		return t.writePost()
	}
	opened, _, err := t.openPost(own.id)
	if err != nil {
		return err
	}
	topic, marker := one(t.rnd, topics()), t.newMarker()
	t.takePost(i)
	id, made, ok := t.write(ledger.Op{Kind: ledger.EditPost, Aggregate: own.id, Marker: marker}, request{
		name: "edit post", method: http.MethodPut, path: "/api/v1/posts/" + own.id, key: t.newKey(), ifMatch: opened.Version,
		body:   encode(map[string]any{"title": own.title, "body": postText(t.rnd, topic, marker), "tags": own.tags}),
		expect: []int{http.StatusOK},
	})
	if !ok {
		return nil
	}
	own.version, own.marker = made.Version, marker
	t.keepPost(own)
	return t.seePost(id, own)
}

func (t *turn) deletePost() error {
	i, own, ok := pick(t.rnd, t.posts)
	if !ok || len(t.posts) < 3 {
		return t.writePost()
	}
	t.takePost(i)
	t.load.catalogue.leaves(own.id)
	id, _, ok := t.write(ledger.Op{Kind: ledger.DeletePost, Aggregate: own.id}, request{
		name: "delete post", method: http.MethodDelete, path: "/api/v1/posts/" + own.id, expect: []int{http.StatusNoContent},
	})
	if !ok {
		return nil
	}
	t.comments = slices.DeleteFunc(t.comments, func(c ownComment) bool { return c.post == own.id })
	return t.seeGone(id, "see post gone", "/api/v1/posts/"+own.id)
}

// seePost is the writer's own next read after a write: it must show that write.
func (t *turn) seePost(id int64, own ownPost) error {
	if own.published {
		t.load.catalogue.find(known{id: own.id, slug: own.slug, author: t.id, tags: own.tags})
	}
	shown, a, err := t.openPost(own.id)
	t.see(id, sight{marker: own.marker, version: own.version}, shown, a, err)
	if err == nil && own.published && shown.Status != "published" {
		t.load.ledger.Unseen(id, fmt.Sprintf("published, and shown as %q", shown.Status))
	}
	return err
}

func (t *turn) openPost(id string) (shown document, a answer, err error) {
	a, err = t.ask(request{
		name: "open own post", method: http.MethodGet, path: "/api/v1/posts/" + id, session: true, public: true,
		expect: []int{http.StatusOK}, into: &shown,
	})
	return shown, a, err
}

func (t *turn) keepPost(p ownPost) {
	t.posts = append(t.posts, p)
	if len(t.posts) > maxDrawer {
		t.posts = t.posts[1:]
	}
}

func (t *turn) takePost(i int) ownPost {
	own := t.posts[i]
	t.posts = slices.Delete(t.posts, i, i+1)
	return own
}
