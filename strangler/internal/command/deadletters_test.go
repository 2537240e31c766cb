package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
)

const (
	lettersToken = "a-token-for-tests-only"
	soon         = 90 * time.Second // of a busy machine
	often        = 10 * time.Millisecond
)

// listener is a host that hears of events: a database, an inbox that runs, a side of
// the ownership of comments, and an admin port.
type listener struct {
	db       *database.DB
	url      string
	consumer string
	fault    atomic.Pointer[string] // why it can't apply anything; nil once that is mended
	handled  atomic.Int64
	side     *ownership.Side
}

func (l *listener) Handle(_ context.Context, _ *gorm.DB, e inbox.Event) error {
	if why := l.fault.Load(); why != nil && e.Aggregate != "drain" {
		return inbox.Permanent(errors.New(*why))
	}
	l.handled.Add(1)
	return nil
}

func (l *listener) breaks(why string) { l.fault.Store(&why) }
func (l *listener) mended()           { l.fault.Store(nil) }

// blog is two such hosts, and a topic that both hear.
type blog struct {
	t                  *testing.T
	topic              broker.Topic
	kafka              *broker.Broker
	monolith, comments *listener
}

func newBlog(t *testing.T) *blog {
	t.Helper()
	b := &blog{t: t, topic: broker.Topic{Name: kafkatest.Unique("comments.v1"), Partitions: 1}}
	var err error
	b.kafka, err = broker.New(broker.Config{Addrs: []string{kafkatest.Start(t)}})
	require.NoError(t, err)
	t.Cleanup(b.kafka.Close)
	require.NoError(t, b.kafka.EnsureTopics(t.Context(), b.topic))
	b.monolith, b.comments = b.host("monolith", "comments", ownership.Owner), b.host("comments", "monolith", ownership.Follower)
	t.Setenv("ADMIN_TOKEN", lettersToken)
	return b
}

func (b *blog) host(name, peer string, first ownership.State) *listener {
	b.t.Helper()
	l := &listener{consumer: kafkatest.Unique(name)}
	url := embeddedtest.Prepared(b.t, "deadletters", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		return errors.Join(inbox.Migrate(ctx, db), ownership.Migrate(ctx, db))
	})
	var err error
	l.db, err = database.Open(b.t.Context(), database.Config{URL: url})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, l.db.Close()) })
	l.side, err = ownership.New(l.db, ownership.Config{
		Resource: "comments", Name: name, Peer: peer, Markers: noMarkers{}, Drained: noMarkers{},
		Requires: []ownership.Requirement{inbox.Settled{Resource: "comments"}},
	})
	require.NoError(b.t, err)
	_, err = l.side.Adopt(b.t.Context(), first, "the first day")
	require.NoError(b.t, err)
	b.listens(l)
	e := httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Ready: func() error { return nil }, Topology: func() any { return nil },
	})
	httpkit.Guard(e, lettersToken, map[string]http.Handler{
		inbox.LettersPath:     inbox.LettersHandler(inbox.NewDeadLetters(l.db), l.consumer),
		"/ownership/comments": remote.Handler(l.side),
	})
	server := httptest.NewServer(e)
	b.t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// noMarkers is a feed on which nothing is ever on its way.
type noMarkers struct{}

func (noMarkers) Mark(*gorm.DB, ownership.Row) error      { return nil }
func (noMarkers) Missing(*gorm.DB, int64) (string, error) { return "", nil }

// listens runs the host's inbox until the test ends.
func (b *blog) listens(l *listener) {
	b.t.Helper()
	in, err := inbox.New(inbox.Config{
		Consumer: l.consumer, Resource: "comments", Topics: []string{b.topic.Name}, DB: l.db, Broker: b.kafka, Handler: inbox.Each(l.Handle),
		Every: 20 * time.Millisecond, Session: 6 * time.Second,
	})
	require.NoError(b.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	b.t.Cleanup(sync.OnceFunc(func() { cancel(); require.NoError(b.t, <-done) }))
}

// tells publishes events about comments of those names, and waits until both hosts have
// met them.
func (b *blog) tells(names ...string) {
	b.t.Helper()
	var messages []broker.Message
	for _, name := range names {
		id, err := uuid.NewV7()
		require.NoError(b.t, err)
		m := broker.Message{Topic: b.topic.Name, Key: []byte(name), Value: fmt.Appendf(nil, `{"id":%q}`, name)}
		for header, value := range map[string]string{
			broker.HeaderSpecVersion: broker.SpecVersion, broker.HeaderID: id.String(), broker.HeaderType: "comment.changed", broker.HeaderSource: "/test",
			broker.HeaderSubject: name, broker.HeaderTime: time.Now().UTC().Format(time.RFC3339Nano), broker.HeaderVersion: "1",
		} {
			m.Headers = append(m.Headers, broker.Header{Key: header, Value: []byte(value)})
		}
		messages = append(messages, m)
	}
	before := [2]int64{b.monolith.met(b.t), b.comments.met(b.t)}
	require.NoError(b.t, b.kafka.Publisher().Publish(b.t.Context(), messages))
	for i, l := range []*listener{b.monolith, b.comments} {
		require.Eventually(b.t, func() bool { return l.met(b.t) == before[i]+int64(len(names)) }, soon, often)
	}
}

// met is how many events a host is done with, or has put aside.
func (l *listener) met(t *testing.T) (n int64) {
	t.Helper()
	require.NoError(t, l.db.Gorm(t.Context()).Raw(`SELECT count(*) FROM inbox_events`).Scan(&n).Error)
	return n
}

// runs executes a line of the command against both hosts.
func (b *blog) runs(args ...string) (stdout, stderr string, err error) {
	b.t.Helper()
	var out, errs bytes.Buffer
	args = append(append([]string{"deadletters"}, args...), "--monolith-admin", "http://127.0.0.1:1,"+b.monolith.url, "--comments-admin", b.comments.url)
	err = Execute(b.t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// TestAnEventThatWasPutAsideIsRedrivenOnceItsFaultIsMended: and until then its host can't
// take ownership, and says which command tells why.
func TestAnEventThatWasPutAsideIsRedrivenOnceItsFaultIsMended(t *testing.T) {
	b := newBlog(t)
	stdout, _, err := b.runs()
	require.NoError(t, err)
	require.Equal(t, "no dead letters\n", stdout)
	stdout, _, err = b.runs("redrive", "--all")
	require.NoError(t, err)
	require.Equal(t, "no dead letters are open\n", stdout)

	b.comments.breaks("column body is too short")
	b.tells("c1", "c2")
	stdout, _, err = b.runs("list")
	require.NoError(t, err)
	for _, want := range []string{"comments/1 ", "comments/2 ", "comment.changed of c1 v1", b.topic.Name + "/0@0", "permanent", "comments/2: column body is too short",
		"comments can't take comments while 2 are not settled: mend the cause, then strangler deadletters redrive"} {
		require.Contains(t, stdout, want)
	}
	require.NotContains(t, stdout, "monolith/")
	err = b.comments.side.Ready(t.Context(), 1)
	require.ErrorIs(t, err, ownership.ErrNotReady)
	require.ErrorContains(t, err, "2 dead letters of comments are open: `strangler deadletters` shows")
	stdout, _, err = b.runs("show", "1")
	require.NoError(t, err, "one host only has one of that number")
	for _, want := range []string{"comments/1", "permanent: column body is too short", `"id": "c1"`, broker.HeaderSubject, "payload, 11 bytes\n"} {
		require.Contains(t, stdout, want)
	}

	b.comments.breaks("column body is far too short")
	stdout, _, err = b.runs("redrive", "comments/1", "--wait", soon.String())
	require.ErrorContains(t, err, "1 of 1 dead letters failed again: mend the cause (strangler deadletters show comments/1)")
	require.Contains(t, stdout, "comments/1 failed again, 2 times by now: column body is far too short")

	b.comments.mended()
	stdout, stderr, err := b.runs("redrive", "--all", "--wait", soon.String())
	require.NoError(t, err, stderr)
	require.Equal(t, "comments/1 was handled\ncomments/2 was handled\n", stdout)
	require.EqualValues(t, 2, b.comments.handled.Load())
	require.EqualValues(t, 2, b.monolith.handled.Load(), "it had nothing put aside")
	require.NoError(t, b.comments.side.Ready(t.Context(), 1))
	stdout, _, err = b.runs("redrive", "1", "2")
	require.NoError(t, err, "they are settled, and nothing is done twice")
	require.Equal(t, "comments/1 was handled\ncomments/2 was handled\n", stdout)
	require.EqualValues(t, 2, b.comments.handled.Load())
	stdout, _, err = b.runs("list", "--all")
	require.NoError(t, err)
	require.Contains(t, stdout, "redriven")
}

func TestADeadLetterIsDiscardedWithItsReason(t *testing.T) {
	b := newBlog(t)
	b.comments.breaks("no such post")
	b.monolith.breaks("no such author")
	b.tells("c1")
	for _, args := range [][]string{{"show", "1"}, {"redrive", "1"}, {"discard", "1", "--reason", "a test"}} {
		_, _, err := b.runs(args...)
		require.EqualError(t, err, `ID "1" is a dead letter of each host: write monolith/1 or comments/1`)
	}
	stdout, stderr, err := b.runs("discard", "comments/1", "--reason", "the post was never there")
	require.NoError(t, err)
	require.Equal(t, "comments/1 is discarded and stays on record: the post was never there\n", stdout)
	require.Contains(t, stderr, "what it told of comments is missing at comments: strangler reconcile --repair has its row sent anew")
	require.NoError(t, b.comments.side.Ready(t.Context(), 1))
	_, _, err = b.runs("redrive", "comments/1")
	require.ErrorContains(t, err, "1 was discarded at ")
	_, _, err = b.runs("discard", "comments/1", "--reason", "another")
	require.ErrorContains(t, err, "stays on record: the post was never there")

	stdout, _, err = b.runs("--json", "--all")
	require.NoError(t, err)
	var list letterList
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	require.Len(t, list.Letters, 2)
	require.Equal(t, "monolith/1", list.Letters[0].Ref)
	require.JSONEq(t, `{"id":"c1"}`, string(list.Letters[0].Payload))
	require.Equal(t, "the post was never there", list.Letters[1].Note)
	stdout, _, err = b.runs("--consumer", b.comments.consumer)
	require.NoError(t, err, "the other host has none of that name")
	require.Equal(t, "no dead letters\n", stdout)
	_, _, err = b.runs("--consumer", "nobody")
	require.ErrorContains(t, err, `monolith: there is no such consumer: consumer "nobody" is none of this host's: use one of `+b.monolith.consumer)
	_, _, err = b.runs("redrive", "--all", "--consumer", "nobody")
	require.ErrorContains(t, err, `comments: there is no such consumer: consumer "nobody"`)
	stdout, _, err = b.runs("show", "comments/1", "--json")
	require.NoError(t, err)
	require.Contains(t, stdout, `"note": "the post was never there"`)
}

// TestWhatNobodyHandlesIsTold: what a consumer waits for, and what is of none that runs.
func TestWhatNobodyHandlesIsTold(t *testing.T) {
	b := newBlog(t)
	b.comments.breaks("no")
	b.tells("c1", "c2")
	require.NoError(t, b.comments.db.InTx(t.Context(), func(tx *gorm.DB) error { // as if another consumer had been here
		return tx.Exec(`UPDATE inbox_dead_letters SET consumer = 'gone' WHERE id = 2`).Error
	}))
	_, _, err := b.runs("redrive", "comments/1", "comments/2")
	require.ErrorContains(t, err, "2 is of consumer gone, which runs not in this host")
	b.comments.mended()
	stdout, _, err := b.runs("redrive", "--all", "--wait", soon.String())
	require.EqualError(t, err, "1 of 2 dead letters are not settled: redrive them once more; those whose consumer runs no more, discard")
	require.Contains(t, stdout, "comments/1 was handled\ncomments/2 is not settled and was not asked for: consumer gone")

	b.comments.breaks("no")
	b.tells("c0")
	stdout, _, err = b.runs("list", "--limit", "1")
	require.NoError(t, err)
	require.Contains(t, stdout, "comments has more: give a larger --limit\ncomments can't take comments while at least 1 are not settled")

	hold := b.comments.db.Gorm(t.Context()).Begin() // what its consumer waits for
	t.Cleanup(func() { hold.Rollback() })
	b.comments.breaks("no")
	b.tells("c3")
	require.NoError(t, hold.Exec(`SELECT FROM inbox_positions FOR UPDATE`).Error)
	b.comments.mended()
	stdout, _, err = b.runs("redrive", "comments/3", "--json", "--wait", "300ms")
	require.ErrorContains(t, err, "1 of 1 dead letters are not handled yet: they stay asked for; if it lasts, see the log of comments")
	var r redriven
	require.NoError(t, json.Unmarshal([]byte(stdout), &r))
	require.Len(t, r.Waiting, 1)
	require.Equal(t, "comments/3", r.Waiting[0].Ref)
	_, _, err = b.runs("redrive", "comments/3", "--wait", "0s")
	require.NoError(t, err, "it only asks")
	stopped, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	err = Execute(stopped, []string{"deadletters", "redrive", "comments/3", "--monolith-admin", b.monolith.url, "--comments-admin", b.comments.url}, &bytes.Buffer{}, &bytes.Buffer{})
	require.ErrorContains(t, err, "interrupted")
	require.NoError(t, hold.Rollback().Error)
	_, _, err = b.runs("redrive", "comments/3", "--wait", soon.String())
	require.NoError(t, err, "it stayed asked for")
}

func TestHostsThatAreAwayHideNothingOfTheOthers(t *testing.T) {
	b := newBlog(t)
	b.comments.breaks("no")
	b.tells("c1")
	b.monolith.url = "http://127.0.0.1:1"
	stdout, _, err := b.runs()
	require.ErrorContains(t, err, "ask monolith: no replica answers")
	require.Contains(t, stdout, "comments/1: no")
	_, _, err = b.runs("show", "1")
	require.ErrorContains(t, err, `ID "1" may be of any host, and one does not tell: write monolith/1 or comments/1: `)
	require.ErrorContains(t, err, "ask monolith: no replica answers")
	b.comments.mended()
	stdout, _, err = b.runs("redrive", "--all", "--wait", soon.String())
	require.ErrorContains(t, err, "ask monolith: no replica answers")
	require.Equal(t, "comments/1 was handled\n", stdout, "who is there is asked")

	without := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(without.Close)
	b.monolith.url = without.URL
	stdout, _, err = b.runs()
	require.NoError(t, err)
	require.Equal(t, "no dead letters\nmonolith tells of none: it does not run, or not with events\n", stdout)
	_, _, err = b.runs("discard", "1", "--reason", "a test")
	require.ErrorContains(t, err, `ID "1" may be of any host, and one does not tell: write monolith/1 or comments/1: monolith: it tells of no dead letters`)
	b.comments.url = without.URL
	stdout, _, err = b.runs()
	require.ErrorContains(t, err, "none of monolith or comments tells of dead letters")
	require.Empty(t, stdout, "nobody knows that there are none")
	_, _, err = b.runs("redrive", "--all")
	require.ErrorContains(t, err, "none of monolith or comments tells of dead letters")
	t.Setenv("ADMIN_TOKEN", "another")
	b.comments.url = b.host("comments", "monolith", ownership.Follower).url
	_, _, err = b.runs()
	require.ErrorContains(t, err, "comments refuses our ADMIN_TOKEN")
}

// TestDeadLettersOfARunThatAnotherCommandHas: it only looks, so a hand-over that waits
// for it is in nobody's way.
func TestDeadLettersOfARunThatAnotherCommandHas(t *testing.T) {
	dir, _ := leftRun(t)
	var out, errs bytes.Buffer
	err := Execute(t.Context(), []string{"dlq", "--run-dir", dir}, &out, &errs)
	require.EqualError(t, err, "none of monolith or comments tells of dead letters: do they run, with events? See strangler status")
	require.Empty(t, out.String())
	err = Execute(t.Context(), []string{"deadletters", "discard", "1", "--reason", "a test", "--run-dir", dir}, &out, &errs)
	require.ErrorContains(t, err, `ID "1" may be of any host, and one does not tell: write monolith/1 or comments/1: monolith does not run`)
	err = Execute(t.Context(), []string{"deadletters", "redrive", "comments/1", "--run-dir", dir}, &out, &errs)
	require.EqualError(t, err, "comments does not run: start it, its database keeps what was put aside")
	_, err = os.Stat(filepath.Join(dir, "run.json"))
	require.NoError(t, err)
}

func TestABadQuestionAboutDeadLettersIsOneClearMessage(t *testing.T) {
	hosts := []string{"--monolith-admin", "http://127.0.0.1:1", "--comments-admin", "http://127.0.0.1:1"}
	t.Setenv("ADMIN_TOKEN", "t")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show"}, "show takes one ID, as comments/17, and 0 are given"},
		{[]string{"show", "1", "2"}, "show takes one ID, as comments/17, and 2 are given"},
		{[]string{"show", "x"}, `ID "x" can't be: give a host and a number as the list shows them, such as comments/17`},
		{[]string{"show", "/1"}, `ID "/1" can't be`},
		{[]string{"show", "comments/0"}, `ID "comments/0" can't be`},
		{[]string{"show", "gateway/1"}, `ID "gateway/1" names no host of comments: use monolith or comments`},
		{[]string{"redrive"}, "no ID is given: name what is to be handled again, as comments/17, or give --all"},
		{[]string{"redrive", "comments/1", "--all"}, "--all is given and comments/1 too"},
		{[]string{"redrive", "comments/1", "comments/x"}, `ID "comments/x" can't be`},
		{[]string{"redrive", "comments/1", "--wait", "-1s"}, "--wait is -1s: give how long to wait"},
		{[]string{"redrive", "comments/1", "--wait", "long"}, `"long"`},
		{[]string{"redrive", "comments/1", "--consumer", "a"}, `--consumer is "a" without --all`},
		{[]string{"discard", "comments/1"}, `--reason is "": say why nobody needs comments/1`},
		{[]string{"discard", "comments/1", "--reason", " "}, `--reason is " ": say why`},
		{[]string{"discard", "--reason", "why"}, "discard takes one ID"},
		{[]string{"list", "--limit", "0"}, "--limit is 0: give a number from 1"},
		{[]string{"bury"}, `unknown command "bury"`},
	} {
		_, _, err := execute(t, append(append([]string{"deadletters"}, c.args...), hosts...)...)
		require.ErrorContains(t, err, c.want, "%v", c.args)
	}
	for _, args := range [][]string{{}, {"list"}, {"show", "comments/1"}, {"redrive", "--all"}, {"discard", "comments/1", "--reason", "why"}} {
		_, _, err := execute(t, append([]string{"deadletters"}, args...)...)
		require.ErrorContains(t, err, "nothing is up", "%v", args)
	}
	_, _, err := execute(t, "deadletters", "--comments-admin", "http://127.0.0.1:1")
	require.ErrorContains(t, err, "only one side is named")
	stdout, _, err := execute(t, "deadletters", "--help")
	require.NoError(t, err)
	for _, want := range []string{"dead letter", "What to do, in this order", "reconcile", "redrive", "discard"} {
		require.Contains(t, stdout, want)
	}
}
