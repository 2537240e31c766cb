package transfer

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/backfill"
	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
)

// nothing is a resource without rows: this test is about who has applied what.
type nothing struct{}

func (nothing) Own(*gorm.DB) (int64, error)                              { return 1, nil }
func (nothing) Page(*gorm.DB, backfill.Place) (p backfill.Page, _ error) { return p, nil }

// newFollower is a follower that wants a whole backfill, with its admin port.
func newFollower(t *testing.T) (Hosts, *database.DB) {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Prepared(t, "transfer-follower", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		if err := ownership.Migrate(ctx, db); err != nil {
			return err
		}
		return backfill.Migrate(ctx, db)
	})})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	side, err := ownership.New(db, ownership.Config{
		Resource: "notes", Name: "comments", Peer: "monolith", Markers: &feed{}, Drained: &feed{}, Requires: []ownership.Requirement{backfill.Complete("notes")},
	})
	require.NoError(t, err)
	_, err = side.Adopt(t.Context(), ownership.Follower, "the first day")
	require.NoError(t, err)
	runner, err := backfill.New(db, backfill.Config{Resource: "notes", Source: nothing{}, Topic: broker.Topic{Name: "notes.v1", Partitions: 2}})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/ownership/notes/", remote.Handler(side))
	mux.Handle("/backfill/notes/", backfill.Handler(runner))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return Hosts{Resource: "notes", Names: [2]string{"monolith", "comments"}, URLs: [2][]string{nil, {server.URL}}}, db
}

// TestABackfillIsAppliedWhenItsOwnChunksAre: a follower that has applied the run before
// is complete by that until the first chunk of this one comes.
func TestABackfillIsAppliedWhenItsOwnChunksAre(t *testing.T) {
	t.Parallel()
	hosts, db := newFollower(t)
	applies := func(run uuid.UUID, partitions ...int) {
		t.Helper()
		require.NoError(t, db.InTx(t.Context(), func(tx *gorm.DB) error {
			for _, p := range partitions {
				if err := backfill.Note(tx, "notes", run.String(), p, 2, 1, true); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	is := func(run uuid.UUID) error {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		return hosts.applied(ctx, 1, 1, run.String())
	}
	first, second := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	applies(first, 0, 1)
	require.NoError(t, is(first))

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.ErrorContains(t, hosts.applied(ctx, 1, 1, second.String()), "nothing of the backfill "+second.String())
	done := make(chan error, 1)
	go func() { done <- is(second) }()
	applies(second, 0)
	applies(second, 1)
	require.NoError(t, <-done)
	require.NoError(t, is(first), "what was done before stays so")
}
