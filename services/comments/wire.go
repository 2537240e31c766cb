package main

import (
	"context"
	"fmt"
	"time"

	"banyan.dev/features/comments"
	"banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/call"
	"banyan.dev/platform/database"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/services/comments/internal/peers"
)

// What this host is called where others speak of it.
const (
	name   = "comments" // as a side of ownership, in routes and tokens
	peer   = "monolith"
	source = "/banyan/comments"
	group  = "comments" // of its inbox
)

// topic is where changes of comments are told. Both hosts make it, whichever comes
// first, so what stands here stands there too. It keeps its events for ever: whoever
// begins anew reads it from its start.
var topic = broker.Topic{Name: contracts.CommentsTopic, Partitions: 8, Retention: -1}

// monolithTimeout bounds one question to the monolith: people wait behind it.
const monolithTimeout = 1500 * time.Millisecond

// parts are what the host is made of.
type parts struct {
	keys     identity.Keys
	comments *comments.Service
	rows     *store.Rows
	kept     *store.Store
	gate     comments.Gate
	side     *ownership.Side
	feed     *store.Feed
	notifier *outbox.Notifier
	backfill *backfill.Runner
	monolith *peers.Monolith
	db       *database.DB
}

// wire hangs the feature on its store and on what answers for the other features.
//
//	comments ──Posts──────────▶ monolith, over HTTP
//	comments ──Moderation─────▶ monolith, over HTTP
//	comments ──Notifications──▶ nobody: left to the monolith's inbox
//	store    ──People─────────▶ monolith, over HTTP, remembered
//	store    ──Posts, Queue, Notices──▶ nobody: left to the monolith's inbox
//	store    ──Owner──────────▶ the row in this database
//	store    ──Feed───────────▶ outbox ──relay──▶ Kafka
func (h *host) wire(ctx context.Context, db *database.DB) (err error) {
	p := parts{db: db, rows: store.NewRows(db), notifier: outbox.NewNotifier(db, h.Logger)}
	if p.keys, err = h.cfg.Keys(); err != nil {
		return err
	}
	if p.monolith, err = h.askMonolith(p.keys); err != nil {
		return err
	}
	done, left := peers.Effects()
	p.feed = store.NewFeed(store.FeedConfig{Source: source, Topic: topic, Done: done, Left: left, Wake: p.notifier.Wake})
	if p.side, err = h.adopt(ctx, db, p.feed); err != nil {
		return err
	}
	p.kept = store.New(p.rows, store.Ports{People: peers.NewPeople(p.monolith, time.Now), Owner: p.side, Feed: p.feed})
	p.comments = comments.NewService(p.kept, p.monolith, p.monolith, peers.Left{}, time.Now, h.Logger)
	p.gate = comments.Gate{Versions: p.rows, Side: p.side, Peer: peer}
	h.parts = p
	return nil
}

func (h *host) askMonolith(keys identity.Keys) (*peers.Monolith, error) {
	urls, err := h.cfg.Monolith()
	if err != nil {
		return nil, err
	}
	client, err := call.New(call.Config{Name: peer, URLs: urls, Timeout: monolithTimeout, Registerer: h.Registry, Logger: h.Logger})
	if err != nil {
		return nil, fmt.Errorf("MONOLITH_URLS %q: %w", h.cfg.MonolithURLs, err)
	}
	h.OnStop("calls to the monolith", func(context.Context) error { client.Close(); return nil })
	return peers.NewMonolith(client, keys, name, time.Now), nil
}

// adopt returns this side's ownership. On the first day it follows.
func (h *host) adopt(ctx context.Context, db *database.DB, markers ownership.Markers) (*ownership.Side, error) {
	side, err := ownership.New(db, ownership.Config{
		Resource: store.Resource, Name: name, Peer: peer, Markers: markers,
		Drained:  ownership.Drained(store.Resource),
		Requires: []ownership.Requirement{inbox.Settled{Resource: store.Resource}, backfill.Complete(store.Resource)},
	})
	if err != nil {
		return nil, err
	}
	return side, h.Adopt(ctx, side, ownership.Follower)
}
