package remote_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/remote"
)

// says is a side that answers what a test wants.
type says struct {
	row ownership.Row
	err error
}

func (s says) Name() string                                               { return "monolith" }
func (s says) Row(context.Context) (ownership.Row, error)                 { return s.row, s.err }
func (s says) Ready(context.Context, int64) error                         { return s.err }
func (s says) Do(context.Context, ownership.Order) (ownership.Row, error) { return s.row, s.err }
func (s says) Moves(context.Context, int) ([]ownership.Moved, error)      { return nil, s.err }
func (s says) Rehearse(context.Context) (int64, error)                    { return 0, s.err }
func (s says) Rehearsed(context.Context, int64) error                     { return s.err }

func row(state ownership.State, epoch int64) ownership.Row {
	return ownership.Row{Resource: "comments", State: state, Epoch: epoch, By: "somebody"}
}

var order = ownership.Order{Move: ownership.Demote, Epoch: 3, Other: row(ownership.Owner, 4), By: "tool 1"}

func TestErrorsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		kind error
	}{
		"not the owner": {&ownership.NotOwnerError{Resource: "comments", Side: "monolith", State: ownership.Follower, Owner: "comments", Epoch: 7}, ownership.ErrNotOwner},
		"stale":         {&ownership.StaleError{Order: order, Have: row(ownership.Fenced, 9)}, ownership.ErrStale},
		"unproven":      {&ownership.UnprovenError{Order: order, Needs: "the other is owner at e+1"}, ownership.ErrUnproven},
		"not ready":     {&ownership.NotReadyError{Resource: "comments", Missing: []string{"a letter", "a backfill"}}, ownership.ErrNotReady},
		"not drained":   {&ownership.NotReadyError{Resource: "comments", Missing: []string{"a marker"}, Draining: true}, ownership.ErrNotDrained},
		"busy":          {&ownership.BusyError{Resource: "comments", Tries: 8}, ownership.ErrBusy},
		"unknown":       {ownership.ErrUnknown, ownership.ErrUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOf(t, says{err: c.err})
			_, rowErr := client.Row(t.Context())
			_, doErr := client.Do(t.Context(), order)
			_, beginErr := client.Rehearse(t.Context())
			for _, got := range []error{rowErr, doErr, beginErr, client.Ready(t.Context(), 3), client.Rehearsed(t.Context(), 9)} {
				require.ErrorIs(t, got, c.kind)
				require.EqualError(t, got, c.err.Error())
				require.Equal(t, c.err, innermost(got))
				for _, other := range []error{ownership.ErrNotOwner, ownership.ErrStale, ownership.ErrUnproven, ownership.ErrNotReady, ownership.ErrNotDrained, ownership.ErrBusy, ownership.ErrUnknown} {
					require.Equal(t, errors.Is(other, c.kind), errors.Is(got, other), "%v", other)
				}
			}
		})
	}
}

func innermost(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func clientOf(t *testing.T, side remote.Side, more ...string) *remote.Client {
	t.Helper()
	server := httptest.NewServer(remote.Handler(side))
	client := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: append(more, server.URL)})
	t.Cleanup(func() { client.Close(); server.Close() })
	return client
}

// Nobody knows: an error of another kind, and what something in between has said.
func TestWhatIsNoWordOfTheSideIsNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"a database that is away": remote.Handler(says{err: errors.New("connection refused")}).ServeHTTP,
		"a proxy's 404":           http.NotFound,
		"a proxy's 503": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no healthy upstream", http.StatusServiceUnavailable)
		},
		"a problem of others": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"type":"urn:banyan:problem:stale","status":409}`, http.StatusConflict)
		},
		"half a stale": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"type":"urn:banyan:ownership:stale","status":409}`, http.StatusConflict)
		},
		"another resource": remote.Handler(says{row: ownership.Row{Resource: "posts", State: ownership.Owner}}).ServeHTTP,
		"no JSON":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer)
			client := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{server.URL}})
			t.Cleanup(func() { client.Close(); server.Close() })
			_, rowErr := client.Row(t.Context())
			_, doErr := client.Do(t.Context(), order)
			for _, got := range []error{rowErr, doErr} {
				require.Error(t, got)
				for _, kind := range []error{ownership.ErrNotOwner, ownership.ErrStale, ownership.ErrUnproven, ownership.ErrNotReady, ownership.ErrNotDrained, ownership.ErrBusy, ownership.ErrUnknown} {
					require.NotErrorIs(t, got, kind)
				}
			}
		})
	}
}

func TestTheNextReplicaIsAskedWhenOneIsAway(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	ill := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "draining", http.StatusServiceUnavailable) }))
	t.Cleanup(ill.Close)
	silent := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(silent); hung.Close() })
	well := httptest.NewServer(remote.Handler(says{row: row(ownership.Owner, 1)}))
	t.Cleanup(well.Close)
	client := remote.NewClient(remote.ClientConfig{
		Resource: "comments", Name: "monolith", URLs: []string{gone.URL, ill.URL, hung.URL, well.URL + "/"}, Within: 100 * time.Millisecond,
	})
	t.Cleanup(client.Close)
	for range 2 {
		got, err := client.Row(t.Context())
		require.NoError(t, err)
		require.Equal(t, row(ownership.Owner, 1), got)
	}
	none := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{gone.URL, ill.URL}})
	t.Cleanup(none.Close)
	_, err := none.Row(t.Context())
	require.ErrorContains(t, err, "who owns comments: ask monolith: no replica answers")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "answers 503: draining")
}

// As hosts mount it: behind the token, the row's own path and what is below it.
func TestMountedOnAnAdminPort(t *testing.T) {
	t.Parallel()
	admin := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	own := admin.Group("/ownership/comments", httpkit.Bearer("secret"))
	handler := echo.WrapHandler(remote.Handler(says{row: row(ownership.Owner, 1)}))
	own.Any("", handler)
	own.Any("/*", handler)
	server := httptest.NewServer(admin)
	t.Cleanup(server.Close)
	for token, works := range map[string]bool{"secret": true, "other": false, "": false} {
		client := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{server.URL}, Token: token})
		t.Cleanup(client.Close)
		_, rowErr := client.Row(t.Context())
		_, doErr := client.Do(t.Context(), order)
		_, movesErr := client.Moves(t.Context(), 5)
		for _, err := range []error{rowErr, doErr, movesErr, client.Ready(t.Context(), 1)} {
			if works {
				require.NoError(t, err)
				continue
			}
			require.ErrorContains(t, err, "monolith refuses our ADMIN_TOKEN")
		}
	}
}

func TestOrdersThatCantBeAreRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(remote.Handler(says{row: row(ownership.Owner, 1)}))
	t.Cleanup(server.Close)
	for _, c := range []struct{ method, path, body, says string }{
		{"POST", "/moves", `{"move":"seize","epoch":1,"by":"me"}`, `move \"seize\" is unknown`},
		{"POST", "/moves", `{"move":"fence","epoch":1}`, "by is empty"},
		{"POST", "/moves", `{"move":"fence","by":"me","force":true}`, "the body is no order"},
		{"POST", "/moves", `fence!`, "the body is no order"},
		{"POST", "/moves", `{"by":"` + strings.Repeat("x", 1<<20) + `"}`, "the body is no order"},
		{"GET", "/ready?epoch=soon", "", `epoch \"soon\" can't be`},
		{"GET", "/moves?last=0", "", `last \"0\" can't be`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, server.URL+"/ownership/comments"+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		answer, err := server.Client().Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusBadRequest, answer.StatusCode, c.body)
		require.Contains(t, string(body), c.says)
	}
}

// A host of a version before rehearsals answers 404 to them, and not as a side.
func TestAHostWithoutRehearsalsSaysSo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	client := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: "monolith", URLs: []string{server.URL}})
	t.Cleanup(func() { client.Close(); server.Close() })
	_, err := client.Rehearse(t.Context())
	require.ErrorIs(t, err, remote.ErrUntold)
	require.ErrorIs(t, client.Rehearsed(t.Context(), 9), remote.ErrUntold)
}
