package tangle

import (
	"strings"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Store is all features' data. It is safe for concurrent use.
type Store struct {
	db *database.DB
}

// New returns the stores over a database with monolith/migrations applied. The
// database stays the caller's to close.
func New(db *database.DB) *Store { return &Store{db} }

// Accounts is the store of accounts.
func (s *Store) Accounts() accounts.Store { return accountStore{s.db} }

// Posts is the store of posts.
func (s *Store) Posts() posts.Store { return postStore{s.db} }

// Comments is the store of comments.
func (s *Store) Comments() comments.Store { return commentStore{s.db} }

// Moderation is the store of moderation.
func (s *Store) Moderation() moderation.Store { return moderationStore{s.db} }

// Feed is the store of the feed.
func (s *Store) Feed() feed.Store { return feedStore{s.db} }

// Notifications is the store of notifications.
func (s *Store) Notifications() notifications.Store { return notificationStore{s.db} }

// start returns the place that a page starts after. The cursor comes from outside:
// an id in it that is none would be an error of the database.
func start(page paging.Page) (place paging.Place, ok bool, err error) {
	place, ok, err = page.Start()
	if ok && !contracts.IsID(place.ID) {
		_, _, err = paging.Page{After: page.After + "!"}.Start() // the error for what is no cursor
	}
	return place, ok, err
}

// oneMore is how many rows to ask for: the one too many shows that there is a next
// page.
func oneMore(limit int) int { return limit + 1 }

func notFound(what, id string) error {
	return problem.New(problem.NotFound, "there is no %s %s", what, id)
}

func mismatch(what string) error {
	return problem.New(problem.VersionMismatch, "the %s has another version by now: read it again, and change that", what)
}

// split is what string_agg joined.
func split(joined *string) []string {
	if joined == nil {
		return []string{} // [] in JSON, never null
	}
	return strings.Split(*joined, ",")
}
