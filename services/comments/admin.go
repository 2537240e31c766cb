package main

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/lag"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
)

// topology is what GET /topology answers: what runs here, who owns, and how far events
// have come.
type topology struct {
	hosting.Description
	Seams     seams                      `json:"seams"`
	Uses      []hosting.Use              `json:"uses"`
	Ownership map[string]ownership.Row   `json:"ownership,omitempty"`
	Backfill  map[string]backfill.Status `json:"backfill,omitempty"`
	Outbox    *backlog                   `json:"outbox,omitempty"`
	Error     string                     `json:"error,omitempty"` // why the last three are not all there
}

// seams are the places where this host could be wired otherwise: in it there are none
// yet, but the tool asks every host for them.
type seams struct {
	Comments string `json:"comments"`
	Events   string `json:"events"` // outbox, or why there are none yet
}

// backlog is what waits to be published, counted up to a bound.
type backlog struct {
	Waiting int `json:"waiting"`
}

const mostWaiting = 10_000

// adminServer is the port that only the cluster reaches. Who may write is moved here,
// rows are counted and sent again, what was put aside is handled after all: all of it
// wants the token.
func (h *host) adminServer() *echo.Echo {
	e := httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: h.Logger, Registry: h.Registry, Ready: h.Ready,
		Topology: func() any { return h.topology() },
	})
	httpkit.Guard(e, h.cfg.AdminToken, map[string]http.Handler{
		"/ownership/" + store.Resource: remote.Handler(h.parts.side),
		"/backfill/" + store.Resource:  backfill.Handler(h.parts.backfill),
		"/reconcile/" + store.Resource: reconcile.Handler(store.NewDigests(h.parts.db), h.parts.kept),
		inbox.LettersPath:              inbox.LettersHandler(inbox.NewDeadLetters(h.parts.db), group),
		lag.Path:                       lag.Handler(h.lag()),
	})
	return e
}

// lag is where the host finds how far its events are.
func (h *host) lag() lag.Source {
	return lag.Source{DB: h.parts.db, Broker: h.kafka, Groups: []lag.Group{{Name: group, Topics: []string{topic.Name}}}}
}

func (h *host) topology() topology {
	t := topology{
		Description: h.Describe(h.cfg.PublicURL, "comments"),
		Seams:       seams{Comments: "local", Events: "outbox"}, Uses: h.uses(),
	}
	if state := h.topics.State(); state != hosting.TopicsReady {
		t.Seams.Events = state
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := h.measure(ctx, &t); err != nil {
		t.Error = err.Error()
	}
	return t
}

// measure asks the database; without it the rest is told all the same.
func (h *host) measure(ctx context.Context, t *topology) error {
	row, err := h.parts.side.Row(ctx)
	if err != nil {
		return err
	}
	t.Ownership = map[string]ownership.Row{store.Resource: row}
	filled, err := h.parts.backfill.Status(ctx)
	if err != nil {
		return err
	}
	t.Backfill = map[string]backfill.Status{store.Resource: filled}
	waiting, err := outbox.Waiting(ctx, h.parts.db, topic.Name, mostWaiting)
	if err != nil {
		return err
	}
	t.Outbox = &backlog{waiting}
	return nil
}

// uses is what the host is wired to.
func (h *host) uses() []hosting.Use {
	list := []hosting.Use{h.cfg.UsesDatabase(), h.cfg.UsesKafka(topic.Name)}
	urls, _ := h.cfg.Monolith() // it was checked
	for _, u := range urls {
		list = append(list, hosting.Uses("http", peer, u))
	}
	return list
}
