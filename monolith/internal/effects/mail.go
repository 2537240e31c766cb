package effects

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/problem"
)

// Mails sends what a post's author is told; *notifications.Service does.
type Mails interface {
	// CommentMail sends the mail about a comment under an id that stays the same when it
	// is sent again. Problems: NotFound when there is no such recipient any more. A mail
	// that will never be taken is an notifications.ErrRefused.
	CommentMail(ctx context.Context, n contracts.CommentNotice, id string) error
}

// Mail sends the mails that the owner of comments left to this host: the handler of an
// inbox of its own, so that a mail server that is away holds up nothing but mail. A mail
// goes out before it is noted that it did: after a crash in between it goes out again,
// with the same Message-ID, by which mail programs know it. It is safe for concurrent
// use.
type Mail struct {
	// Source is the host's own: it has sent the mails of its own events, or left them
	// to nobody.
	Source string
	Mails  Mails
}

var (
	_ inbox.Handler  = Mail{}
	_ inbox.Preparer = Mail{}
	_ inbox.Needer   = Mail{}
	_ inbox.Ignorer  = Mail{}
)

// Ignores is inbox.Ignorer's: what leaves no mail is nothing to this inbox.
func (m Mail) Ignores(e inbox.Event) bool { return !m.Needs(e) }

// Needs is inbox.Needer's: of all that a topic keeps, the fewest leave a mail.
func (m Mail) Needs(e inbox.Event) bool {
	_, leaves, err := m.noticeOf(e)
	return leaves || err != nil
}

// noticeOf is whom to tell of what; false when no mail is left to this host.
func (m Mail) noticeOf(e inbox.Event) (n contracts.CommentNotice, leaves bool, err error) {
	if e.Type != contracts.TypeCommentChanged || e.Source == m.Source {
		return n, false, nil
	}
	_, told, err := contracts.Decode(e.Headers, e.Payload)
	if err != nil {
		return n, false, err
	}
	changed, _ := told.(contracts.CommentChanged)
	if !changed.LeftOf(contracts.EffectMail) {
		return n, false, nil
	}
	n, leaves = changed.Notice()
	return n, leaves, nil
}

// Prepare is inbox.Preparer's.
func (m Mail) Prepare(ctx context.Context, e inbox.Event) error {
	notice, leaves, err := m.noticeOf(e)
	if err != nil || !leaves {
		return err
	}
	err = m.Mails.CommentMail(ctx, notice, e.ID)
	switch {
	case err == nil, problem.Is(err, problem.NotFound): // who is gone gets no mail
		return nil
	case errors.Is(err, notifications.ErrRefused):
		return inbox.Permanent(err)
	}
	return inbox.Wait(fmt.Errorf("mail about comment %s: %w", notice.CommentID, err))
}

// Handle is inbox.Handler's: all was done before.
func (Mail) Handle(context.Context, *gorm.DB, []inbox.Event) error { return nil }
