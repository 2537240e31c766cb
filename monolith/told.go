package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/database"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/lag"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
)

// moved is what the topology tells of events: who owns what, and how far they have
// come.
type moved struct {
	Ownership map[string]ownership.Row   `json:"ownership,omitempty"`
	Backfill  map[string]backfill.Status `json:"backfill,omitempty"`
	Outbox    *backlog                   `json:"outbox,omitempty"`
	Inboxes   map[string][]position      `json:"inboxes,omitempty"` // by consumer
	Topics    string                     `json:"topics,omitempty"`  // ready, or why events stay in the outbox
	Error     string                     `json:"events_error,omitempty"`
}

// backlog is what waits to be published.
type backlog struct {
	Waiting int     `json:"waiting"` // counted up to a bound
	Oldest  float64 `json:"oldest_seconds"`
}

// position is how far a consumer has come in a partition. Events that it ignores don't move
// it until something later is handled: how far it lags is told at /lag.
type position struct {
	Topic      string     `json:"topic"`
	Partition  int        `json:"partition"`
	NextOffset int64      `json:"next_offset"`
	EventAt    *time.Time `json:"event_at,omitempty"` // when the last event was minted
}

// measuredWithin bounds what a look at the topology costs.
const measuredWithin = time.Second

// told asks the database; without it the rest of the topology is told all the same.
func (e *events) told(db *database.DB, consumers []string) moved {
	ctx, cancel := context.WithTimeout(context.Background(), measuredWithin)
	defer cancel()
	m := moved{Topics: e.topics.State()}
	if err := e.measure(ctx, db, consumers, &m); err != nil {
		m.Error = err.Error()
	}
	return m
}

func (e *events) measure(ctx context.Context, db *database.DB, consumers []string, m *moved) error {
	row, err := e.side.Row(ctx)
	if err != nil {
		return err
	}
	m.Ownership = map[string]ownership.Row{commentstore.Resource: row}
	filled, err := e.backfill.Status(ctx)
	if err != nil {
		return err
	}
	m.Backfill = map[string]backfill.Status{commentstore.Resource: filled}
	if m.Outbox, err = waiting(ctx, db); err != nil {
		return err
	}
	m.Inboxes = map[string][]position{}
	for _, consumer := range consumers {
		reached, err := inbox.Positions(db.Gorm(ctx), consumer)
		if err != nil {
			return err
		}
		m.Inboxes[consumer] = []position{}
		for _, p := range reached {
			m.Inboxes[consumer] = append(m.Inboxes[consumer], position{p.Topic, p.Partition, p.NextOffset, p.EventAt})
		}
	}
	return nil
}

// countUpTo bounds what counting costs when Kafka was away for long.
const countUpTo = 100_000

// waiting are the events that are not published yet, of all topics. The oldest is
// looked for among those that are counted.
func waiting(ctx context.Context, db *database.DB) (*backlog, error) {
	var b backlog
	err := db.SQL().QueryRowContext(ctx, `SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
		FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY topic, partition, id LIMIT $1) w`, countUpTo).Scan(&b.Waiting, &b.Oldest)
	if err != nil {
		return nil, fmt.Errorf("count what waits in the outbox: %w", err)
	}
	return &b, nil
}

// lag is where this host finds how far its events are.
func (e *events) lag(db *database.DB) lag.Source {
	return lag.Source{DB: db, Broker: e.kafka, Groups: []lag.Group{
		{Name: postsGroup, Topics: []string{postsTopic.Name}},
		{Name: feedGroup, Topics: []string{commentsTopic.Name}},
		{Name: mailGroup, Topics: []string{commentsTopic.Name}},
	}}
}

// registerMoves mounts what moves who may write, what fills, compares and repairs the
// other side, and what was put aside. All of it wants the token.
func (e *events) registerMoves(server *echo.Echo, db *database.DB, token string) {
	httpkit.Guard(server, token, map[string]http.Handler{
		"/ownership/" + commentstore.Resource: remote.Handler(e.side),
		"/backfill/" + commentstore.Resource:  backfill.Handler(e.backfill),
		"/reconcile/" + commentstore.Resource: reconcile.Handler(commentstore.NewDigests(db), e.repairer),
		inbox.LettersPath:                     inbox.LettersHandler(inbox.NewDeadLetters(db), consumers()...),
		lag.Path:                              lag.Handler(e.lag(db)),
	})
}
