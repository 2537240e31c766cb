package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/services/comments/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	houseKey   = "0123456789abcdef0123456789abcdef"
	adminToken = "a-token-for-tests-only"
	soon       = 30 * time.Second
	often      = 10 * time.Millisecond
)

// world is the service and what stands around it: a broker, and the monolith.
type world struct {
	kafka    *embeddedkafka.Kafka
	monolith *monolith
	database string // the service's
}

// newWorld starts what stands around the service; the service itself is not up yet.
func newWorld(t *testing.T) *world {
	t.Helper()
	kafka, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kafka.Stop(context.Background())) })
	return &world{kafka: kafka, monolith: newMonolith(t, kafka.Addr()), database: emptyDatabase(t)}
}

// emptyDatabase has the service's tables.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	return embeddedtest.Prepared(t, "comments", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url, MaxConns: 2})
		if err != nil {
			return err
		}
		defer db.Close()
		return migrateAll(ctx, db)
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// running is a replica of the service.
type running struct {
	*host
	stopped bool
}

// env is the service's environment in a world; what is given later wins.
func (w *world) env(more ...string) []string {
	return append([]string{
		"LISTEN_ADDR=127.0.0.1:0", "ADMIN_ADDR=127.0.0.1:0", "ADMIN_TOKEN=" + adminToken, "DATABASE_URL=" + w.database,
		"KAFKA_ADDRS=" + w.kafka.Addr(), "MONOLITH_URLS=" + w.monolith.url, "IDENTITY_KEY=" + houseKey,
		"PUBLIC_URL=http://blog.test", "DRAIN_NOTICE=0s",
	}, more...)
}

// serves starts a replica of the service.
func (w *world) serves(t *testing.T, more ...string) *running {
	t.Helper()
	cfg, err := config.Load(w.env(more...))
	require.NoError(t, err)
	h, err := start(t.Context(), cfg, quiet())
	require.NoError(t, err)
	r := &running{host: h}
	t.Cleanup(func() { r.ends(t) })
	return r
}

// ends stops the replica as SIGTERM does.
func (r *running) ends(t *testing.T) {
	t.Helper()
	if !r.stopped {
		r.stopped = true
		require.NoError(t, r.Stop())
	}
}

// ask is the service's side, asked over its admin port.
func (r *running) ask(t *testing.T) *remote.Client {
	t.Helper()
	c := remote.NewClient(remote.ClientConfig{
		Resource: store.Resource, Name: name, URLs: []string{"http://" + r.AdminPort.Address()}, Token: adminToken,
	})
	t.Cleanup(c.Close)
	return c
}

// isFilled runs a backfill and waits until the service has all of it.
func (w *world) isFilled(t *testing.T, r *running) {
	t.Helper()
	_, err := w.monolith.fill.Start(t.Context(), backfill.Order{Run: contracts.NewID()})
	require.NoError(t, err)
	require.Eventually(t, func() bool { err = r.ask(t).Ready(t.Context(), 1); return err == nil }, soon, often, "%v", &err)
}

// handsOver makes the side of that name the owner, as the tool does without a gateway.
func (w *world) handsOver(t *testing.T, r *running, to string) handover.Outcome {
	t.Helper()
	c, err := handover.New(handover.Config{
		Resource: store.Resource, Sides: [2]handover.Side{w.monolith.side, r.ask(t)}, Gateways: open{}, Router: open{}, By: "test",
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	out, err := c.Move(ctx, to)
	require.NoError(t, err)
	return out
}

// open is a gateway that holds nothing and routes nothing.
type open struct{}

func (open) Hold(context.Context, time.Duration) (handover.Hold, error) { return open{}, nil }
func (open) Settle(context.Context, time.Duration) error                { return nil }
func (open) Release(context.Context) error                              { return nil }
func (open) Route(context.Context, string, int64) error                 { return nil }

// said is a comment as the monolith's store takes it.
func said(postID string, v contracts.Viewer, body string) contracts.Comment {
	now := time.Now().UTC().Truncate(time.Microsecond)
	return contracts.Comment{
		ID: contracts.NewID(), PostID: postID, Author: v.Person, Body: body, HTML: fmt.Sprintf("<p>%s</p>", body),
		Status: contracts.Approved, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
}
