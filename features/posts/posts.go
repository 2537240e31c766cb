package posts

import (
	"context"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Service is the use cases of posts. It is safe for concurrent use.
type Service struct {
	store  Store
	render *Renderer
	now    func() time.Time
}

// NewService returns the use cases over a store.
func NewService(store Store, now func() time.Time) *Service {
	return &Service{store: store, render: NewRenderer(), now: now}
}

// Create writes a new post, published at once if asked. Problems:
// Unauthenticated, Forbidden (readers don't write posts), Validation, KeyReused.
func (s *Service) Create(ctx context.Context, v contracts.Viewer, in Text, publish bool, key contracts.Key) (created contracts.Post, replayed bool, err error) {
	if err := mayWrite(v); err != nil {
		return contracts.Post{}, false, err
	}
	now := s.moment()
	p := contracts.Post{PostSummary: contracts.PostSummary{
		ID: contracts.NewID(), Author: v.Person, Status: contracts.Draft, Version: 1, CreatedAt: now, UpdatedAt: now,
	}}
	if err := s.fill(&p, in); err != nil {
		return contracts.Post{}, false, err
	}
	if publish {
		p.Status, p.PublishedAt = contracts.Published, &now
	}
	return s.store.Create(ctx, p, key)
}

// Get returns a post that the viewer may see, else NotFound: whether somebody
// else's draft exists is nobody's business.
func (s *Service) Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Post, error) {
	p, err := s.store.Get(ctx, id)
	if err != nil {
		return contracts.Post{}, err
	}
	if !p.VisibleTo(v) {
		return contracts.Post{}, notFound(id)
	}
	return p, nil
}

// Published returns a post that is there for everyone, or NotFound: what others need
// to know of it.
func (s *Service) Published(ctx context.Context, id string) (Ref, error) {
	return s.store.Published(ctx, id)
}

// List returns published posts, newest first.
func (s *Service) List(ctx context.Context, f Filter, page paging.Page) (paging.List[contracts.PostSummary], error) {
	f.Drafts = false
	return s.store.List(ctx, f, page)
}

// Mine returns the viewer's own posts with the drafts; Unauthenticated for a
// visitor.
func (s *Service) Mine(ctx context.Context, v contracts.Viewer, page paging.Page) (paging.List[contracts.PostSummary], error) {
	if !v.SignedIn() {
		return paging.List[contracts.PostSummary]{}, problem.New(problem.Unauthenticated, "sign in to see your posts")
	}
	return s.store.List(ctx, Filter{AuthorID: v.ID, Drafts: true}, page)
}

// Edit changes one's own post, if it still has the version that the change was made
// from. Problems: as Create, and NotFound, VersionMismatch.
func (s *Service) Edit(ctx context.Context, v contracts.Viewer, id string, in Text, version int, key contracts.Key) (updated contracts.Post, replayed bool, err error) {
	p, err := s.own(ctx, v, id)
	if err != nil {
		return contracts.Post{}, false, err
	}
	if version > p.Version {
		// What the store keeps of the row (is it published?) was read at an older one.
		return contracts.Post{}, false, problem.New(problem.VersionMismatch, "the post has no version %d yet: read it again, and change that", version)
	}
	if err := s.fill(&p, in); err != nil {
		return contracts.Post{}, false, err
	}
	p.Version, p.UpdatedAt = version, s.moment()
	return s.store.Update(ctx, p, key)
}

// Publish shows one's own draft to everyone. A post that is published already is
// returned as it is, so that asking twice is harmless.
func (s *Service) Publish(ctx context.Context, v contracts.Viewer, id string, key contracts.Key) (contracts.Post, error) {
	for try := 1; ; try++ {
		p, err := s.own(ctx, v, id)
		if err != nil || p.Status == contracts.Published {
			return p, err
		}
		now := s.moment()
		p.Status, p.PublishedAt, p.UpdatedAt = contracts.Published, &now, now
		p, _, err = s.store.Update(ctx, p, key)
		// The client named no version, so one that changed meanwhile is not its fault.
		if !problem.Is(err, problem.VersionMismatch) || try == publishTries {
			return p, err
		}
	}
}

// publishTries bounds how often a publication looks again at a post that is being
// edited beside it.
const publishTries = 5

// Delete removes a post for its author or a moderator, with its comments. A version
// of 0 means whatever it is now. Deleting again is no error for who may: the first
// answer may have been lost.
func (s *Service) Delete(ctx context.Context, v contracts.Viewer, id string, version int) error {
	if !v.SignedIn() {
		return problem.New(problem.Unauthenticated, "sign in to delete a post")
	}
	p, err := s.store.Get(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return s.deletedAlready(ctx, v, id)
	}
	if err != nil {
		return err
	}
	if err := mayDelete(v, p); err != nil {
		return err
	}
	return s.store.Delete(ctx, id, version)
}

func (s *Service) deletedAlready(ctx context.Context, v contracts.Viewer, id string) error {
	authorID, err := s.store.DeletedBy(ctx, id)
	if err != nil {
		return err
	}
	if !v.Is(authorID) && !v.Moderates() {
		return notFound(id)
	}
	return nil
}

// Tags returns the most used tags.
func (s *Service) Tags(ctx context.Context, limit int) ([]Tag, error) {
	return s.store.Tags(ctx, limit)
}

// own returns the post if the viewer wrote it.
func (s *Service) own(ctx context.Context, v contracts.Viewer, id string) (contracts.Post, error) {
	if !v.SignedIn() {
		return contracts.Post{}, problem.New(problem.Unauthenticated, "sign in to change a post")
	}
	p, err := s.Get(ctx, v, id)
	if err != nil {
		return contracts.Post{}, err
	}
	if !v.Is(p.Author.ID) {
		return contracts.Post{}, problem.New(problem.Forbidden, "only its author can change a post")
	}
	return p, nil
}

func mayWrite(v contracts.Viewer) error {
	switch {
	case !v.SignedIn():
		return problem.New(problem.Unauthenticated, "sign in to write a post")
	case !v.MayWrite():
		return problem.New(problem.Forbidden, "readers don't write posts: take the role author first")
	}
	return nil
}

func mayDelete(v contracts.Viewer, p contracts.Post) error {
	switch {
	case v.Is(p.Author.ID):
		return nil
	case !p.VisibleTo(v):
		return notFound(p.ID)
	case !v.Moderates():
		return problem.New(problem.Forbidden, "only its author or a moderator can delete a post")
	}
	return nil
}

func notFound(id string) error {
	return problem.New(problem.NotFound, "there is no post %s", id)
}

// moment is now, as exact as the database keeps it.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
