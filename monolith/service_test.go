package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/call"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

// service is the other side of comments: the feature over a database of its own, with
// the monolith asked over the network. It is wired here because a host of one module
// can't be a test of another; the real one is tried with real processes elsewhere.
type service struct {
	server   *httptest.Server
	url      string
	db       *database.DB
	side     *ownership.Side
	comments *comments.Service
	rows     *commentstore.Rows
	monolith *call.Client
	keys     identity.Keys

	mu     sync.Mutex
	paths  []string      // what it was asked
	down   bool          // it answers nothing but 503
	silent chan struct{} // it answers when this is closed
}

// newService returns one that is not started yet: its address is known to whoever
// starts before it.
func newService(t *testing.T) *service {
	t.Helper()
	s := &service{server: httptest.NewUnstartedServer(nil)}
	s.url = "http://" + s.server.Listener.Addr().String()
	t.Cleanup(s.server.Close)
	return s
}

// start lets it answer, and ask the monolith at the URL, until t ends.
func (s *service) start(t *testing.T, kafka, monolith string) {
	t.Helper()
	var err error
	s.keys, err = identity.NewKeys(houseKey)
	require.NoError(t, err)
	address := embeddedtest.Prepared(t, "comments", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url, MaxConns: 2})
		if err != nil {
			return err
		}
		defer db.Close()
		for _, migrate := range []func(context.Context, *database.DB) error{
			commentstore.Migrate, ownership.Migrate, outbox.Migrate, inbox.Migrate, backfill.Migrate,
		} {
			if err := migrate(ctx, db); err != nil {
				return err
			}
		}
		return nil
	})
	s.db, err = database.Open(t.Context(), database.Config{URL: address, MaxConns: 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	s.monolith, err = call.New(call.Config{Name: "monolith", URLs: []string{monolith}, Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(s.monolith.Close)
	s.wire(t, address, kafka)
}

func (s *service) wire(t *testing.T, address, kafka string) {
	t.Helper()
	notifier := outbox.NewNotifier(s.db, nil)
	feed := commentstore.NewFeed(commentstore.FeedConfig{
		Source: "/banyan/comments", Topic: commentsTopic, Wake: notifier.Wake, Done: []contracts.Effect{contracts.EffectVerdict},
		Left: []contracts.Effect{contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail},
	})
	var err error
	s.side, err = ownership.New(s.db, ownership.Config{
		Resource: "comments", Name: "comments", Peer: "monolith", Markers: feed, Drained: ownership.Drained("comments"),
		Requires: []ownership.Requirement{inbox.Settled{Resource: "comments"}, backfill.Complete("comments")},
	})
	require.NoError(t, err)
	_, err = s.side.Adopt(t.Context(), ownership.Follower, "test")
	require.NoError(t, err)
	s.rows = commentstore.NewRows(s.db)
	kept := commentstore.New(s.rows, commentstore.Ports{People: s, Owner: s.side, Feed: feed})
	s.comments = comments.NewService(kept, s, s, s, time.Now, slog.New(slog.DiscardHandler))

	k, err := broker.New(broker.Config{Addrs: []string{kafka}, ClientID: "comments"})
	require.NoError(t, err)
	relay, err := outbox.NewRelay(outbox.Config{URL: address, Topics: []broker.Topic{commentsTopic}, Publisher: k.Publisher(), Poll: 50 * time.Millisecond})
	require.NoError(t, err)
	in, err := inbox.New(inbox.Config{
		Consumer: "comments", Topics: []string{commentsTopic.Name}, DB: s.db, Broker: k,
		Handler: commentstore.NewFollower(commentstore.FollowerConfig{Source: "/banyan/comments", Topic: commentsTopic}),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if k.EnsureTopics(ctx, commentsTopic) == nil {
			all.Go(func() { _ = relay.Run(ctx) })
			all.Go(func() { _ = in.Run(ctx) })
		}
	})
	all.Go(func() { notifier.Run(ctx) })
	t.Cleanup(func() { cancel(); all.Wait(); k.Close() })
	s.server.Config.Handler = s.routes()
	s.server.Start()
}

// routes are as the real one has them.
func (s *service) routes() *echo.Echo {
	e := httpkit.New(httpkit.Config{
		Logger: slog.New(slog.DiscardHandler), Unavailable: call.IsUnavailable, Elsewhere: ownership.Elsewhere,
	})
	e.Use(s.mood, s.asking)
	gate := comments.Gate{Versions: s.rows, Side: s.side, Peer: "monolith"}.Middleware()
	comments.Register(e.Group("/api/v1"), s.comments, gate)
	e.GET("/internal/comments", func(c echo.Context) error {
		found, err := s.rows.ByIDs(c.Request().Context(), c.QueryParams()["id"])
		return answered(c, map[string]any{"comments": found}, err)
	}, onlyServices(s.keys, time.Now))
	e.GET("/internal/latest", func(c echo.Context) error {
		found, err := s.rows.Latest(c.Request().Context(), c.QueryParams()["post"], 2)
		return answered(c, map[string]any{"latest": found}, err)
	}, onlyServices(s.keys, time.Now))
	e.POST("/internal/comments/:id/decision", func(c echo.Context) error {
		in, _, err := httpkit.Read[struct {
			Status contracts.CommentStatus `json:"status"`
		}](c)
		if err != nil {
			return err
		}
		ctx := c.Request().Context()
		judged, err := s.comments.Decide(ctx, contracts.ViewerFrom(ctx), c.Param("id"), in.Status)
		return answered(c, judged, err)
	}, gate)
	e.POST("/internal/posts/:id/close", func(c echo.Context) error {
		in, _, err := httpkit.Read[struct {
			Key string `json:"key"`
		}](c)
		if err != nil {
			return err
		}
		return answered(c, nil, s.comments.CloseUnder(c.Request().Context(), c.Param("id"), in.Key))
	}, onlyServices(s.keys, time.Now), gate)
	return e
}

func answered(c echo.Context, v any, err error) error {
	switch {
	case err != nil:
		return err
	case v == nil:
		return c.NoContent(http.StatusNoContent)
	}
	return httpkit.JSON(c, http.StatusOK, v)
}

// mood notes what is asked, and is down or slow when the test says so.
func (s *service) mood(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.mu.Lock()
		s.paths = append(s.paths, c.Request().Method+" "+c.Request().URL.Path)
		down, silent := s.down, s.silent
		s.mu.Unlock()
		if silent != nil {
			select {
			case <-silent:
			case <-c.Request().Context().Done():
			}
		}
		if down {
			return c.NoContent(http.StatusServiceUnavailable)
		}
		return next(c)
	}
}

func (s *service) is(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// hangs lets the service answer nothing until the returned function is called.
func (s *service) hangs() (goOn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	silent := make(chan struct{})
	s.silent = silent
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.silent = nil
		close(silent)
	}
}

// asked is what it was asked while f ran.
func (s *service) asked(f func()) []string {
	s.mu.Lock()
	before := len(s.paths)
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.paths[before:]...)
}

// times is how often it was asked.
func (s *service) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.paths)
}

func (s *service) asking(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if token := c.Request().Header.Get(identity.Header); token != "" {
			who, err := s.keys.Verify(token, time.Now())
			if err != nil {
				return err
			}
			v := contracts.Viewer{Person: contracts.Person{ID: who.ID, Name: who.Name}, Role: contracts.Role(who.Role)}
			c.SetRequest(c.Request().WithContext(contracts.WithViewer(c.Request().Context(), v)))
		}
		return next(c)
	}
}

func (s *service) ask(ctx context.Context, method, path string, in, out any) error {
	token, err := s.keys.Sign(identity.Service("comments"), time.Now(), time.Minute)
	if err != nil {
		return err
	}
	return s.monolith.JSON(ctx, method, path, http.Header{identity.Header: {token}}, in, out)
}

// Names is the store's port.
func (s *service) Names(ctx context.Context, ids []string) (map[string]string, error) {
	var people struct {
		Names map[string]string `json:"names"`
	}
	err := s.ask(ctx, http.MethodGet, "/internal/people?"+url.Values{"id": ids}.Encode(), nil, &people)
	return people.Names, err
}

// Published is the feature's port.
func (s *service) Published(ctx context.Context, id string) (comments.Post, error) {
	var post struct {
		ID       string `json:"id"`
		Title    string `json:"title"`
		AuthorID string `json:"author_id"`
	}
	err := s.ask(ctx, http.MethodGet, "/internal/posts/"+id, nil, &post)
	return comments.Post{ID: post.ID, Title: post.Title, AuthorID: post.AuthorID}, err
}

// Judge is the feature's port.
func (s *service) Judge(ctx context.Context, text string) (v contracts.Verdict, err error) {
	var verdict struct {
		Status contracts.CommentStatus `json:"status"`
		Reason string                  `json:"reason"`
	}
	err = s.ask(ctx, http.MethodPost, "/internal/verdicts", map[string]string{"text": text}, &verdict)
	return contracts.Verdict{Status: verdict.Status, Reason: verdict.Reason}, err
}

// CommentApproved is the feature's port: left to the monolith's inbox.
func (s *service) CommentApproved(context.Context, contracts.CommentNotice) error { return nil }

// count is how many rows of comments fulfil a condition.
func (s *service) count(t *testing.T, condition string, args ...any) int {
	t.Helper()
	return countRows(t, s.db, "comments", condition, args...)
}

func countRows(t *testing.T, db *database.DB, table, condition string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE "+condition, args...).Scan(&n))
	return n
}
