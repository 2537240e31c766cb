package untangled_test

import (
	"context"
	"sync/atomic"
	"testing"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/paging"
)

// While replicas are restarted one after another, some are on the tangle and some on
// the features' stores. Here each call goes to the other than the one before: what
// one side wrote the other reads, locks and deletes.
func TestReplicasOnEitherLiveTogether(t *testing.T) {
	database := storetest.Databases(t, nil)
	storetest.Run(t, func(t *testing.T) storetest.Stores {
		db := database(t)
		a, b := tangle.New(db), untangled.New(db)
		stores := storetest.Of(a)
		stores.Posts = eitherPosts{&turns[posts.Store]{a: a.Posts(), b: b.Posts()}}
		stores.Comments = eitherComments{&turns[comments.Store]{a: a.Comments(), b: b.Comments()}}
		stores.Notifications, stores.Feed = b.Notifications(), b.Feed()
		return stores
	})
}

// turns gives one and the other. It is safe for concurrent use.
type turns[S any] struct {
	a, b S
	n    atomic.Int64
}

func (t *turns[S]) next() S {
	if t.n.Add(1)%2 == 0 {
		return t.a
	}
	return t.b
}

type eitherComments struct{ *turns[comments.Store] }

func (e eitherComments) Create(ctx context.Context, c contracts.Comment, f comments.Effects, key contracts.Key) (contracts.Comment, bool, error) {
	return e.next().Create(ctx, c, f, key)
}

func (e eitherComments) Get(ctx context.Context, id string) (contracts.Comment, error) {
	return e.next().Get(ctx, id)
}

func (e eitherComments) List(ctx context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error) {
	return e.next().List(ctx, postID, v, page)
}

func (e eitherComments) Update(ctx context.Context, c contracts.Comment, f comments.Effects, key contracts.Key) (contracts.Comment, bool, error) {
	return e.next().Update(ctx, c, f, key)
}

func (e eitherComments) Delete(ctx context.Context, id string, version int) error {
	return e.next().Delete(ctx, id, version)
}

func (e eitherComments) CloseUnder(ctx context.Context, postID, key string) error {
	return e.next().CloseUnder(ctx, postID, key)
}

func (e eitherComments) DeletedBy(ctx context.Context, id string) (string, error) {
	return e.next().DeletedBy(ctx, id)
}

type eitherPosts struct{ *turns[posts.Store] }

func (e eitherPosts) Create(ctx context.Context, p contracts.Post, key contracts.Key) (contracts.Post, bool, error) {
	return e.next().Create(ctx, p, key)
}

func (e eitherPosts) Get(ctx context.Context, id string) (contracts.Post, error) {
	return e.next().Get(ctx, id)
}

func (e eitherPosts) Published(ctx context.Context, id string) (posts.Ref, error) {
	return e.next().Published(ctx, id)
}

func (e eitherPosts) List(ctx context.Context, f posts.Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	return e.next().List(ctx, f, page)
}

func (e eitherPosts) Update(ctx context.Context, p contracts.Post, key contracts.Key) (contracts.Post, bool, error) {
	return e.next().Update(ctx, p, key)
}

func (e eitherPosts) Delete(ctx context.Context, id string, version int) error {
	return e.next().Delete(ctx, id, version)
}

func (e eitherPosts) DeletedBy(ctx context.Context, id string) (string, error) {
	return e.next().DeletedBy(ctx, id)
}

func (e eitherPosts) SetCover(ctx context.Context, id string, c posts.Cover) error {
	return e.next().SetCover(ctx, id, c)
}

func (e eitherPosts) Cover(ctx context.Context, id string) (posts.Cover, error) {
	return e.next().Cover(ctx, id)
}

func (e eitherPosts) DeleteCover(ctx context.Context, id string) error {
	return e.next().DeleteCover(ctx, id)
}

func (e eitherPosts) Tags(ctx context.Context, limit int) ([]posts.Tag, error) {
	return e.next().Tags(ctx, limit)
}
