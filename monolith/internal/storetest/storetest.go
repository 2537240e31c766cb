package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Stores are one implementation of all the features' stores, over the same data.
type Stores struct {
	Accounts      accounts.Store
	Posts         posts.Store
	Comments      comments.Store
	Moderation    moderation.Store
	Feed          feed.Store
	Notifications notifications.Store
}

// All is how an implementation hands its stores out.
type All interface {
	Accounts() accounts.Store
	Posts() posts.Store
	Comments() comments.Store
	Moderation() moderation.Store
	Feed() feed.Store
	Notifications() notifications.Store
}

// Of takes the stores of an implementation.
func Of(all All) Stores {
	return Stores{
		Accounts: all.Accounts(), Posts: all.Posts(), Comments: all.Comments(),
		Moderation: all.Moderation(), Feed: all.Feed(), Notifications: all.Notifications(),
	}
}

// promise is one thing that stores promise.
type promise struct {
	name string
	hold func(s *stage)
}

// Run tests an implementation. open returns stores over no data at all, for the
// test that it is given; promises are tested in parallel.
func Run(t *testing.T, open func(t *testing.T) Stores) {
	all := map[string][]promise{
		"accounts":      accountPromises(),
		"posts":         slices.Concat(postPromises(), postKeyPromises(), postDeletePromises(), coverPromises()),
		"comments":      slices.Concat(commentPromises(), commentKeyPromises(), commentDeletePromises()),
		"effects":       effectPromises(),
		"moderation":    moderationPromises(),
		"notifications": notificationPromises(),
		"feed":          feedPromises(),
		"search":        searchPromises(),
		"together":      togetherPromises(),
		"lists":         listPromises(),
	}
	for feature, promises := range all {
		t.Run(feature, func(t *testing.T) {
			for _, p := range promises {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					p.hold(&stage{T: t, Stores: open(t), at: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)})
				})
			}
		})
	}
}

// stage is one test's stores with a clock and quick ways to fill them.
type stage struct {
	*testing.T
	Stores

	mu    sync.Mutex
	at    time.Time
	count int
}

// now is a moment after all the moments before.
func (s *stage) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(time.Second + 123*time.Microsecond)
	return s.at
}

func (s *stage) ctx() context.Context { return s.Context() }

// word is one that nothing else on the stage has.
func (s *stage) word() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return fmt.Sprintf("w%04dx", s.count)
}

func newAccount(s *stage, name string, role contracts.Role) accounts.Account {
	return accounts.Account{
		ID: contracts.NewID(), Name: name, Email: s.word() + "@example.org", PasswordHash: "$argon2id$none",
		Role: role, Version: 1, CreatedAt: s.now(),
	}
}

// person signs somebody up.
func (s *stage) person(name string, role contracts.Role) contracts.Viewer {
	s.Helper()
	a, _, err := s.Accounts.Create(s.ctx(), newAccount(s, name, role), contracts.Key{})
	require.NoError(s, err)
	return a.Viewer()
}

// newPost is a published post that no store has yet.
func newPost(s *stage, by contracts.Viewer, title string) contracts.Post {
	at := s.now()
	return contracts.Post{
		PostSummary: contracts.PostSummary{
			ID: contracts.NewID(), Slug: "slug", Title: title, Excerpt: "excerpt of " + title, Tags: []string{},
			Status: contracts.Published, Author: by.Person, Version: 1, CreatedAt: at, UpdatedAt: at, PublishedAt: &at,
		},
		Body: "body of " + title, HTML: "<p>body of " + title + "</p>",
	}
}

func draft(p contracts.Post) contracts.Post {
	p.Status, p.PublishedAt = contracts.Draft, nil
	return p
}

func (s *stage) keep(p contracts.Post) contracts.Post {
	s.Helper()
	kept, _, err := s.Posts.Create(s.ctx(), p, contracts.Key{})
	require.NoError(s, err)
	return kept
}

// publish keeps a published post.
func (s *stage) publish(by contracts.Viewer, title string, tags ...string) contracts.Post {
	s.Helper()
	p := newPost(s, by, title)
	p.Tags = append(p.Tags, tags...)
	return s.keep(p)
}

func newComment(s *stage, by contracts.Viewer, under contracts.Post, status contracts.CommentStatus) contracts.Comment {
	at, body := s.now(), s.word()
	return contracts.Comment{
		ID: contracts.NewID(), PostID: under.ID, Author: by.Person, Body: body, HTML: "<p>" + body + "</p>",
		Status: status, Version: 1, CreatedAt: at, UpdatedAt: at,
	}
}

// say keeps a comment, with the effects that the feature would name.
func (s *stage) say(by contracts.Viewer, under contracts.Post, status contracts.CommentStatus) contracts.Comment {
	s.Helper()
	c := newComment(s, by, under, status)
	c, _, err := s.Comments.Create(s.ctx(), c, effectsOf(c, under), contracts.Key{})
	require.NoError(s, err)
	return c
}

// judge sets a comment's status, as a decision does.
func (s *stage) judge(c contracts.Comment, under contracts.Post, status contracts.CommentStatus) contracts.Comment {
	s.Helper()
	c.Status, c.UpdatedAt = status, s.now()
	c, _, err := s.Comments.Update(s.ctx(), c, effectsOf(c, under), contracts.Key{})
	require.NoError(s, err)
	return c
}

func effectsOf(c contracts.Comment, under contracts.Post) comments.Effects {
	if c.Status != contracts.Approved {
		return comments.Effects{Reason: "because " + c.Body}
	}
	if c.Author.ID == under.Author.ID {
		return comments.Effects{}
	}
	return comments.Effects{Notice: &contracts.CommentNotice{
		PostID: under.ID, PostTitle: under.Title, CommentID: c.ID, Actor: c.Author, To: under.Author.ID,
	}}
}

// counted is how many comments the post says it has.
func (s *stage) counted(p contracts.Post) int {
	s.Helper()
	p, err := s.Posts.Get(s.ctx(), p.ID)
	require.NoError(s, err)
	return p.Comments
}

// key is an idempotency key for a request.
func key(value, request string) contracts.Key {
	return contracts.Key{Value: value, Hash: sha256.Sum256([]byte(request))}
}

// refused checks that err is a problem of that kind.
func (s *stage) refused(kind problem.Kind, err error) {
	s.Helper()
	require.Error(s, err)
	require.Equal(s, kind, problem.KindOf(err), "%v", err)
}

// pages reads a list to its end, limit items at a time; between is called after
// each page but the last.
func pages[T any](s *stage, limit int, between func(), list func(paging.Page) (paging.List[T], error)) []T {
	s.Helper()
	var all []T
	page := paging.Page{Limit: limit}
	for range 1000 {
		got, err := list(page)
		require.NoError(s, err)
		require.NotNil(s, got.Items)
		require.LessOrEqual(s, len(got.Items), limit)
		all = append(all, got.Items...)
		if got.Next == "" {
			return all
		}
		require.Len(s, got.Items, limit, "a page with a next one is full")
		page.After = got.Next
		between()
	}
	require.Fail(s, "the list does not end")
	return nil
}

func nothing() {}

// race calls f n times at once and returns the errors.
func race(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// won is how many of the racers had no error; each other one has a problem of that
// kind.
func (s *stage) won(errs []error, otherwise problem.Kind) int {
	s.Helper()
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
			continue
		}
		s.refused(otherwise, err)
	}
	return n
}

func ids[T any](items []T, id func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = id(item)
	}
	return out
}

func idOfPost(p contracts.PostSummary) string { return p.ID }
func idOfComment(c contracts.Comment) string  { return c.ID }

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}
