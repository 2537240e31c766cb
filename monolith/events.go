package main

import (
	"context"
	"errors"
	"fmt"

	"banyan.dev/features/comments"
	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	moderationstore "banyan.dev/features/moderation/store"
	poststore "banyan.dev/features/posts/store"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/internal/effects"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
)

// What this host is called where others speak of it, and the other side of comments.
const (
	hostName    = "monolith" // as a side of ownership, in routes and tokens
	peerName    = "comments"
	eventSource = "/banyan/monolith"
)

// The consumer groups of this host.
const (
	feedGroup  = "monolith"       // comments that the other side owns, and their effects
	mailGroup  = "monolith-mail"  // the mails among these
	postsGroup = "monolith-posts" // posts that are deleted, whose comments are owned elsewhere
)

// The topics. Both hosts make the comments', whichever comes first, so what stands
// here stands there too. They keep their events for ever: whoever begins anew reads
// them from their start.
var (
	commentsTopic = broker.Topic{Name: contracts.CommentsTopic, Partitions: 8, Retention: -1}
	postsTopic    = broker.Topic{Name: contracts.PostsTopic, Partitions: 8, Retention: -1}
)

// events is what tells others of this host's comments and posts, and hears of theirs.
type events struct {
	kafka    *broker.Broker
	topics   *hosting.Topics
	rows     *commentstore.Rows
	feed     *commentstore.Feed
	posts    *poststore.Feed
	side     *ownership.Side
	notifier *outbox.Notifier
	backfill *backfill.Runner
	repairer reconcile.Repairer
}

// newEvents wires them; nothing runs yet. The database's row says who owns comments; on
// the first day it is this host.
func (h *host) newEvents(ctx context.Context, db *database.DB) (*events, error) {
	kafka, err := h.Broker()
	if err != nil {
		return nil, err
	}
	e := &events{kafka: kafka, topics: hosting.NewTopics(kafka, commentsTopic, postsTopic), rows: commentstore.NewRows(db), notifier: outbox.NewNotifier(db, h.Logger)}
	all := []contracts.Effect{
		contracts.EffectVerdict, contracts.EffectQueue, contracts.EffectCount, contracts.EffectNotification, contracts.EffectMail,
	}
	e.feed = commentstore.NewFeed(commentstore.FeedConfig{Source: eventSource, Topic: commentsTopic, Done: all, Wake: e.notifier.Wake})
	e.posts = poststore.NewFeed(poststore.FeedConfig{Source: eventSource, Topic: postsTopic, Wake: e.notifier.Wake})
	if e.side, err = sideOf(db, e.feed); err != nil {
		return nil, err
	}
	if err := h.Adopt(ctx, e.side, ownership.Owner); err != nil {
		return nil, err
	}
	e.backfill, err = backfill.New(db, backfill.Config{
		Resource: commentstore.Resource, Source: commentstore.NewChunks(e.side, e.feed), Topic: commentsTopic,
		Wake: e.notifier.Wake, Worker: h.cfg.Replica, Behind: e.behind, Logger: h.Logger,
	})
	return e, err
}

// sideOf is this host's side of the ownership of comments. It had all rows before there
// was another side, so that it needs no backfill to take them back: what the other side
// wrote since, and nothing aside.
func sideOf(db *database.DB, markers ownership.Markers) (*ownership.Side, error) {
	return ownership.New(db, ownership.Config{
		Resource: commentstore.Resource, Name: hostName, Peer: peerName, Markers: markers,
		Drained:  ownership.Drained(commentstore.Resource),
		Requires: []ownership.Requirement{inbox.Settled{Resource: commentstore.Resource}},
	})
}

// behind is how many messages the comments service has still to apply.
func (e *events) behind(ctx context.Context) (int64, error) {
	return e.kafka.Behind(ctx, peerName, commentsTopic.Name)
}

// gate stands before the API's routes of comments, which don't follow the owner: the
// gateway does.
func (e *events) gate() comments.Gate {
	return comments.Gate{Versions: e.rows, Side: e.side, Peer: peerName}
}

// runEvents starts what moves events. It all waits until the topics are there, and the
// host does not wait for it: events stay in the outbox while Kafka is away. It ends in
// the reverse order: first nothing more is heard, then what is written goes out.
func (h *host) runEvents(db *database.DB, store *untangled.Store, b blog) error {
	e := h.events
	e.repairer = store.Repairer()
	relay, err := outbox.NewRelay(outbox.Config{
		URL: h.cfg.DatabaseURL, Topics: []broker.Topic{commentsTopic, postsTopic}, Publisher: e.kafka.Publisher(),
		Name: h.cfg.Replica + "-relay", Registerer: h.Registry, Logger: h.Logger,
	})
	if err != nil {
		return err
	}
	heard, err := h.inboxes(db, store, b)
	if err != nil {
		return err
	}
	h.Keep("topics", func(ctx context.Context) error {
		return e.topics.Ensure(ctx, func(err error) {
			h.Logger.ErrorContext(ctx, "events wait in the outbox: the topics can't be used; it is tried again", "KAFKA_ADDRS", h.cfg.KafkaAddrs, "error", err)
		})
	})
	h.Keep("relay", e.topics.Before(relay.Run))
	h.Keep("notifier", func(ctx context.Context) error { e.notifier.Run(ctx); return nil })
	h.Keep("backfill", e.topics.Before(func(ctx context.Context) error { e.backfill.Run(ctx); return nil }))
	h.Keep("inboxes", e.topics.Before(func(ctx context.Context) error { return together(ctx, heard) }))
	return nil
}

// together runs inboxes side by side: leaving a broker that does not answer takes
// seconds, and they take them at the same time.
func together(ctx context.Context, inboxes []*inbox.Inbox) error {
	errs := make(chan error, len(inboxes))
	for _, in := range inboxes {
		go func() { errs <- in.Run(ctx) }()
	}
	var all error
	for range inboxes {
		all = errors.Join(all, <-errs)
	}
	return all
}

// inboxes are what this host listens to, also when no other host may own comments:
// what was left to it just before they came back here, a mail or a deleted post, is not
// forgotten; and before they go, it has come as far as the topics, since its own events
// are quickly passed.
func (h *host) inboxes(db *database.DB, store *untangled.Store, b blog) ([]*inbox.Inbox, error) {
	follower := commentstore.FollowerConfig{Source: eventSource, Topic: commentsTopic}
	wanted := []inbox.Config{
		{Consumer: postsGroup, Resource: "posts", Topics: []string{postsTopic.Name}, Handler: effects.Closing{Comments: b.talk}},
		{Consumer: feedGroup, Resource: commentstore.Resource, Topics: []string{commentsTopic.Name},
			Handler: effects.NewHandler(follower, effects.Ports{
				Posts: poststore.NewRows(db), Queue: moderationstore.NewRows(db), Notices: store.CommentPorts().Notices, Comments: h.events.rows,
			})},
		{Consumer: mailGroup, Resource: "mail", Topics: []string{commentsTopic.Name}, Handler: effects.Mail{Source: eventSource, Mails: b.notifications}},
	}
	var all []*inbox.Inbox
	for _, cfg := range wanted {
		cfg.DB, cfg.Broker, cfg.Kind, cfg.Registerer, cfg.Logger = db, h.events.kafka, inbox.State, h.Registry, h.Logger
		in, err := inbox.New(cfg)
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, nil
}

// consumers are the names of this host's inboxes.
func consumers() []string { return []string{postsGroup, feedGroup, mailGroup} }

// ownedHere refuses to start as if nobody else could own comments when somebody does,
// or nobody: each write would be a second owner's.
func ownedHere(ctx context.Context, db *database.DB, cfg config.Config) error {
	if cfg.Comments == config.Owner {
		return nil
	}
	side, err := sideOf(db, commentstore.NewFeed(commentstore.FeedConfig{Source: eventSource, Topic: commentsTopic}))
	if err != nil {
		return err
	}
	row, err := side.Row(ctx)
	switch {
	case errors.Is(err, ownership.ErrUnknown): // nobody ever moved them
		return nil
	case err != nil:
		return err
	case row.State == ownership.Owner:
		return nil
	}
	return fmt.Errorf("COMMENTS=%s with EVENTS=%s can't be: this database's ownership of comments is %s, so they are not written here; "+
		"hand them back first (strangler handover), or set COMMENTS=owner and EVENTS=outbox", cfg.Comments, cfg.Events, row)
}
