package main

import (
	"context"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/lag"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
)

// topology is what GET /topology answers: what runs here, who owns, and how far events
// have come.
type topology struct {
	Host      string                     `json:"host"`
	Replica   string                     `json:"replica"`
	Version   string                     `json:"version"`
	Started   time.Time                  `json:"started_at"`
	Listen    string                     `json:"listen"`
	Public    string                     `json:"public_url"`
	Features  []string                   `json:"features"`
	Seams     seams                      `json:"seams"`
	Uses      []use                      `json:"uses"`
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

// use is something this host works with. The gateway draws its picture from it; no
// credential is in it.
type use struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Topics  []string `json:"topics,omitempty"`
}

// adminServer is the port that only the cluster reaches. Who may write is moved here,
// rows are counted and sent again: all of it wants the token.
func (h *host) adminServer() *echo.Echo {
	e := httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: h.logger, Registry: h.registry, Ready: h.ready,
		Topology: func() any { return h.topology() },
	})
	for path, handler := range map[string]http.Handler{
		"/ownership/" + store.Resource: remote.Handler(h.parts.side),
		"/backfill/" + store.Resource:  backfill.Handler(h.parts.backfill),
		"/reconcile/" + store.Resource: reconcile.Handler(store.NewDigests(h.parts.db), h.parts.kept),
		lag.Path:                       lag.Handler(h.lag()),
	} {
		g := e.Group(path, httpkit.Bearer(h.cfg.AdminToken))
		g.Any("", echo.WrapHandler(handler))
		g.Any("/*", echo.WrapHandler(handler))
	}
	return e
}

// lag is where the host finds how far its events are.
func (h *host) lag() lag.Source {
	return lag.Source{DB: h.parts.db, Broker: h.kafka, Groups: []lag.Group{{Name: group, Topics: []string{topic.Name}}}}
}

func (h *host) topology() topology {
	t := topology{
		Host: name, Replica: h.cfg.Replica, Version: builtFrom(), Started: h.started,
		Listen: h.publicPort.Address(), Public: h.cfg.PublicURL, Features: []string{"comments"},
		Seams: seams{Comments: "local", Events: "outbox"}, Uses: h.uses(),
	}
	if state := h.topics.state(); state != "on" {
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
func (h *host) uses() []use {
	list := []use{reached("postgres", h.cfg.DatabaseURL), {Kind: "kafka", Name: "kafka", Address: strings.Join(h.cfg.KafkaAddrs, ","), Topics: []string{topic.Name}}}
	list[0].Name = strings.TrimPrefix(list[0].Name, "/")
	urls, _ := h.cfg.Monolith() // it was checked
	for _, u := range urls {
		monolith := reached("http", u)
		monolith.Name = peer
		list = append(list, monolith)
	}
	return list
}

// reached keeps host, port and path of a URL that was checked when it was read: not
// who speaks there, nor the options.
func reached(kind, address string) use {
	u, err := url.Parse(address)
	if err != nil {
		return use{Kind: kind, Name: kind}
	}
	return use{Kind: kind, Name: u.Path, Address: u.Host}
}

// version is what a release was linked with (-X main.version=05-comments-dark).
var version string

// builtFrom is the release, or else the commit that the binary was built from.
func builtFrom() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := "unknown"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += "-modified"
		}
	}
	return revision
}
