package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
	"banyan.dev/strangler/internal/command"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/transfer"
)

// owning is a small application over a database of its own: a note is written where the
// ownership allows it, and refused elsewhere. Its admin port moves the ownership.
type owning struct {
	db          *database.DB
	side        *ownership.Side
	app, admin  *httptest.Server
	wrote, sent atomic.Int64 // notes, and refusals
	follows     atomic.Value // what it reports of whom it asks: owner or local
}

// nothing is a feed without events: what is written stays where it was written, and
// the test counts both.
type nothing struct{}

func (nothing) Mark(*gorm.DB, ownership.Row) error      { return nil }
func (nothing) Missing(*gorm.DB, int64) (string, error) { return "", nil }
func (o *owning) answers(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = o.db.InTx(r.Context(), func(tx *gorm.DB) error {
			if err := o.side.Guard(tx); err != nil {
				return err
			}
			return tx.Exec("INSERT INTO notes VALUES (?)", string(body)).Error
		})
	}
	var elsewhere *ownership.NotOwnerError
	switch {
	case errors.As(err, &elsewhere):
		o.sent.Add(1)
		w.Header().Set("Strangler-Owner", elsewhere.Owner)
		w.Header().Set("Strangler-Epoch", strconv.FormatInt(elsewhere.Epoch, 10))
		w.WriteHeader(http.StatusMisdirectedRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		o.wrote.Add(1)
	}
}

func startOwning(t *testing.T, name, peer string, as ownership.State) *owning {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Database(t), MaxConns: 10})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, ownership.Migrate(t.Context(), db))
	require.NoError(t, db.Gorm(t.Context()).Exec("CREATE TABLE notes (id text PRIMARY KEY)").Error)
	require.NoError(t, db.Gorm(t.Context()).Exec("CREATE TABLE fed (id uuid PRIMARY KEY, note text)").Error)
	require.NoError(t, db.Gorm(t.Context()).Exec("INSERT INTO fed VALUES ('018f0000-0000-7000-8000-000000000001', 'what both hold')").Error)
	side, err := ownership.New(db, ownership.Config{Resource: "notes", Name: name, Peer: peer, Markers: nothing{}, Drained: nothing{}})
	require.NoError(t, err)
	_, err = side.Adopt(t.Context(), as, "the test")
	require.NoError(t, err)
	o := &owning{db: db, side: side}
	o.follows.Store("owner")
	o.app = httptest.NewServer(http.HandlerFunc(o.answers))
	t.Cleanup(o.app.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/topology", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"seams": map[string]any{"notes": o.follows.Load(), "others": 1}})
	})
	mux.Handle("/ownership/notes", remote.Handler(side))
	mux.Handle("/ownership/notes/", remote.Handler(side))
	fed := reconcile.NewTables(db, reconcile.Table{Kind: "note", From: "fed", Place: "id", Content: []string{"note"}})
	mux.Handle("/reconcile/notes/", reconcile.Handler(fed, nil))
	o.admin = httptest.NewServer(mux)
	t.Cleanup(o.admin.Close)
	return o
}

func (o *owning) notes(t *testing.T) map[string]bool {
	t.Helper()
	var ids []string
	require.NoError(t, o.db.Gorm(t.Context()).Raw("SELECT id FROM notes").Find(&ids).Error)
	all := map[string]bool{}
	for _, id := range ids {
		all[id] = true
	}
	return all
}

// owned are two gateways with one file before the two sides of a resource.
type owned struct {
	file          string
	public, admin []string
	old, next     *owning
}

func startOwned(t *testing.T) *owned {
	t.Helper()
	t.Setenv("ADMIN_TOKEN", rampToken)
	o := &owned{file: filepath.Join(t.TempDir(), "gateway.yaml"),
		old: startOwning(t, "monolith", "comments", ownership.Owner), next: startOwning(t, "comments", "monolith", ownership.Follower)}
	require.NoError(t, os.WriteFile(o.file, []byte(fmt.Sprintf(`revision: 7   # of the test
resources:
  notes: {owner: monolith, epoch: 1} # who writes
owners:
  monolith: {replicas: [{name: monolith-0, url: %q}]}
  comments: {replicas: [{name: comments-0, url: %q}]}
routes:
  - name: notes
    match: {path: "/notes", methods: [POST]}
    resource: notes
    hold: {max_wait: 5s, max_requests: 500}
  - {name: pages, match: {path: "/*"}, owner: monolith}
`, o.old.app.URL, o.next.app.URL)), 0o600))
	for range 2 {
		public, admin := address(t), address(t)
		runs(t, "gateway", admin, "CONFIG_FILE="+o.file, "LISTEN_ADDR="+public, "ADMIN_TOKEN="+rampToken, "LOG_LEVEL=warn", "DRAIN_NOTICE=0s")
		o.public, o.admin = append(o.public, "http://"+public), append(o.admin, "http://"+admin)
	}
	return o
}

// writers write notes by both gateways until stop, which returns those that were
// acknowledged and how many failed.
func (o *owned) writers(t *testing.T, n int) (stop func() (acknowledged []string, failed int64)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}}
	var failed atomic.Int64
	var mu sync.Mutex
	var acknowledged []string
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for turn := 0; ctx.Err() == nil; turn++ {
				note := fmt.Sprintf("%d-%d", i, turn)
				res, err := client.Post(o.public[turn%2]+"/notes", "text/plain", strings.NewReader(note))
				if err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err != nil {
					continue
				}
				_ = res.Body.Close()
				if res.StatusCode == http.StatusOK {
					mu.Lock()
					acknowledged = append(acknowledged, note)
					mu.Unlock()
				}
			}
		})
	}
	return func() ([]string, int64) {
		cancel()
		all.Wait()
		client.CloseIdleConnections()
		return acknowledged, failed.Load()
	}
}

func (o *owned) flags(more ...string) []string {
	return append([]string{"handover", "--resource", "notes", "--monolith-admin", o.old.admin.URL, "--comments-admin", o.next.admin.URL,
		"--gateway-admin", strings.Join(o.admin, ","), "--file", o.file}, more...)
}

func (o *owned) command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, progress bytes.Buffer
	err := command.Execute(t.Context(), o.flags(args...), &out, &progress)
	return out.String(), err
}

// TestOwnershipGoesThereAndBackByACommandWhilePeopleWrite: real gateways, real
// databases, and nothing fails or is written twice.
func TestOwnershipGoesThereAndBackByACommandWhilePeopleWrite(t *testing.T) {
	o := startOwned(t)
	stop := o.writers(t, 8)
	for i, to := range []string{"comments", "monolith", "comments"} {
		side := map[string]*owning{"monolith": o.old, "comments": o.next}[to]
		before := side.wrote.Load()
		out, err := o.command(t, "--to", to, "--json")
		require.NoError(t, err)
		var outcome handover.Outcome
		require.NoError(t, json.Unmarshal([]byte(out), &outcome), out)
		require.Equal(t, to, outcome.Owner)
		require.EqualValues(t, i+2, outcome.Epoch)
		t.Logf("to %s: held %s, unowned %s", to, outcome.Held, outcome.Unowned)
		require.Eventually(t, func() bool { return side.wrote.Load() > before+20 }, waitFor, time.Millisecond, "the new owner writes")
	}
	acknowledged, failed := stop()
	require.Zero(t, failed, "of %d", len(acknowledged))
	old, next := o.old.notes(t), o.next.notes(t)
	require.Len(t, acknowledged, len(old)+len(next), "each once")
	for _, note := range acknowledged {
		require.NotEqual(t, old[note], next[note], "%s is at one of them", note)
	}
	text, err := os.ReadFile(o.file)
	require.NoError(t, err)
	require.Contains(t, string(text), "revision: 10   # of the test")
	require.Contains(t, string(text), "notes: {owner: comments, epoch: 4} # who writes")

	status, err := o.command(t, "--status")
	require.NoError(t, err)
	require.Contains(t, status, "comments   owner at 4")
	require.Contains(t, status, "monolith   follower at 4")
	require.Equal(t, 2, strings.Count(status, "routes to comments at epoch 4 (revision 10), and holds nothing"), status)
}

// waitFor bounds a condition that comes by itself.
const waitFor = 20 * time.Second

// TestAHandoverGoesOnWhereAnotherCommandDied: fenced, with the gates closed, and the
// routes not told.
func TestAHandoverGoesOnWhereAnotherCommandDied(t *testing.T) {
	o := startOwned(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	fleet := ramp.Gateways{URLs: o.admin, Token: rampToken, Client: client}
	gates := transfer.Gateways{Fleet: fleet, Routes: []string{"notes"}}
	_, err := gates.Hold(t.Context(), 30*time.Second)
	require.NoError(t, err)
	_, err = gates.Hold(t.Context(), 30*time.Second)
	require.ErrorIs(t, err, handover.ErrHeld)
	row, err := o.next.side.Row(t.Context())
	require.NoError(t, err)
	_, err = o.old.side.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, Other: row, By: "who died"})
	require.NoError(t, err)
	status, err := o.command(t, "--status")
	require.NoError(t, err)
	require.Contains(t, status, "monolith   fenced at 1")
	require.Contains(t, status, "holds [notes]")

	_, err = o.command(t, "--to", "comments")
	require.NoError(t, err)
	require.NoError(t, gates.Forget(t.Context()), "what the dead one holds")
	res, err := client.Post(o.public[0]+"/notes", "text/plain", strings.NewReader("after"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.True(t, o.next.notes(t)["after"])
}

// TestRoutesDoNotGoBackToAnOlderEpoch: a coordinator that was paused for an hour.
func TestRoutesDoNotGoBackToAnOlderEpoch(t *testing.T) {
	o := startOwned(t)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	router := &transfer.FileRouter{Fleet: ramp.Gateways{URLs: o.admin, Token: rampToken, Client: client}, Resource: "notes", Path: o.file}
	require.NoError(t, router.Route(t.Context(), "comments", 4))
	require.NoError(t, router.Route(t.Context(), "comments", 4), "what is in force already")
	require.ErrorIs(t, router.Route(t.Context(), "monolith", 3), handover.ErrOutrun)
	require.ErrorIs(t, router.Route(t.Context(), "monolith", 4), handover.ErrContradiction)
	text, err := os.ReadFile(o.file)
	require.NoError(t, err)
	require.Contains(t, string(text), "revision: 8   # of the test")
	require.Contains(t, string(text), "{owner: comments, epoch: 4}")
}

// TestAHostThatKeepsToItsOwnTablesIsNotLeftBehind: its database would refuse what it
// writes.
func TestAHostThatKeepsToItsOwnTablesIsNotLeftBehind(t *testing.T) {
	o := startOwned(t)
	o.old.follows.Store("local")
	_, err := o.command(t, "--to", "comments")
	require.ErrorContains(t, err, o.old.admin.URL+` reports notes "local": it would write where it may not`)
	row, err := o.old.side.Row(t.Context())
	require.NoError(t, err)
	require.Equal(t, "owner at 1", row.String(), "nothing was begun")
	o.old.follows.Store("owner")
	_, err = o.command(t, "--to", "comments")
	require.NoError(t, err)
	o.old.follows.Store("local")
	_, err = o.command(t, "--to", "monolith")
	require.NoError(t, err, "to it there is no danger")
}

func TestAHandoverThatNamesTooLittleSaysWhat(t *testing.T) {
	o := startOwned(t)
	for want, args := range map[string][]string{
		"either --to and a side":       {},
		`--to is "query"`:              {"--to", "query"},
		`--gateway-admin is "host"`:    {"--to", "comments", "--gateway-admin", "host"},
		`there is no resource "posts"`: {"--to", "comments", "--resource", "posts"},
	} {
		_, err := o.command(t, args...)
		require.ErrorContains(t, err, want)
	}
	var out, progress bytes.Buffer
	err := command.Execute(t.Context(), []string{"handover", "--to", "comments", "--monolith-admin", o.old.admin.URL}, &out, &progress)
	require.ErrorContains(t, err, "only one side is named")
	t.Setenv("ADMIN_TOKEN", "")
	_, err = o.command(t, "--to", "comments")
	require.ErrorContains(t, err, "ADMIN_TOKEN is not set")
}
