package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// monolith is the other host, as far as the service meets it: the questions that it
// answers, and the other side of the ownership, with the real store, outbox, relay and
// inbox over a database of its own.
type monolith struct {
	url  string
	side *ownership.Side
	kept *store.Store
	rows *store.Rows
	fill *backfill.Runner
	db   *database.DB
	dsn  string

	server *httptest.Server

	mu    sync.Mutex
	posts map[string]contracts.PostSummary
	names map[string]string
	asked map[string]int    // how often, by path
	left  []contracts.Event // effects that it was left to do
}

func newMonolith(t *testing.T, kafka string) *monolith {
	t.Helper()
	dsn := emptyDatabase(t)
	db, err := database.Open(t.Context(), database.Config{URL: dsn, MaxConns: 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	m := &monolith{db: db, dsn: dsn, posts: map[string]contracts.PostSummary{}, names: map[string]string{}, asked: map[string]int{}}
	m.server = httptest.NewServer(m.answers(t))
	m.url = m.server.URL
	t.Cleanup(m.server.Close)

	notifier := outbox.NewNotifier(db, nil)
	feed := store.NewFeed(store.FeedConfig{Source: "/banyan/monolith", Topic: topic, Wake: notifier.Wake, Done: []contracts.Effect{
		contracts.EffectVerdict, contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail,
	}})
	m.side, err = ownership.New(db, ownership.Config{
		Resource: store.Resource, Name: peer, Peer: name, Markers: feed,
		Drained: ownership.Drained(store.Resource), Requires: []ownership.Requirement{inbox.Settled{Resource: store.Resource}},
	})
	require.NoError(t, err)
	_, err = m.side.Adopt(t.Context(), ownership.Owner, "test")
	require.NoError(t, err)
	m.rows = store.NewRows(db)
	m.kept = store.New(m.rows, store.Ports{People: m, Owner: m.side, Feed: feed})
	m.run(t, kafka, feed, notifier)
	return m
}

// run keeps the monolith's events moving until the test ends.
func (m *monolith) run(t *testing.T, kafka string, feed *store.Feed, notifier *outbox.Notifier) {
	t.Helper()
	b, err := broker.New(broker.Config{Addrs: []string{kafka}})
	require.NoError(t, err)
	require.NoError(t, b.EnsureTopics(t.Context(), topic))
	relay, err := outbox.NewRelay(outbox.Config{URL: m.dsn, Topics: []broker.Topic{topic}, Publisher: b.Publisher()})
	require.NoError(t, err)
	in, err := inbox.New(inbox.Config{
		Consumer: peer, Resource: store.Resource, Topics: []string{topic.Name}, DB: m.db, Broker: b,
		Handler: store.NewFollower(store.FollowerConfig{Source: "/banyan/monolith", Topic: topic, Effects: m.do}),
	})
	require.NoError(t, err)
	m.fill, err = backfill.New(m.db, backfill.Config{Resource: store.Resource, Source: store.NewChunks(m.side, feed), Topic: topic, Wake: notifier.Wake, Every: often})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { notifier.Run(ctx) })
	all.Go(func() { m.fill.Run(ctx) })
	all.Go(func() { _ = relay.Run(ctx) })
	all.Go(func() { _ = in.Run(ctx) })
	t.Cleanup(func() { cancel(); all.Wait(); b.Close() })
}

// answers are the questions of services: what the monolith's own handlers answer.
func (m *monolith) answers(t *testing.T) *echo.Echo {
	t.Helper()
	keys, err := identity.NewKeys(houseKey)
	require.NoError(t, err)
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	g := e.Group("/internal", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			m.mu.Lock()
			m.asked[c.Path()]++
			m.mu.Unlock()
			who, err := keys.Verify(c.Request().Header.Get(identity.Header), time.Now())
			if err != nil || !who.IsService() {
				return problem.New(problem.Forbidden, "this is for services of the house")
			}
			return next(c)
		}
	})
	g.GET("/posts/:id", m.answerPost)
	g.GET("/people", func(c echo.Context) error {
		names, err := m.Names(c.Request().Context(), c.QueryParams()["id"])
		if err != nil {
			return err
		}
		return httpkit.JSON(c, 200, map[string]any{"names": names})
	})
	g.POST("/verdicts", func(c echo.Context) error {
		in, _, err := httpkit.Read[struct {
			Text string `json:"text"`
		}](c)
		if err != nil {
			return err
		}
		if strings.Contains(in.Text, "casino") {
			return httpkit.JSON(c, 200, map[string]string{"status": "pending", "reason": `the word "casino"`})
		}
		return httpkit.JSON(c, 200, map[string]string{"status": "approved", "reason": ""})
	})
	return e
}

func (m *monolith) answerPost(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	post, ok := m.posts[id]
	if !ok {
		return problem.New(problem.NotFound, "there is no post %s", id)
	}
	return httpkit.JSON(c, 200, map[string]string{"id": id, "title": post.Title, "author_id": post.Author.ID})
}

// Names is store.People's.
func (m *monolith) Names(_ context.Context, ids []string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]string{}
	for _, id := range ids {
		if name, ok := m.names[id]; ok {
			names[id] = name
		}
	}
	return names, nil
}

func (m *monolith) timesAsked(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked["/internal/"+path]
}

func (m *monolith) effects() []contracts.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left
}

// person is an account of the monolith.
func (m *monolith) person(name string, role contracts.Role) contracts.Viewer {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := contracts.NewID()
	m.names[id] = name
	return contracts.Viewer{Person: contracts.Person{ID: id, Name: name}, Role: role}
}

// post is a published one.
func (m *monolith) post(author contracts.Viewer) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := contracts.NewID()
	m.posts[id] = contracts.PostSummary{ID: id, Title: "A tree", Author: author.Person}
	return id
}

// do notes what the service left to the monolith.
func (m *monolith) do(_ context.Context, _ *gorm.DB, e contracts.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = append(m.left, e)
	return nil
}
