package main

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/services/comments/internal/config"
)

func TestItDrainsBeforeItEnds(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)

	noticed, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.PublicPort.Drain(noticed, time.Hour) }() // what the host's stop does first
	visitor := r.as(t, contracts.Viewer{})
	require.Eventually(t, func() bool { return visitor.send("GET", "/readyz", nil).status == 503 }, soon, often)
	require.Equal(t, "draining\n", string(visitor.send("GET", "/readyz", nil).body))
	r.asAdmin(t).send("GET", "/readyz", nil).is(503)
	visitor.send("GET", "/livez", nil).is(200)
	r.as(t, ann).says(post, "Just before").is(201)
	cancel() // everybody has noticed
	<-ended
	_, err := net.DialTimeout("tcp", r.PublicPort.Address(), time.Second)
	require.Error(t, err)
	r.ends(t)

	again := w.serves(t)
	require.Equal(t, []string{"Just before"}, again.as(t, ann).reads(post).bodies())
	require.Eventually(t, func() bool { return len(w.monolith.effects()) == 1 }, soon, often, "its event goes out, by whichever replica")
}

func TestAStopEndsAllOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	cfg, err := config.Load(w.env("LISTEN_ADDR=127.0.0.1:" + strconv.Itoa(port)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg, quiet()) }()
	require.Eventually(t, func() bool { return healthcheck(t.Context(), cfg, quiet()) == nil }, soon, often)
	http.DefaultClient.CloseIdleConnections()
	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(soon):
		t.Fatal("it does not end")
	}
}

func TestItAnswersBeforeKafkaDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	r := w.serves(t, "KAFKA_ADDRS=127.0.0.1:"+strconv.Itoa(port))
	require.Empty(t, r.as(t, ann).reads(post).bodies())
	var told topology
	require.Eventually(t, func() bool {
		r.asAdmin(t).send("GET", "/topology", nil).is(200).into(&told)
		return told.Seams.Events != "starting"
	}, soon, often)
	require.Contains(t, told.Seams.Events, "banyan.comments.v1", "it says what is missing: %s", told.Seams.Events)

	kafka, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{Port: port})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kafka.Stop(context.Background())) })
	require.Eventually(t, func() bool {
		r.asAdmin(t).send("GET", "/topology", nil).is(200).into(&told)
		return told.Seams.Events == "outbox"
	}, soon, often)
}

func TestWhatCanNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	for variable, want := range map[string]string{
		"LISTEN_ADDR=" + taken.Addr().String():                           "the port is taken",
		"DATABASE_URL=postgres://nobody:wrong@127.0.0.1:1/comments":      "can't be opened",
		"ADMIN_ADDR=" + taken.Addr().String():                            "ADMIN_ADDR",
		"DATABASE_URL=" + w.database + "_is_no_database&connect_timeout": "DATABASE_URL",
	} {
		cfg, err := config.Load(w.env("DB_WAIT=0s", variable))
		require.NoError(t, err)
		_, err = start(t.Context(), cfg, quiet())
		require.ErrorContains(t, err, want, variable)
		require.NotContains(t, err.Error(), "wrong", "no password is shown")
	}
}

func TestTheProbeAsksTheRunningOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.serves(t)
	cfg := r.cfg
	cfg.ListenAddr = r.PublicPort.Address()
	require.NoError(t, healthcheck(t.Context(), cfg, quiet()))
	r.ends(t)
	require.ErrorContains(t, healthcheck(t.Context(), cfg, quiet()), "ask http://"+cfg.ListenAddr+"/livez")
	http.DefaultClient.CloseIdleConnections()
}

func TestMigrateMakesTheTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, execute(t, w.database, func(ctx context.Context, q querier) error {
		_, err := q.Exec(ctx, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		return err
	}))
	for range 2 {
		_, err := w.commands(t, "migrate")
		require.NoError(t, err)
	}
	require.Empty(t, rows(t, w.database))
}
