package untangled

import (
	"context"

	"banyan.dev/features/accounts"
	accountstore "banyan.dev/features/accounts/store"
	"banyan.dev/features/comments"
	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/feed"
	feedstore "banyan.dev/features/feed/store"
	"banyan.dev/features/moderation"
	moderationstore "banyan.dev/features/moderation/store"
	"banyan.dev/features/notifications"
	notificationstore "banyan.dev/features/notifications/store"
	"banyan.dev/features/posts"
	poststore "banyan.dev/features/posts/store"
	"banyan.dev/platform/database"
	"banyan.dev/platform/reconcile"
)

// Store is all features' stores, each over its own tables. It is safe for concurrent
// use.
type Store struct {
	accounts      *accountstore.Store
	posts         *poststore.Store
	comments      *commentstore.Store
	moderation    *moderationstore.Store
	feed          *feedstore.Store
	notifications *notificationstore.Store

	commentPorts commentstore.Ports
}

// New returns the stores over a database with monolith/migrations applied. The
// database stays the caller's to close.
//
//	                       asks, page by page             asks, in its transaction
//	posts          ──────▶ accounts                 ────▶ comments
//	comments       ──────▶ accounts                 ────▶ posts, moderation, notifications
//	moderation     ──────▶ accounts, comments, posts
//	notifications  ──────▶ accounts, posts
//	feed           ──────▶ accounts, comments, posts
func New(db *database.DB) *Store { return WithEvents(db, Events{}) }

// Events is what the stores tell others with, and are told who owns what by. The zero
// value tells nobody, and everything is owned here.
type Events struct {
	// Owner is who owns comments: the *ownership.Side of the database.
	Owner commentstore.Owner
	// Comments and Posts tell of what is written.
	Comments *commentstore.Feed
	Posts    *poststore.Feed
	// Reads is where moderation and the feed find comments: at whoever owns them. Nil:
	// in this database.
	Reads Reads
}

// Reads is what moderation and the feed need of comments, each once for a page.
type Reads interface {
	moderationstore.Comments
	feedstore.Comments
}

// WithEvents is New for stores that tell others of what they write: the database has
// also the tables of outbox and ownership. While comments are owned elsewhere, what
// would write them returns an ownership.ErrNotOwner; posts are deleted all the same.
func WithEvents(db *database.DB, events Events) *Store {
	people := accountstore.New(db)
	postRows, commentRows, queue := poststore.NewRows(db), commentstore.NewRows(db), moderationstore.NewRows(db)
	s := Store{accounts: people}
	s.notifications = notificationstore.New(db, notificationstore.Ports{People: people, Posts: postRows})
	s.commentPorts = commentstore.Ports{
		People: people, Posts: postRows, Queue: queue, Notices: s.notifications, Owner: events.Owner, Feed: events.Comments,
	}
	s.comments = commentstore.New(commentRows, s.commentPorts)
	s.posts = poststore.New(postRows, poststore.Ports{People: people, Comments: s.comments, Feed: events.Posts})
	reads := events.Reads
	if reads == nil {
		reads = commentRows
	}
	s.moderation = moderationstore.New(queue, moderationstore.Ports{People: people, Comments: reads, Posts: postRows})
	s.feed = feedstore.New(feedstore.Ports{Posts: postRows, Comments: reads, People: people})
	return &s
}

// Accounts is the store of accounts.
func (s *Store) Accounts() accounts.Store { return s.accounts }

// Posts is the store of posts.
func (s *Store) Posts() posts.Store { return s.posts }

// Comments is the store of comments.
func (s *Store) Comments() comments.Store { return s.comments }

// Moderation is the store of moderation.
func (s *Store) Moderation() moderation.Store { return s.moderation }

// Feed is the store of the feed.
func (s *Store) Feed() feed.Store { return s.feed }

// Notifications is the store of notifications.
func (s *Store) Notifications() notifications.Store { return s.notifications }

// CommentPorts are what the store of comments asks of the others: for who does in its
// place what follows from a comment.
func (s *Store) CommentPorts() commentstore.Ports { return s.commentPorts }

// Repairer sends comments once more to who follows this host.
func (s *Store) Repairer() reconcile.Repairer { return s.comments }

// Names returns the present names of those accounts that are there, by id.
func (s *Store) Names(ctx context.Context, ids []string) (map[string]string, error) {
	return s.accounts.Names(ctx, ids)
}
