package comments

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

const maxBody = 4000 // characters

// Service is the use cases of comments. It is safe for concurrent use.
type Service struct {
	store         Store
	posts         Posts
	moderation    Moderation
	notifications Notifications
	now           func() time.Time
	logger        *slog.Logger
}

var _ UseCases = (*Service)(nil)

// NewService returns the use cases over a store and the ports.
func NewService(store Store, posts Posts, moderation Moderation, notifications Notifications, now func() time.Time, logger *slog.Logger) *Service {
	return &Service{store, posts, moderation, notifications, now, logger}
}

// Write adds a comment to a published post. The moderation rules are asked, and the
// author's mail is sent, before it returns: what the monolith always did, and what
// a later step takes out of the request. Problems: Unauthenticated, Validation,
// NotFound, KeyReused.
func (s *Service) Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	if !v.SignedIn() {
		return contracts.Comment{}, false, problem.New(problem.Unauthenticated, "sign in to write a comment")
	}
	body = strings.TrimSpace(body)
	if err := check(body); err != nil {
		return contracts.Comment{}, false, err
	}
	post, err := s.posts.Published(ctx, postID)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	verdict, err := s.moderation.Judge(ctx, body)
	if err != nil {
		return contracts.Comment{}, false, fmt.Errorf("judge comment: %w", err)
	}
	now := s.moment()
	c := contracts.Comment{
		ID: contracts.NewID(), PostID: post.ID, Author: v.Person, Body: body, HTML: render(body),
		Status: verdict.Status, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	e := effects(c, post, verdict)
	created, replayed, err = s.store.Create(ctx, c, e, key)
	if err == nil && !replayed {
		s.tell(ctx, e.Notice)
	}
	return created, replayed, err
}

// Get returns a comment that the viewer may see, else NotFound.
func (s *Service) Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error) {
	c, err := s.store.Get(ctx, id)
	if err != nil {
		return contracts.Comment{}, err
	}
	if !c.VisibleTo(v) {
		return contracts.Comment{}, notFound(id)
	}
	return c, nil
}

// List returns the comments of a published post that the viewer may see, oldest
// first; NotFound without the post.
func (s *Service) List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error) {
	if _, err := s.posts.Published(ctx, postID); err != nil {
		return paging.List[contracts.Comment]{}, err
	}
	return s.store.List(ctx, postID, v, page)
}

// Edit changes one's own comment, if it still has the version that the change was
// made from. The rules are asked again: an edit must not slip past them. A comment
// that a moderator rejected stays rejected. Problems: Unauthenticated, Forbidden,
// Validation, NotFound, VersionMismatch, KeyReused.
func (s *Service) Edit(ctx context.Context, v contracts.Viewer, id, body string, version int, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	c, err := s.own(ctx, v, id)
	if err != nil {
		return contracts.Comment{}, false, err
	}
	if version > c.Version {
		// Of a version that is not there yet nobody can say whether it is rejected. An
		// older one is for the store to tell: it may be an edit that is asked for again.
		return contracts.Comment{}, false, problem.New(problem.VersionMismatch, "the comment has no version %d yet: read it again, and change that", version)
	}
	body = strings.TrimSpace(body)
	if err := check(body); err != nil {
		return contracts.Comment{}, false, err
	}
	verdict, err := s.moderation.Judge(ctx, body)
	if err != nil {
		return contracts.Comment{}, false, fmt.Errorf("judge comment: %w", err)
	}
	if c.Status == contracts.Rejected {
		verdict.Status = contracts.Rejected
	}
	shown := c.Status == contracts.Approved
	c.Body, c.HTML, c.Status, c.Version, c.UpdatedAt = body, render(body), verdict.Status, version, s.moment()
	e := Effects{Reason: verdict.Reason}
	if !shown && c.Status == contracts.Approved {
		// Held back until now: this is when the post's author hears of it.
		post, err := s.posts.Published(ctx, c.PostID)
		if err != nil {
			return contracts.Comment{}, false, fmt.Errorf("find the comment's post: %w", err)
		}
		e = effects(c, post, verdict)
	}
	updated, replayed, err = s.store.Update(ctx, c, e, key)
	if err == nil && !replayed {
		s.tell(ctx, e.Notice)
	}
	return updated, replayed, err
}

// Delete removes a comment for its author or a moderator. A version of 0 means
// whatever it is now. Deleting again is no error for who may: the first answer may
// have been lost.
func (s *Service) Delete(ctx context.Context, v contracts.Viewer, id string, version int) error {
	if !v.SignedIn() {
		return problem.New(problem.Unauthenticated, "sign in to delete a comment")
	}
	c, err := s.store.Get(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return s.deletedAlready(ctx, v, id)
	}
	if err != nil {
		return err
	}
	switch {
	case v.Is(c.Author.ID), v.Moderates():
		return s.store.Delete(ctx, id, version)
	case !c.VisibleTo(v):
		return notFound(id)
	}
	return problem.New(problem.Forbidden, "only its author or a moderator can delete a comment")
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

// Decide sets what a moderator says of a comment. The post's author gets a mail each
// time a comment becomes visible, and one notification in all. Problems: Forbidden, NotFound, and VersionMismatch
// when its author changed it while the moderator looked.
func (s *Service) Decide(ctx context.Context, v contracts.Viewer, id string, status contracts.CommentStatus) (contracts.Comment, error) {
	if !v.Moderates() {
		return contracts.Comment{}, problem.New(problem.Forbidden, "only a moderator judges comments")
	}
	c, err := s.store.Get(ctx, id)
	if err != nil || c.Status == status {
		return c, err
	}
	post, err := s.posts.Published(ctx, c.PostID)
	if err != nil {
		return contracts.Comment{}, fmt.Errorf("find the comment's post: %w", err)
	}
	c.Status, c.UpdatedAt = status, s.moment()
	e := effects(c, post, contracts.Verdict{Status: status})
	c, _, err = s.store.Update(ctx, c, e, contracts.Key{})
	if err == nil {
		s.tell(ctx, e.Notice)
	}
	return c, err
}

// CloseUnder deletes the comments under a post that is deleted, and lets none be made
// there any more. It is no person's to ask: the handler of post.deleted does, with
// the event's id as the key. Asked again, nothing more is done.
func (s *Service) CloseUnder(ctx context.Context, postID, key string) error {
	return s.store.CloseUnder(ctx, postID, key)
}

// effects is what a comment with that verdict does to other features.
func effects(c contracts.Comment, p Post, v contracts.Verdict) Effects {
	e := Effects{Reason: v.Reason}
	if v.Status == contracts.Approved && c.Author.ID != p.AuthorID {
		e.Notice = &contracts.CommentNotice{
			PostID: p.ID, PostTitle: p.Title, CommentID: c.ID, Excerpt: excerpt(c.Body), Actor: c.Author, To: p.AuthorID,
		}
	}
	return e
}

// tell passes the notice on. The comment is stored: a mail that can't be sent is
// logged, and no reason to tell the writer that it failed.
func (s *Service) tell(ctx context.Context, n *contracts.CommentNotice) {
	if n == nil {
		return
	}
	if err := s.notifications.CommentApproved(ctx, *n); err != nil {
		s.logger.WarnContext(ctx, "the post's author was not told of a comment", "comment", n.CommentID, "error", err)
	}
}

func (s *Service) own(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error) {
	if !v.SignedIn() {
		return contracts.Comment{}, problem.New(problem.Unauthenticated, "sign in to change a comment")
	}
	c, err := s.Get(ctx, v, id)
	if err != nil {
		return contracts.Comment{}, err
	}
	if !v.Is(c.Author.ID) {
		return contracts.Comment{}, problem.New(problem.Forbidden, "only its author can change a comment")
	}
	return c, nil
}

func check(body string) error {
	var f problem.Fields
	switch n := utf8.RuneCountInString(body); {
	case n == 0:
		f.Add("body", "is empty: write something")
	case n > maxBody:
		f.Add("body", "has %d characters: take at most %d", n, maxBody)
	case !utf8.ValidString(body) || strings.ContainsRune(body, 0):
		f.Add("body", "is not clean UTF-8 text: save it as UTF-8 without NUL bytes")
	}
	return f.Err()
}

// render shows a comment as plain text in paragraphs: no Markdown, no links.
func render(body string) string {
	var b strings.Builder
	for para := range strings.SplitSeq(strings.ReplaceAll(body, "\r\n", "\n"), "\n\n") {
		if para = strings.TrimSpace(para); para != "" {
			b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(para), "\n", "<br>") + "</p>")
		}
	}
	return b.String()
}

func excerpt(body string) string {
	const limit = 120
	runes := []rune(strings.Join(strings.Fields(body), " "))
	if len(runes) <= limit {
		return string(runes)
	}
	return string(runes[:limit]) + "…"
}

func notFound(id string) error {
	return problem.New(problem.NotFound, "there is no comment %s", id)
}

func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
