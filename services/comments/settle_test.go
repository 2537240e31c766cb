package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments/store"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
)

// administrated is the monolith's admin port, as far as settling asks it.
func (m *monolith) administrated(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	for path, handler := range map[string]http.Handler{
		"/ownership/comments": remote.Handler(m.side), "/backfill/comments": backfill.Handler(m.fill),
		"/reconcile/comments": reconcile.Handler(store.NewDigests(m.db), m.kept),
	} {
		mux.Handle(path, handler)
		mux.Handle(path+"/", handler)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+adminToken {
			http.Error(w, "send the token", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// settles runs fill or own as a one-shot container does.
func (w *world) settles(t *testing.T, r *running, monolith string, args ...string) (string, error) {
	t.Helper()
	return w.commands(t, append(args, "--monolith-admin", monolith, "--comments-admin", "http://"+r.AdminPort.Address())...)
}

func TestADeploymentThatBeginsWithTheServiceAsOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	w.monolith.writes(t, post, ann, "was there before")
	r, admin := w.serves(t), w.monolith.administrated(t)

	out, err := w.settles(t, r, admin, "fill")
	require.NoError(t, err, out)
	require.Equal(t, []string{"was there before"}, r.as(t, ann).reads(post).bodies())
	for range 2 { // done once, it does nothing
		out, err = w.settles(t, r, admin, "own")
		require.NoError(t, err, out)
	}
	row, err := r.ask(t).Row(t.Context())
	require.NoError(t, err)
	require.True(t, row.Is(ownership.Owner, 2), "the routes of a fresh start say so: %s", row)
	r.as(t, ann).says(post, "and now here").is(201)
	out, err = w.settles(t, r, admin, "fill")
	require.NoError(t, err, out)

	out, err = w.settles(t, r, admin, "own", peer)
	require.NoError(t, err, out)
	row, err = w.monolith.side.Row(t.Context())
	require.NoError(t, err)
	require.True(t, row.Is(ownership.Owner, 3), "and back: %s", row)
}

func TestWhoLacksSomethingIsNotMadeTheOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.monolith.person("Ann", contracts.Author)
	w.monolith.writes(t, w.monolith.post(ann), ann, "there")
	r, admin := w.serves(t), w.monolith.administrated(t)
	out, err := w.settles(t, r, admin, "fill")
	require.NoError(t, err, out)
	require.NoError(t, r.parts.db.Gorm(t.Context()).Exec("UPDATE comments SET body = 'altered'").Error)
	_, err = w.settles(t, r, admin, "own")
	require.ErrorContains(t, err, "comments does not hold what monolith holds; repair that first")
	row, err := w.monolith.side.Row(t.Context())
	require.NoError(t, err)
	require.True(t, row.Is(ownership.Owner, 1), "nothing was begun: %s", row)

	_, err = w.settles(t, r, admin, "own", "gateway")
	require.ErrorContains(t, err, `own "gateway": give comments or monolith`)
	_, err = w.commands(t, "own", "--monolith-admin", "http://127.0.0.1:1", "--comments-admin", "http://127.0.0.1:1", "--within", "1s")
	require.ErrorContains(t, err, "127.0.0.1:1")
}
