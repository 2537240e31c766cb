package traffic

import (
	"fmt"
	"net/http"
	"slices"

	"banyan.dev/strangler/internal/ledger"
)

// What people who comment do.

func (t *turn) writeComment() error {
	k, ok := t.load.catalogue.pickForComment(t.rnd)
	if !ok {
		return t.readFeed()
	}
	marker := t.newMarker()
	id, made, ok := t.write(ledger.Op{Kind: ledger.CreateComment, Parent: k.id, Marker: marker}, request{
		name: "write comment", method: http.MethodPost, path: "/api/v1/posts/" + k.id + "/comments", key: t.newKey(),
		body:   encode(map[string]string{"body": commentText(t.rnd, marker)}),
		expect: []int{http.StatusCreated}, tolerate: t.gone(k.id),
	})
	if !ok {
		return nil
	}
	own := ownComment{id: made.ID, post: k.id, version: made.Version, marker: marker}
	t.keepComment(own)
	return t.seeComment(id, own)
}

func (t *turn) editComment() error {
	i, own, ok := pick(t.rnd, t.comments)
	if !ok {
		return t.writeComment()
	}
	opened, a, err := t.openComment(own)
	t.takeComment(i)
	if err != nil || a.status == http.StatusNotFound {
		return err
	}
	marker := t.newMarker()
	id, made, ok := t.write(ledger.Op{Kind: ledger.EditComment, Aggregate: own.id, Parent: own.post, Marker: marker}, request{
		name: "edit comment", method: http.MethodPut, path: "/api/v1/comments/" + own.id, key: t.newKey(), ifMatch: opened.Version,
		body:   encode(map[string]string{"body": commentText(t.rnd, marker)}),
		expect: []int{http.StatusOK}, tolerate: t.wentWith(own.post),
	})
	if !ok {
		return nil
	}
	own.version, own.marker = made.Version, marker
	t.keepComment(own)
	return t.seeComment(id, own)
}

func (t *turn) deleteComment() error {
	i, own, ok := pick(t.rnd, t.comments)
	if !ok {
		return t.writeComment()
	}
	t.takeComment(i)
	id, _, ok := t.write(ledger.Op{Kind: ledger.DeleteComment, Aggregate: own.id, Parent: own.post}, request{
		name: "delete comment", method: http.MethodDelete, path: "/api/v1/comments/" + own.id,
		expect: []int{http.StatusNoContent}, tolerate: t.wentWith(own.post),
	})
	if !ok {
		return nil
	}
	return t.seeGone(id, "see comment gone", "/api/v1/comments/"+own.id)
}

func (t *turn) seeComment(id int64, own ownComment) error {
	shown, a, err := t.openComment(own)
	if err == nil && a.status == http.StatusNotFound {
		return nil // its post was deleted meanwhile
	}
	t.see(id, sight{marker: own.marker, version: own.version}, shown, a, err)
	return err
}

func (t *turn) openComment(own ownComment) (shown document, a answer, err error) {
	a, err = t.ask(request{
		name: "open own comment", method: http.MethodGet, path: "/api/v1/comments/" + own.id, session: true, public: true,
		expect: []int{http.StatusOK}, into: &shown, tolerate: t.wentWith(own.post),
	})
	return shown, a, err
}

// wentWith excuses that a comment is gone when its post is.
func (t *turn) wentWith(post string) func(status int) bool {
	return func(status int) bool { return status == http.StatusNotFound && t.load.catalogue.left(post) }
}

func (t *turn) keepComment(c ownComment) {
	t.comments = append(t.comments, c)
	if len(t.comments) > maxDrawer {
		t.comments = t.comments[1:]
	}
}

func (t *turn) takeComment(i int) { t.comments = slices.Delete(t.comments, i, i+1) }

// sight is what a writer must see next.
type sight struct {
	marker  string
	version int64
}

// see compares what the writer's next read showed with what was written. A read that failed otherwise than with "not
// there" shows nothing either way.
func (t *turn) see(id int64, want sight, shown document, a answer, err error) {
	markers := ledger.Markers(shown.Body)
	switch {
	case err != nil && a.status == http.StatusNotFound:
		t.load.ledger.Unseen(id, "the writer's next read says 404")
	case err != nil:
	case shown.Version < want.version:
		t.load.ledger.Unseen(id, fmt.Sprintf("the writer's next read shows version %d, older than %d", shown.Version, want.version))
	case !slices.Equal(markers, []string{want.marker}):
		t.load.ledger.Unseen(id, fmt.Sprintf("the writer's next read shows %v, not %s", markers, want.marker))
	}
}

// seeGone is the writer's own next read after a deletion.
func (t *turn) seeGone(id int64, name, path string) error {
	a, err := t.ask(request{
		name: name, method: http.MethodGet, path: path, session: true, public: true,
		expect: []int{http.StatusNotFound, http.StatusGone, http.StatusOK},
	})
	if err == nil && a.status == http.StatusOK {
		t.load.ledger.Unseen(id, "the writer's next read shows what was deleted")
	}
	return err
}
