package traffic

import (
	"math/rand/v2"
	"sync"
	"time"
)

// maxKnown is how many posts the crowd talks about at a time; older ones are forgotten, as in life.
const maxKnown = 300

// known is a published post that users came across.
type known struct {
	id, slug, author string
	tags             []string
	published        time.Time
}

// catalogue is what the crowd knows of the blog's published posts. It is safe for concurrent use.
type catalogue struct {
	began time.Time
	mu    sync.Mutex
	posts []known // in the order in which they were found
	ours  map[string]bool
	gone  map[string]bool // deleted by one of us, or about to be
	have  map[string]bool
}

func newCatalogue() *catalogue {
	return &catalogue{began: time.Now(), ours: map[string]bool{}, gone: map[string]bool{}, have: map[string]bool{}}
}

// find adds what a user came across.
func (c *catalogue) find(found ...known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range found {
		if k.id == "" || c.have[k.id] || c.gone[k.id] {
			continue
		}
		c.have[k.id] = true
		c.posts = append(c.posts, k)
	}
	for len(c.posts) > maxKnown {
		delete(c.have, c.posts[0].id)
		c.posts = c.posts[1:]
	}
}

// wrote notes that a post is one of ours: nobody else will edit or delete it.
func (c *catalogue) wrote(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ours[id] = true
}

// leaves notes, before it is asked for, that a post will be deleted.
func (c *catalogue) leaves(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone[id] = true
	for i, k := range c.posts {
		if k.id == id {
			c.posts = append(c.posts[:i:i], c.posts[i+1:]...)
			delete(c.have, id)
			return
		}
	}
}

// mayBeGone tells whether a 404 for a post is nobody's fault: one of us deletes it, or it is somebody else's.
func (c *catalogue) mayBeGone(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone[id] || !c.ours[id]
}

// pick takes a post; a few are read much more often than the rest, as everywhere.
func (c *catalogue) pick(rnd *rand.Rand) (known, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.posts) == 0 {
		return known{}, false
	}
	popularity := rnd.Float64()
	return c.posts[int(popularity*popularity*float64(len(c.posts)))], true
}

// pickForComment takes a post that users may write under: one of ours, or one that was
// there before us. Who else is writing now (a journey of the acceptance suite) counts
// what stands under a post, and may delete it with our comment.
func (c *catalogue) pickForComment(rnd *rand.Rand) (known, bool) {
	for range 8 {
		k, ok := c.pick(rnd)
		if !ok || c.mayCommentOn(k) {
			return k, ok
		}
	}
	return known{}, false
}

func (c *catalogue) mayCommentOn(k known) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ours[k.id] || k.published.Before(c.began)
}

// left tells whether one of us deletes, or deleted, a post.
func (c *catalogue) left(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone[id]
}
