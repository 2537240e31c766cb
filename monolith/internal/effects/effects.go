package effects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/problem"
)

// Ports are the features in whose tables something follows from a comment. They do in
// the inbox's transaction what they do in the comment's own while it is written here.
type Ports struct {
	Posts    Posts
	Queue    Queue
	Notices  commentstore.Notices
	Comments Comments
}

// Posts keeps the post that is commented on; *poststore.Rows does.
type Posts interface {
	commentstore.Posts
	// Recount sets the post's number of approved comments. The post is held.
	Recount(tx *gorm.DB, postID string, n int) error
}

// Queue is where comments wait for a moderator; *moderationstore.Rows has it.
type Queue interface {
	commentstore.Queue
	// Keep sees to it that a comment waits; one that does keeps its turn and its reason.
	Keep(tx *gorm.DB, commentID string, since time.Time) error
}

// Comments are this host's rows; *commentstore.Rows has them.
type Comments interface {
	// Statuses are those of comments as they stand in tx; one that is not there has none.
	Statuses(tx *gorm.DB, ids ...string) (map[string]contracts.CommentStatus, error)
	// Approved is how many approved comments stand under a post.
	Approved(tx *gorm.DB, postID string) (int, error)
}

// Handler applies the other side's events and does what their writer left to this
// host, in one transaction, and so exactly once. It is safe for concurrent use.
type Handler struct {
	rows  *commentstore.Follower
	ports Ports
}

var (
	_ inbox.Handler = (*Handler)(nil)
	_ inbox.Ignorer = (*Handler)(nil)
)

// NewHandler returns the handler; cfg's Effects and Repaired are its own.
func NewHandler(cfg commentstore.FollowerConfig, ports Ports) *Handler {
	cfg.Effects, cfg.Repaired = collect, collect
	return &Handler{commentstore.NewFollower(cfg), ports}
}

// Ignores is inbox.Ignorer's.
func (h *Handler) Ignores(e inbox.Event) bool { return h.rows.Ignores(e) }

// Handle is inbox.Handler's. The effects of a batch are done together, after its rows
// are written: posts are held in the order of their ids, so that two partitions with
// comments under the same posts never wait for each other.
func (h *Handler) Handle(ctx context.Context, tx *gorm.DB, events []inbox.Event) error {
	var left []contracts.Event
	if err := h.rows.Handle(context.WithValue(ctx, leftKey{}, &left), tx, events); err != nil {
		return err
	}
	return h.do(tx, left)
}

type leftKey struct{}

var errNotCollected = errors.New("effects were left outside of their handler")

// collect is what the follower calls for each event that leaves something, or repairs.
func collect(ctx context.Context, _ *gorm.DB, e contracts.Event) error {
	left, ok := ctx.Value(leftKey{}).(*[]contracts.Event)
	if !ok {
		return errNotCollected
	}
	*left = append(*left, e)
	return nil
}

// do holds the posts, then does the effects in the events' order, then counts.
func (h *Handler) do(tx *gorm.DB, left []contracts.Event) error {
	there, err := h.hold(tx, left)
	if err != nil {
		return err
	}
	stands, err := h.stands(tx, left)
	if err != nil {
		return err
	}
	counts, anew := map[string]int{}, map[string]bool{}
	for _, e := range left {
		switch e := e.(type) {
		case contracts.CommentChanged:
			if there[e.PostID] {
				err = h.changed(tx, e, stands[e.ID])
				counts[e.PostID] += countOf(e)
			}
		case contracts.CommentDeleted:
			err = h.deleted(tx, e)
			if e.LeftOf(contracts.EffectCount) {
				counts[e.PostID] -= seen(e.Effects.Was)
			}
		}
		if err == nil && repaired(e) {
			anew[postOf(e)] = true
			err = h.mend(tx, e, stands[e.Aggregate()], there[postOf(e)])
		}
		if err != nil {
			return fmt.Errorf("do what %s of %s leaves: %w", e.EventType(), e.Aggregate(), err)
		}
	}
	return h.count(tx, counts, anew, there)
}

// count adds to the posts that are there, or counts anew.
func (h *Handler) count(tx *gorm.DB, counts map[string]int, anew, there map[string]bool) error {
	for _, id := range slices.Sorted(maps.Keys(there)) {
		var err error
		switch {
		case !there[id]:
		case anew[id]:
			err = h.recount(tx, id)
		case counts[id] != 0:
			err = h.ports.Posts.Count(tx, id, counts[id])
		}
		if err != nil {
			return fmt.Errorf("count the comments of post %s: %w", id, err)
		}
	}
	return nil
}

// hold holds the posts of the events, and says which are there: of a deleted one
// nothing is counted, queued or told any more.
func (h *Handler) hold(tx *gorm.DB, left []contracts.Event) (there map[string]bool, err error) {
	there = map[string]bool{}
	for _, e := range left {
		there[postOf(e)] = false
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		err := h.ports.Posts.Hold(tx, id)
		if err != nil && !problem.Is(err, problem.NotFound) {
			return nil, fmt.Errorf("hold post %s: %w", id, err)
		}
		there[id] = err == nil
	}
	return there, nil
}

func postOf(e contracts.Event) string {
	switch e := e.(type) {
	case contracts.CommentChanged:
		return e.PostID
	case contracts.CommentDeleted:
		return e.PostID
	}
	return ""
}

// stands are the present statuses of the comments that became pending, and of those that
// are repaired: an event that is handled late, after it was a dead letter, may be long
// behind its comment.
func (h *Handler) stands(tx *gorm.DB, left []contracts.Event) (map[string]contracts.CommentStatus, error) {
	var ids []string
	for _, e := range left {
		if e, is := e.(contracts.CommentChanged); is && e.Status == contracts.Pending || repaired(e) {
			ids = append(ids, e.Aggregate())
		}
	}
	return h.ports.Comments.Statuses(tx, ids...)
}

func (h *Handler) changed(tx *gorm.DB, e contracts.CommentChanged, stands contracts.CommentStatus) error {
	if e.LeftOf(contracts.EffectQueue) {
		if err := h.queue(tx, e, stands); err != nil {
			return err
		}
	}
	notice, ok := e.Notice()
	if !ok || !e.LeftOf(contracts.EffectNotification) {
		return nil
	}
	return h.ports.Notices.Tell(tx, notice, e.UpdatedAt)
}

// queue lets wait what still does; one that is judged by now would wait for ever.
func (h *Handler) queue(tx *gorm.DB, e contracts.CommentChanged, stands contracts.CommentStatus) error {
	switch {
	case e.Status == contracts.Pending && stands != contracts.Pending:
		return nil
	case e.Status == contracts.Pending:
		return h.ports.Queue.Wait(tx, e.ID, e.Effects.Reason, e.UpdatedAt)
	case e.Effects.Was == contracts.Pending:
		return h.ports.Queue.Leave(tx, e.ID)
	}
	return nil
}

func (h *Handler) deleted(tx *gorm.DB, e contracts.CommentDeleted) error {
	if e.LeftOf(contracts.EffectQueue) {
		if err := h.ports.Queue.Leave(tx, e.ID); err != nil {
			return err
		}
	}
	if e.LeftOf(contracts.EffectNotification) {
		return h.ports.Notices.Forget(tx, e.ID)
	}
	return nil
}

// countOf is by how many the approved comments become more.
func countOf(e contracts.CommentChanged) int {
	if !e.LeftOf(contracts.EffectCount) {
		return 0
	}
	return seen(e.Status) - seen(e.Effects.Was)
}

// seen is 1 for a comment that everyone sees.
func seen(s contracts.CommentStatus) int {
	if s == contracts.Approved {
		return 1
	}
	return 0
}
