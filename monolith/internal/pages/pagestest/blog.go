package pagestest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/pages"
	"banyan.dev/monolith/internal/ports"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/session"
)

// Blog is a running blog with nothing in it.
type Blog struct {
	URL        string
	Accounts   *accounts.Service
	Posts      *posts.Service
	Comments   *comments.Service
	Moderation *moderation.Service
	// Broken, when set, is what every store answers from then on.
	Broken func(error)

	memory   *memory
	sessions *sessions
	logger   *slog.Logger
}

// Start runs a blog until t ends.
func Start(t testing.TB) *Blog {
	t.Helper()
	m, seats := newMemory(), newSessions()
	b := &Blog{memory: m, sessions: seats, logger: slog.New(slog.DiscardHandler), Broken: m.breakDown}
	now := time.Now
	b.Accounts = accounts.NewService(accountStore{m}, accounts.NewPasswords(2), now)
	b.Posts = posts.NewService(postStore{m}, now)
	notices := notifications.NewService(noticeStore{m}, ports.NotificationsAccounts{Accounts: b.Accounts}, unsent{}, func() string { return "http://blog.test" }, now)
	b.Comments = comments.NewService(commentStore{m}, ports.CommentsPosts{Posts: b.Posts}, moderation.NewRulebook(ruleStore{m}), notices, now, b.logger)
	b.Moderation = moderation.NewService(ruleStore{m}, b.Comments, now)
	desk := accounts.NewDesk(b.Accounts, seats, accounts.NewThrottle(now))
	p, err := pages.New(pages.Deps{
		Desk: desk, Accounts: b.Accounts, Posts: b.Posts, Comments: elsewhere{b.Comments, m}, Moderation: b.Moderation,
		Feed: feed.NewService(feedStore{m}), Notifications: notices, Flashes: seats, Logger: b.logger, Version: "test",
	})
	if err != nil {
		t.Fatalf("make pages: %v", err)
	}
	seats.load = b.Accounts.Record
	draining := make(chan struct{})
	s := httptest.NewServer(b.serve(t, p, notices, draining))
	b.URL = s.URL
	t.Cleanup(func() { close(draining); s.Close() })
	return b
}

// serve is the host's order: where from, which session, who.
func (b *Blog) serve(t testing.TB, p *pages.Pages, notices *notifications.Service, draining <-chan struct{}) *echo.Echo {
	e := httpkit.New(httpkit.Config{Logger: b.logger, ErrorPage: p.ErrorPage})
	protect, err := session.Protect(nil)
	if err != nil {
		t.Fatalf("protect from other sites: %v", err)
	}
	e.Use(httpkit.Wrap(protect), httpkit.Wrap(b.sessions.middleware), accounts.Viewing(b.sessions))
	api := e.Group("/api/v1")
	posts.Register(api, b.Posts)
	notifications.Register(api, notices, notifications.NewStreams(notices, draining, 20*time.Millisecond, time.Second))
	e.GET("/api/docs", func(c echo.Context) error { return c.String(200, "the API") })
	p.Register(e)
	return e
}

// Password is everybody's.
const Password = "correct horse battery staple"

// Join makes an account with the role; the mail address is made from the name.
func (b *Blog) Join(t testing.TB, name string, role contracts.Role) accounts.Account {
	t.Helper()
	email := strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r < 'A' || r > 'z' }), ".")) + "@blog.test"
	a, _, err := b.Accounts.SignUp(context.Background(), accounts.SignUp{Name: name, Email: email, Password: Password}, contracts.Key{})
	if err == nil && role != contracts.Reader {
		a, err = b.Accounts.Grant(context.Background(), email, role)
	}
	if err != nil {
		t.Fatalf("join %q: %v", name, err)
	}
	return a
}

// Write publishes a post of somebody.
func (b *Blog) Write(t testing.TB, by accounts.Account, in posts.Text) contracts.Post {
	t.Helper()
	post, _, err := b.Posts.Create(context.Background(), by.Viewer(), in, true, contracts.Key{})
	if err != nil {
		t.Fatalf("write %q: %v", in.Title, err)
	}
	return post
}

// Say writes a comment of somebody.
func (b *Blog) Say(t testing.TB, by accounts.Account, postID, body string) contracts.Comment {
	t.Helper()
	comment, _, err := b.Comments.Write(context.Background(), by.Viewer(), postID, body, contracts.Key{})
	if err != nil {
		t.Fatalf("comment: %v", err)
	}
	return comment
}

// Forget ends all sessions behind their owners' backs, as a restart of a process
// with sessions in memory does.
func (b *Blog) Forget() { b.sessions.forget() }

type unsent struct{}

func (unsent) Send(context.Context, notifications.Mail) error { return nil }
