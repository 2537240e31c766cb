package effects_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	moderationstore "banyan.dev/features/moderation/store"
	"banyan.dev/features/notifications"
	poststore "banyan.dev/features/posts/store"
	"banyan.dev/monolith/internal/effects"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/call"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/problem"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The one PostgreSQL of the test process lives as long as the process.
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"), goleak.IgnoreAnyFunction("os/exec.(*Cmd).watchCtx.func1"))
}

const ours, theirs = "/banyan/monolith", "/banyan/comments"

const soon, often = time.Minute, 10 * time.Millisecond

var topic = broker.Topic{Name: contracts.CommentsTopic, Partitions: 8}

// blog is a database with one post, and the handler over it.
type blog struct {
	t       *testing.T
	db      *database.DB
	handler *effects.Handler
	post    string
	author  contracts.Person
}

func newBlog(t *testing.T) *blog {
	t.Helper()
	b := &blog{t: t, db: storetest.Open(t, nil), author: contracts.Person{ID: contracts.NewID(), Name: "Ann"}}
	store := untangled.New(b.db)
	b.handler = effects.NewHandler(commentstore.FollowerConfig{Source: ours, Topic: topic},
		effects.Ports{
			Posts: poststore.NewRows(b.db), Queue: moderationstore.NewRows(b.db), Notices: store.CommentPorts().Notices, Comments: commentstore.NewRows(b.db),
		})
	b.post = b.publishes()
	return b
}

func (b *blog) publishes() string {
	b.t.Helper()
	now := time.Now().UTC()
	post, _, err := untangled.New(b.db).Posts().Create(b.t.Context(), contracts.Post{PostSummary: contracts.PostSummary{
		ID: contracts.NewID(), Title: "Talk", Status: contracts.Published, Author: b.author, Version: 1, CreatedAt: now, UpdatedAt: now, PublishedAt: &now,
	}}, contracts.Key{})
	require.NoError(b.t, err)
	return post.ID
}

// left is what the service leaves to the monolith.
func left(was contracts.CommentStatus) contracts.CommentEffects {
	return contracts.CommentEffects{Was: was, Done: []contracts.Effect{contracts.EffectVerdict}, Left: []contracts.Effect{
		contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail,
	}}
}

// changed is an event of a comment with that status and version, as the service tells
// it; an approved one tells the post's author.
func (b *blog) changed(id string, is, was contracts.CommentStatus, version int) contracts.CommentChanged {
	now := time.Now().UTC().Truncate(time.Microsecond)
	e := contracts.CommentChanged{Epoch: 2, Effects: left(was), CommentState: contracts.CommentState{
		ID: id, PostID: b.post, AuthorID: contracts.NewID(), AuthorName: "Rita", Body: "Well said.", HTML: "<p>Well said.</p>",
		Status: is, Version: version, CreatedAt: now, UpdatedAt: now,
	}}
	if is == contracts.Approved && was != is {
		e.Effects.Notice = &contracts.Notice{To: b.author.ID, PostTitle: "Talk", Excerpt: "Well said."}
	}
	if is == contracts.Pending {
		e.Effects.Reason = "the rules"
	}
	return e
}

func (b *blog) deleted(id string, was contracts.CommentStatus, version int) contracts.CommentDeleted {
	return contracts.CommentDeleted{Epoch: 2, Effects: left(was), Tombstone: contracts.Tombstone{
		ID: id, PostID: b.post, AuthorID: contracts.NewID(), Version: version, DeletedAt: time.Now().UTC(),
	}}
}

func event(t *testing.T, source string, e contracts.Event) inbox.Event {
	t.Helper()
	headers, payload, err := contracts.Encode(contracts.AttributesOf(e, contracts.NewID(), source, time.Now(), ""), e)
	require.NoError(t, err)
	return inbox.Event{
		ID: headers["ce_id"], Type: e.EventType(), Source: source, Aggregate: e.Aggregate(), Version: int64(e.AggregateVersion()),
		Topic: topic.Name, Partition: topic.Partition(e.Aggregate()), Headers: headers, Payload: payload,
	}
}

// hears handles events of a source in one transaction.
func (b *blog) hears(source string, events ...contracts.Event) {
	b.t.Helper()
	var all []inbox.Event
	for _, e := range events {
		all = append(all, event(b.t, source, e))
	}
	require.NoError(b.t, b.db.InTx(b.t.Context(), func(tx *gorm.DB) error { return b.handler.Handle(b.t.Context(), tx, all) }))
}

// has is the post's count, how many wait, and how many notices there are.
func (b *blog) has(count, waiting, notices int) {
	b.t.Helper()
	var got [3]int
	err := b.db.SQL().QueryRowContext(b.t.Context(), `SELECT coalesce((SELECT comment_count FROM posts WHERE id = $1), 0),
		(SELECT count(*) FROM moderation_queue), (SELECT count(*) FROM notifications)`, b.post).Scan(&got[0], &got[1], &got[2])
	require.NoError(b.t, err)
	require.Equal(b.t, [3]int{count, waiting, notices}, got, "count, waiting, notices")
}

func TestEachChangeHasItsEffects(t *testing.T) {
	b := newBlog(t)
	one, two := contracts.NewID(), contracts.NewID()
	b.hears(theirs, b.changed(one, contracts.Approved, "", 1), b.changed(two, contracts.Pending, "", 1))
	b.has(1, 1, 1)
	b.hears(theirs, b.changed(two, contracts.Approved, contracts.Pending, 2))
	b.has(2, 0, 2)
	b.hears(theirs, b.changed(two, contracts.Rejected, contracts.Approved, 3), b.changed(two, contracts.Approved, contracts.Rejected, 4))
	b.has(2, 0, 2)
	b.hears(theirs, b.changed(one, contracts.Pending, contracts.Approved, 2))
	b.has(1, 1, 2)
	b.hears(theirs, b.deleted(one, contracts.Pending, 3), b.deleted(two, contracts.Approved, 5))
	b.has(0, 0, 0)
}

// TestAnEventThatComesLateQueuesNothingThatIsJudged: it was a dead letter, and the ones
// behind it are handled.
func TestAnEventThatComesLateQueuesNothingThatIsJudged(t *testing.T) {
	b := newBlog(t)
	judged, gone, waits := contracts.NewID(), contracts.NewID(), contracts.NewID()
	b.hears(theirs, b.changed(judged, contracts.Approved, contracts.Pending, 2), b.deleted(gone, contracts.Pending, 2))
	b.has(1, 0, 1)
	for _, id := range []string{judged, gone, waits} {
		b.hears(theirs, b.changed(id, contracts.Pending, "", 1))
	}
	b.has(1, 1, 1)
}

func TestWhatIsLeftToNobodyHasNone(t *testing.T) {
	b := newBlog(t)
	done := b.changed(contracts.NewID(), contracts.Approved, "", 1)
	done.Effects.Done, done.Effects.Left = append(done.Effects.Done, done.Effects.Left...), nil
	later := b.changed(contracts.NewID(), contracts.Approved, "", 1)
	later.Effects.Left = nil // a later arrangement: each effect has a consumer of its own
	b.hears(theirs, done, later)
	b.hears(ours, b.changed(contracts.NewID(), contracts.Approved, "", 1))
	b.has(0, 0, 0)
}

func TestOfADeletedPostOnlyWhatGoesIsDone(t *testing.T) {
	b := newBlog(t)
	waits, told := contracts.NewID(), contracts.NewID()
	b.hears(theirs, b.changed(waits, contracts.Pending, "", 1), b.changed(told, contracts.Approved, "", 1))
	b.has(1, 1, 1)
	_, err := b.db.SQL().ExecContext(t.Context(), "DELETE FROM posts WHERE id = $1", b.post)
	require.NoError(t, err)
	b.hears(theirs, b.changed(contracts.NewID(), contracts.Pending, "", 1), b.changed(contracts.NewID(), contracts.Approved, "", 1))
	b.has(0, 1, 1)
	b.hears(theirs, b.deleted(waits, contracts.Pending, 2), b.deleted(told, contracts.Approved, 2))
	b.has(0, 0, 0)
}

// TestPartitionsThatCountAtTheSamePostsDoNotStandInEachOthersWay: batches with the same
// posts in opposite orders. Each would hold one and wait for the other.
func TestPartitionsThatCountAtTheSamePostsDoNotStandInEachOthersWay(t *testing.T) {
	b := newBlog(t)
	posts := []string{b.post, b.publishes(), b.publishes()}
	errs := make(chan error, 2)
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}} {
		var batch []inbox.Event
		for range 30 {
			for _, i := range order {
				e := b.changed(contracts.NewID(), contracts.Approved, "", 1)
				e.PostID = posts[i]
				batch = append(batch, event(t, theirs, e))
			}
		}
		go func() {
			for range 5 {
				// Not InTx, which tries again after a deadlock.
				err := b.db.Gorm(t.Context()).Transaction(func(tx *gorm.DB) error { return b.handler.Handle(t.Context(), tx, batch) })
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
}

type mails func(n contracts.CommentNotice, id string) error

func (f mails) CommentMail(_ context.Context, n contracts.CommentNotice, id string) error {
	return f(n, id)
}

func TestWhichMailsAreSent(t *testing.T) {
	b := &blog{post: contracts.NewID(), author: contracts.Person{ID: contracts.NewID()}}
	seen := b.changed(contracts.NewID(), contracts.Approved, "", 1)
	var sent []string
	var answer error
	m := effects.Mail{Source: ours, Mails: mails(func(n contracts.CommentNotice, id string) error {
		require.Equal(t, contracts.CommentNotice{PostID: b.post, PostTitle: "Talk", CommentID: seen.ID, Excerpt: "Well said.", Actor: contracts.Person{ID: seen.AuthorID, Name: "Rita"}, To: b.author.ID}, n)
		sent = append(sent, id)
		return answer
	})}
	e := event(t, theirs, seen)
	require.True(t, m.Needs(e))
	require.NoError(t, m.Prepare(t.Context(), e))
	require.Equal(t, []string{e.ID}, sent)
	quiet := seen
	quiet.Effects.Left = []contracts.Effect{contracts.EffectCount}
	for _, other := range []inbox.Event{
		event(t, theirs, b.changed(contracts.NewID(), contracts.Pending, "", 1)), event(t, theirs, b.deleted(seen.ID, contracts.Approved, 2)),
		event(t, theirs, quiet), event(t, ours, seen),
	} {
		require.False(t, m.Needs(other))
		require.NoError(t, m.Prepare(t.Context(), other))
	}
	broken := e
	broken.Payload = []byte("{")
	require.True(t, m.Needs(broken), "so that it is told")
	require.Error(t, m.Prepare(t.Context(), broken))
	require.Len(t, sent, 1)

	answer = problem.New(problem.NotFound, "there is no such account")
	require.NoError(t, m.Prepare(t.Context(), e), "who is gone gets no mail")
	var permanent interface{ Permanent() bool }
	answer = fmt.Errorf("recipient: %w", notifications.ErrRefused)
	require.ErrorAs(t, m.Prepare(t.Context(), e), &permanent, "no retry helps")
	answer = errors.New("connection refused")
	err := m.Prepare(t.Context(), e)
	require.ErrorIs(t, err, answer)
	require.False(t, errors.As(err, &permanent), "it waits")
}

type closer func(postID, key string) error

func (f closer) CloseUnder(_ context.Context, postID, key string) error { return f(postID, key) }

func TestWhichPostsAreClosed(t *testing.T) {
	gone := contracts.PostDeleted{ID: contracts.NewID(), AuthorID: contracts.NewID(), Version: 2, DeletedAt: time.Now().UTC(), Epoch: 1}
	with := gone
	with.Done = []contracts.Effect{contracts.EffectComments}
	var closed []string
	var answer error
	c := effects.Closing{Comments: closer(func(postID, key string) error { closed = append(closed, postID+" "+key); return answer })}
	e := event(t, ours, gone)
	require.False(t, c.Needs(event(t, ours, with)))
	require.NoError(t, c.Prepare(t.Context(), event(t, ours, with)))
	require.Empty(t, closed, "the transaction that deleted it did")
	require.True(t, c.Needs(e))
	require.NoError(t, c.Prepare(t.Context(), e))
	require.Equal(t, []string{gone.ID + " " + e.ID}, closed)
	answer = problem.New(problem.Malformed, "no id")
	var permanent interface{ Permanent() bool }
	require.ErrorAs(t, c.Prepare(t.Context(), e), &permanent)
	answer = problem.New(httpkit.Unavailable, "the service is away")
	require.ErrorIs(t, c.Prepare(t.Context(), e), answer)
}

// TestAPostIsClosedHoweverLongItTakes: whatever an owner answers that says nothing about
// the post is no reason to leave its comments.
func TestAPostIsClosedHoweverLongItTakes(t *testing.T) {
	b := newBlog(t)
	require.NoError(t, inbox.Migrate(t.Context(), b.db))
	kafka, err := broker.New(broker.Config{Addrs: []string{kafkatest.Start(t)}})
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	posts := broker.Topic{Name: kafkatest.Unique(contracts.PostsTopic), Partitions: 1}
	require.NoError(t, kafka.EnsureTopics(t.Context(), posts))
	answers := []error{
		problem.New(problem.Internal, "a mistake"), problem.New(problem.Forbidden, "another key"), problem.New(problem.Unauthenticated, "no key"),
		&call.StatusError{Peer: "comments", Status: 500}, &call.StatusError{Peer: "comments", Status: 403}, errors.New("whatever else"), problem.Elsewhere("", 2, "nobody"),
	}
	asked := 0
	in, err := inbox.New(inbox.Config{
		Consumer: kafkatest.Unique("posts"), Topics: []string{posts.Name}, DB: b.db, Broker: kafka,
		Attempts: 1, Backoff: time.Millisecond, MaxBackoff: time.Millisecond,
		Handler: effects.Closing{Comments: closer(func(string, string) error {
			if asked++; asked <= len(answers) {
				return answers[asked-1]
			}
			return nil
		})},
	})
	require.NoError(t, err)
	e := event(t, ours, contracts.PostDeleted{ID: contracts.NewID(), AuthorID: contracts.NewID(), Version: 2, DeletedAt: time.Now().UTC(), Epoch: 1})
	m := broker.Message{Topic: posts.Name, Key: []byte(e.Aggregate), Value: e.Payload}
	for name, value := range e.Headers {
		m.Headers = append(m.Headers, broker.Header{Key: name, Value: []byte(value)})
	}
	require.NoError(t, kafka.Publisher().Publish(t.Context(), []broker.Message{m}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	require.Eventually(t, func() bool {
		var n int
		err := b.db.SQL().QueryRowContext(t.Context(), "SELECT coalesce(sum(next_offset), 0) FROM inbox_positions").Scan(&n)
		return err == nil && n == 1
	}, soon, often)
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, len(answers)+1, asked)
	letters, err := inbox.NewDeadLetters(b.db).List(t.Context(), inbox.Which{})
	require.NoError(t, err)
	require.Empty(t, letters)
}
