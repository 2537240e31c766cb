package notifications

import (
	"context"
	"fmt"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Inbox is one page of a user's notifications, and how many of all are unread.
type Inbox struct {
	paging.List[Notification]
	Unread int `json:"unread"`
}

// Service is the use cases of notifications. It is safe for concurrent use.
type Service struct {
	store     Store
	accounts  Accounts
	mailer    Mailer
	publicURL func() string
	now       func() time.Time
}

// NewService returns the use cases over a store and the ports. The public URL is
// what links in mails begin with; it is asked for each mail, since it may change.
func NewService(store Store, accounts Accounts, mailer Mailer, publicURL func() string, now func() time.Time) *Service {
	return &Service{store, accounts, mailer, publicURL, now}
}

// CommentApproved sends the mail about a comment. It satisfies the port that
// comments declares; the notification itself was written with the comment.
func (s *Service) CommentApproved(ctx context.Context, n contracts.CommentNotice) error {
	return s.CommentMail(ctx, n, "")
}

// CommentMail is CommentApproved for who may have to say it again: the mail has the id
// in its Message-ID. NotFound when the recipient's account is gone; an ErrRefused when
// no retry helps.
func (s *Service) CommentMail(ctx context.Context, n contracts.CommentNotice, id string) error {
	to, err := s.accounts.Recipient(ctx, n.To)
	if err != nil {
		return fmt.Errorf("find recipient: %w", err)
	}
	err = s.mailer.Send(ctx, Mail{
		ID:      id,
		To:      to,
		Subject: fmt.Sprintf("%s commented on %q", n.Actor.Name, n.PostTitle),
		Text: fmt.Sprintf("Hello %s,\n\n%s wrote under your post %q:\n\n    %s\n\nRead it: %s/posts/%s#%s\n",
			to.Name, n.Actor.Name, n.PostTitle, n.Excerpt, s.publicURL(), n.PostID, n.CommentID),
	})
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}

// Inbox returns the viewer's notifications, newest first; Unauthenticated for a
// visitor.
func (s *Service) Inbox(ctx context.Context, v contracts.Viewer, page paging.Page) (Inbox, error) {
	if err := signedIn(v); err != nil {
		return Inbox{}, err
	}
	list, err := s.store.List(ctx, v.ID, page)
	if err != nil {
		return Inbox{}, fmt.Errorf("list notifications: %w", err)
	}
	unread, err := s.store.Unread(ctx, v.ID)
	if err != nil {
		return Inbox{}, fmt.Errorf("count unread notifications: %w", err)
	}
	return Inbox{List: list, Unread: unread}, nil
}

// Unread returns how many notifications the viewer has not read; 0 for a visitor.
func (s *Service) Unread(ctx context.Context, v contracts.Viewer) (int, error) {
	if !v.SignedIn() {
		return 0, nil
	}
	return s.store.Unread(ctx, v.ID)
}

// Since returns what the viewer was told after the notification with that id,
// oldest first: what a stream sends next.
func (s *Service) Since(ctx context.Context, v contracts.Viewer, id string) ([]Notification, error) {
	if err := signedIn(v); err != nil {
		return nil, err
	}
	return s.store.Since(ctx, v.ID, id, paging.MaxLimit)
}

// MarkRead notes that the viewer read one; NotFound when it is not theirs.
func (s *Service) MarkRead(ctx context.Context, v contracts.Viewer, id string) error {
	if err := signedIn(v); err != nil {
		return err
	}
	return s.store.MarkRead(ctx, v.ID, id, s.now().UTC())
}

// MarkAllRead notes that the viewer read all.
func (s *Service) MarkAllRead(ctx context.Context, v contracts.Viewer) error {
	if err := signedIn(v); err != nil {
		return err
	}
	return s.store.MarkAllRead(ctx, v.ID, s.now().UTC())
}

func signedIn(v contracts.Viewer) error {
	if !v.SignedIn() {
		return problem.New(problem.Unauthenticated, "sign in to see your notifications")
	}
	return nil
}
