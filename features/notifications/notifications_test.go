package notifications_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// desk knows addresses and takes mails.
type desk struct {
	sent []notifications.Mail
	fail error
}

func (d *desk) Recipient(_ context.Context, id string) (notifications.Recipient, error) {
	if id != "ann" {
		return notifications.Recipient{}, problem.New(problem.NotFound, "nobody")
	}
	return notifications.Recipient{Name: "Ann", Email: "ann@example.org"}, nil
}

func (d *desk) Send(_ context.Context, m notifications.Mail) error {
	d.sent = append(d.sent, m)
	return d.fail
}

// shown is a store with one unread notification for everybody.
type shown struct{ notifications.Store }

func (shown) List(context.Context, string, paging.Page) (paging.List[notifications.Notification], error) {
	return paging.List[notifications.Notification]{Items: []notifications.Notification{{ID: "n"}}}, nil
}
func (shown) Unread(context.Context, string) (int, error)               { return 1, nil }
func (shown) MarkRead(context.Context, string, string, time.Time) error { return nil }
func (shown) MarkAllRead(context.Context, string, time.Time) error      { return nil }

func TestTheMailSaysWhoSaidWhatAndWhere(t *testing.T) {
	d, address := &desk{}, "https://blog.example.org"
	s := notifications.NewService(shown{}, d, d, func() string { return address }, time.Now)
	notice := contracts.CommentNotice{PostID: "p-1", PostTitle: "Talk", CommentID: "c-1", Excerpt: "Hello", Actor: contracts.Person{Name: "Rita"}, To: "ann"}
	require.NoError(t, s.CommentApproved(t.Context(), notice))
	require.Len(t, d.sent, 1)
	require.Equal(t, "ann@example.org", d.sent[0].To.Email)
	for _, want := range []string{"Rita", "Talk", "Hello", "https://blog.example.org/posts/p-1"} {
		require.Contains(t, d.sent[0].Subject+d.sent[0].Text, want)
	}
	address = "https://moved.example.org"
	require.NoError(t, s.CommentApproved(t.Context(), notice))
	require.Contains(t, d.sent[1].Text, "https://moved.example.org/posts/p-1")
	d.fail = errors.New("refused")
	require.ErrorContains(t, s.CommentApproved(t.Context(), notice), "refused")
	notice.To = "nobody"
	require.True(t, problem.Is(s.CommentApproved(t.Context(), notice), problem.NotFound))
}

func TestNotificationsAreForWhoIsSignedIn(t *testing.T) {
	s := notifications.NewService(shown{}, nil, nil, nil, time.Now)
	nobody, ann := contracts.Viewer{}, contracts.Viewer{Person: contracts.Person{ID: "ann"}}
	for v, want := range map[contracts.Viewer]bool{nobody: false, ann: true} {
		_, err := s.Inbox(t.Context(), v, paging.Page{})
		require.Equal(t, want, err == nil)
		for _, err := range []error{s.MarkRead(t.Context(), v, "n"), s.MarkAllRead(t.Context(), v)} {
			require.Equal(t, want, err == nil)
			require.Equal(t, !want, problem.Is(err, problem.Unauthenticated))
		}
	}
	inbox, err := s.Inbox(t.Context(), ann, paging.Page{})
	require.NoError(t, err)
	require.Equal(t, 1, inbox.Unread)
	unread, err := s.Unread(t.Context(), nobody)
	require.NoError(t, err)
	require.Zero(t, unread, "pages show nobody a number")
}
