package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
)

const (
	soon  = 30 * time.Second
	often = 10 * time.Millisecond
)

// world is the monolith, the comments service, a broker and a mail server.
type world struct {
	*running
	service *service
	kafka   *embeddedkafka.Kafka
	mails   *embedded.Mail
	talk    *handover.Coordinator
}

// newWorld starts a monolith that asks whoever owns comments; that is itself.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	var err error
	w.kafka, err = embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.kafka.Stop(context.Background()) }) // a test may have stopped it
	w.mails, err = embedded.StartMail(t.Context(), embedded.MailConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.mails.Stop(context.Background()) }) // a test may have stopped it
	w.service = newService(t)
	w.running = startMonolith(t, append(ownStores, "EVENTS=outbox", "KAFKA_ADDRS="+w.kafka.Addr(), "COMMENTS=owner",
		"COMMENTS_URLS="+w.service.url, "IDENTITY_KEY="+houseKey, "SMTP_ADDR="+w.mails.Addr(), "DB_MAX_CONNS=20")...)
	w.service.start(t, w.kafka.Addr(), w.base)
	monolith := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{w.admin}, Token: w.cfg.AdminToken})
	t.Cleanup(monolith.Close)
	w.talk, err = handover.New(handover.Config{
		Resource: "comments", Sides: [2]handover.Side{monolith, w.service.side}, Gateways: open{}, Router: open{}, By: "test",
	})
	require.NoError(t, err)
	return w
}

// people are Ada, an author, and Bob, who reads.
func (w *world) people(t *testing.T) (ada, bob *client) {
	t.Helper()
	ada, bob = w.client(t), w.client(t)
	ada.author("Ada")
	bob.signUp("Bob")
	return ada, bob
}

// watched returns a moderator, who looks at each comment that speaks of a casino.
func (w *world) watched(t *testing.T) (mod *client) {
	t.Helper()
	mod = w.client(t)
	w.moderator(t, mod, "Mo")
	mod.call("POST", "/moderation/rules", document{"kind": "word", "pattern": "casino", "verdict": "pending"}).want(201)
	return mod
}

// open is a gateway that holds nothing and routes nothing: what comes to the wrong side
// is on its own.
type open struct{}

func (open) Hold(context.Context, time.Duration) (handover.Hold, error) { return open{}, nil }
func (open) Settle(context.Context, time.Duration) error                { return nil }
func (open) Release(context.Context) error                              { return nil }
func (open) Route(context.Context, string, int64) error                 { return nil }

// fills brings the service what was there before it, by the monolith's admin port.
func (w *world) fills(t *testing.T) {
	t.Helper()
	c := backfill.NewClient(backfill.ClientConfig{Resource: "comments", URLs: []string{w.admin}, Token: w.cfg.AdminToken})
	t.Cleanup(c.Close)
	_, err := c.Start(t.Context(), backfill.Order{Run: contracts.NewID()})
	require.NoError(t, err)
	require.Eventually(t, func() bool { err = w.service.side.Ready(t.Context(), 1); return err == nil }, soon, often, "%v", &err)
}

// handsTo makes a side the owner, as the tool does.
func (w *world) handsTo(t *testing.T, to string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	out, err := w.talk.Move(ctx, to)
	require.NoError(t, err)
	require.Equal(t, to, out.Owner, "%+v", out)
}

// form posts a form of a page.
func (c *client) form(path string, values url.Values) answer {
	c.t.Helper()
	return c.send(http.MethodPost, path, []byte(values.Encode()), "Content-Type", "application/x-www-form-urlencoded", "Accept", "text/html")
}

// says writes a comment by the page's form, and returns its id.
func (c *client) says(postID, body, key string) string {
	c.t.Helper()
	told := c.form("/posts/"+postID+"/comments", url.Values{"body": {body}, "idempotency_key": {key}}).want(http.StatusSeeOther)
	id := told.header.Get("Location")[len("/comments/"):]
	require.True(c.t, contracts.IsID(id), id)
	return id
}

// reads gets a page that must be there, past redirects.
func (c *client) reads(path string) string {
	c.t.Helper()
	for {
		a := c.send(http.MethodGet, path, nil, "Accept", "text/html")
		if a.status != http.StatusFound && a.status != http.StatusSeeOther {
			return string(a.want(200).body)
		}
		path = a.header.Get("Location")
	}
}

func (w *world) topology(t *testing.T) (told topology) {
	t.Helper()
	_, body := w.adminGet(t, "/topology", "")
	require.NoError(t, json.Unmarshal([]byte(body), &told))
	return told
}

// commentsOf is the post's number as lists show it.
func commentsOf(c *client, post document) float64 {
	c.t.Helper()
	return c.get("/posts/" + post.text("id")).want(200).json()["comment_count"].(float64)
}
