package backfill

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestARunOverTheAdminPort(t *testing.T) {
	t.Parallel()
	r := newRig(t, 100)
	runner := r.runner(nil)
	r.runs(runner)
	server := httptest.NewServer(Handler(runner))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	t.Cleanup(server.Close)
	c := NewClient(ClientConfig{Resource: "things", Name: "owner", URLs: []string{gone.URL, server.URL}})
	t.Cleanup(c.Close)

	s, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, None, s.State)
	run := newRun(t)
	s, err = c.Start(t.Context(), Order{Run: run, Rate: 100})
	require.NoError(t, err)
	require.Equal(t, run, s.Run)
	s, err = c.Pause(t.Context())
	require.NoError(t, err)
	require.Equal(t, Paused, s.State)
	_, err = c.Start(t.Context(), Order{Run: run})
	require.NoError(t, err)
	seen := 0
	s, err = c.Await(t.Context(), run, often, func(Status) { seen++ })
	require.NoError(t, err)
	require.EqualValues(t, 100, s.Rows)
	require.Positive(t, seen)
	r.sentOnce(run, 100)

	missing, err := c.Missing(t.Context(), run)
	require.NoError(t, err)
	require.Contains(t, missing, "nothing of the backfill "+run, "it is the other side that applies")
	for partition := range 2 {
		require.NoError(t, r.db.InTx(t.Context(), func(tx *gorm.DB) error { return Note(tx, "things", run, partition, 2, 1, true) }))
	}
	missing, err = c.Missing(t.Context(), run)
	require.NoError(t, err)
	require.Empty(t, missing)
	_, err = c.Missing(t.Context(), "x")
	require.ErrorIs(t, err, ErrOrder)
	_, err = c.Start(t.Context(), Order{Run: "x"})
	require.ErrorIs(t, err, ErrOrder)
	require.ErrorContains(t, err, "mint a UUIDv7")
	_, err = c.Await(t.Context(), newRun(t), often, func(Status) {})
	require.ErrorContains(t, err, "was replaced")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Await(ended, run, often, func(Status) {})
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhatIsNoOrderIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	server := httptest.NewServer(Handler(r.runner(nil)))
	t.Cleanup(server.Close)
	for body, status := range map[string]int{"": 200, "{}": 200, "{": 400, `{"rate": "fast"}`: 400, `{"unknown": 1}`: 400, `{"run": "` + strings.Repeat("x", orderLimit) + `"}`: 400} {
		answer, err := http.Post(server.URL+"/backfill/things", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, status, answer.StatusCode, body)
	}
	answer, err := http.Post(server.URL+"/backfill", "application/json", nil)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 404, answer.StatusCode)
}
