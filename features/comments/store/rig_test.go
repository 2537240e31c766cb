package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 90 * time.Second // of a busy machine

// topic has a name of this run's own: the broker may be one that others use.
var topic = broker.Topic{Name: kafkatest.Unique(contracts.CommentsTopic), Partitions: 8, Replicas: 1}

// side is one of two databases with comments, and what a host has over it.
type side struct {
	t      testing.TB
	name   string
	group  string
	url    string
	db     *database.DB
	owner  *ownership.Side
	feed   *Feed
	store  *Store
	chunks *Chunks
}

// prepareSide makes the tables of a host of comments.
func prepareSide(ctx context.Context, url string) error {
	db, err := database.Open(ctx, database.Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	for _, migrate := range []func(context.Context, *database.DB) error{Migrate, outbox.Migrate, inbox.Migrate, ownership.Migrate, backfill.Migrate} {
		if err := migrate(ctx, db); err != nil {
			return err
		}
	}
	return db.Gorm(ctx).Exec("CREATE TABLE effects (n bigserial, comment_id uuid NOT NULL, version int NOT NULL, was text NOT NULL)").Error
}

var (
	all  = []contracts.Effect{contracts.EffectVerdict, contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail}
	left = all[1:]
)

// newSide is a host: the monolith does all effects itself, and the service leaves them
// to it.
func newSide(t testing.TB, name string, as ownership.State) *side {
	t.Helper()
	s := &side{t: t, name: name, group: kafkatest.Unique(name), url: embeddedtest.Prepared(t, "side", prepareSide)}
	var err error
	s.db, err = database.Open(t.Context(), database.Config{URL: s.url, MaxConns: 24})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.db.Close()) })
	cfg := FeedConfig{Source: "/banyan/" + name, Topic: topic, Done: all[:1], Left: left}
	peer := "monolith"
	if name == "monolith" {
		cfg.Done, cfg.Left, peer = all, nil, "comments"
	}
	s.feed = NewFeed(cfg)
	s.owner, err = ownership.New(s.db, ownership.Config{
		Resource: Resource, Name: name, Peer: peer, Markers: s.feed, Drained: ownership.Drained(Resource),
		Requires: []ownership.Requirement{inbox.Settled{Resource: Resource}, backfill.Complete(Resource)},
	})
	require.NoError(t, err)
	_, err = s.owner.Adopt(t.Context(), as, "test")
	require.NoError(t, err)
	s.store = New(NewRows(s.db), Ports{People: nobody{}, Owner: s.owner, Feed: s.feed})
	s.chunks = NewChunks(s.owner, s.feed)
	return s
}

// nobody knows no name.
type nobody struct{}

func (nobody) Names(context.Context, []string) (map[string]string, error) { return nil, nil }

func (s *side) exec(statement string, args ...any) {
	s.t.Helper()
	require.NoError(s.t, s.db.Gorm(context.Background()).Exec(statement, args...).Error)
}

func (s *side) number(query string, args ...any) (n int) {
	s.t.Helper()
	require.NoError(s.t, s.db.Gorm(context.Background()).Raw(query, args...).Scan(&n).Error)
	return n
}

// tables is all that two sides must have in common, as text.
func (s *side) tables() string {
	s.t.Helper()
	var text strings.Builder
	for _, table := range []string{"comments", "comment_keys", "comment_tombstones", "comment_closed_posts"} {
		var rows []string
		require.NoError(s.t, s.db.Gorm(context.Background()).Raw("SELECT t::text FROM "+table+" t ORDER BY 1").Scan(&rows).Error)
		fmt.Fprintf(&text, "%s\n%s\n", table, strings.Join(rows, "\n"))
	}
	return text.String()
}

// told are the events in the outbox, oldest first.
func (s *side) told() []contracts.Event {
	s.t.Helper()
	var rows []struct{ Type, Payload string }
	require.NoError(s.t, s.db.Gorm(context.Background()).Raw("SELECT type, payload::text AS payload FROM outbox ORDER BY id").Scan(&rows).Error)
	events := make([]contracts.Event, len(rows))
	for i, row := range rows {
		var err error
		events[i], err = contracts.Parse(row.Type, []byte(row.Payload))
		require.NoError(s.t, err)
	}
	return events
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func newComment(postID string, status contracts.CommentStatus) contracts.Comment {
	at := now()
	return contracts.Comment{
		ID: contracts.NewID(), PostID: postID, Author: contracts.Person{ID: contracts.NewID(), Name: "Rita"},
		Body: "Well said.", HTML: "<p>Well said.</p>", Status: status, Version: 1, CreatedAt: at, UpdatedAt: at,
	}
}

func key(value string) contracts.Key {
	return contracts.Key{Value: value, Hash: sha256.Sum256([]byte(value))}
}

func (s *side) write(c contracts.Comment, k contracts.Key) contracts.Comment {
	s.t.Helper()
	created, _, err := s.store.Create(context.Background(), c, comments.Effects{}, k)
	require.NoError(s.t, err)
	return created
}

func (s *side) edit(c contracts.Comment, body string, k contracts.Key) contracts.Comment {
	s.t.Helper()
	c.Body, c.UpdatedAt = body, now()
	updated, _, err := s.store.Update(context.Background(), c, comments.Effects{}, k)
	require.NoError(s.t, err)
	return updated
}

// kafka is a broker with the topic.
func kafka(t testing.TB) *broker.Broker {
	t.Helper()
	b, err := broker.New(broker.Config{Addrs: []string{kafkatest.Start(t)}})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	require.NoError(t, b.EnsureTopics(t.Context(), topic))
	return b
}

// background runs something until the function it returns is called, or the test ends.
func background(t testing.TB, f func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

// relays publishes what the side tells, woken as soon as it is committed.
func (s *side) relays(b *broker.Broker) (stop func()) {
	relay, err := outbox.NewRelay(outbox.Config{URL: s.url, Topics: []broker.Topic{topic}, Publisher: b.Publisher(), Poll: 20 * time.Millisecond})
	require.NoError(s.t, err)
	s.feed.cfg.Wake = relay.Wake
	return background(s.t, relay.Run)
}

// follower is the side's, which notes the effects that it is left.
func (s *side) follower() *Follower {
	return NewFollower(FollowerConfig{Source: "/banyan/" + s.name, Topic: topic, Effects: func(_ context.Context, tx *gorm.DB, e contracts.Event) error {
		was := contracts.CommentStatus("")
		switch e := e.(type) {
		case contracts.CommentChanged:
			was = e.Effects.Was
		case contracts.CommentDeleted:
			was = e.Effects.Was
		}
		return tx.Exec("INSERT INTO effects (comment_id, version, was) VALUES (?, ?, ?)", e.Aggregate(), e.AggregateVersion(), was).Error
	}})
}

// follows applies the other side's events.
func (s *side) follows(b *broker.Broker, f *Follower) (stop func()) {
	in, err := inbox.New(inbox.Config{
		Consumer: s.group, Resource: Resource, Topics: []string{topic.Name}, DB: s.db, Broker: b, Handler: f,
		Every: 20 * time.Millisecond, Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Session: 6 * time.Second,
	})
	require.NoError(s.t, err)
	return background(s.t, in.Run)
}

// backfills makes pages of n rows.
func (s *side) backfills(n int) *backfill.Runner {
	r, err := backfill.New(s.db, backfill.Config{
		Resource: Resource, Source: s.chunks, Topic: topic, Page: n, Wake: s.feed.Wake, Every: 10 * time.Millisecond, Lease: 200 * time.Millisecond,
	})
	require.NoError(s.t, err)
	return r
}

// missing is what the side lacks to own comments.
func missing(s *side, r ownership.Requirement, epoch int64) (text string) {
	s.t.Helper()
	require.NoError(s.t, s.db.InTx(context.Background(), func(tx *gorm.DB) (err error) {
		text, err = r.Missing(tx, epoch)
		return err
	}))
	return text
}
