package ports

import (
	"context"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
)

// CommentsPosts lets comments find the post that is commented on.
type CommentsPosts struct {
	Posts *posts.Service
}

// Published is the post without its text.
func (p CommentsPosts) Published(ctx context.Context, id string) (comments.Post, error) {
	post, err := p.Posts.Published(ctx, id)
	if err != nil {
		return comments.Post{}, err
	}
	return comments.Post{ID: post.ID, Title: post.Title, AuthorID: post.AuthorID}, nil
}

// NotificationsAccounts lets notifications find out where a mail goes.
type NotificationsAccounts struct {
	Accounts *accounts.Service
}

// Recipient is the account's name and address.
func (p NotificationsAccounts) Recipient(ctx context.Context, userID string) (notifications.Recipient, error) {
	a, err := p.Accounts.Get(ctx, userID)
	if err != nil {
		return notifications.Recipient{}, err
	}
	return notifications.Recipient{Name: a.Name, Email: a.Email}, nil
}

// Satisfied as they are, without an adapter: comments.Moderation by
// moderation.Rulebook, comments.Notifications by notifications.Service,
// moderation.Comments by comments.Service, accounts.Sessions by session.Manager.
var (
	_ comments.Posts         = CommentsPosts{}
	_ notifications.Accounts = NotificationsAccounts{}
)
