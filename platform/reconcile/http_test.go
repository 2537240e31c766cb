package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
)

// repairer notes what it was asked for, or is not the owner.
type repairer struct {
	wants []reconcile.Want
	err   error
}

func (r *repairer) Repair(_ context.Context, wants []reconcile.Want) (reconcile.Repaired, error) {
	if r.err != nil {
		return reconcile.Repaired{}, r.err
	}
	r.wants = append(r.wants, wants...)
	return reconcile.Repaired{Sent: len(wants), Left: []reconcile.Left{{Key: wants[0].Key, Why: "no event can"}}}, nil
}

func serve(t *testing.T, handler http.Handler, token string) string {
	t.Helper()
	admin := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	admin.Group("/reconcile/things", httpkit.Bearer(token)).Any("/*", echo.WrapHandler(handler))
	server := httptest.NewServer(admin)
	t.Cleanup(server.Close)
	return server.URL
}

func client(t *testing.T, token string, urls ...string) *reconcile.Client {
	t.Helper()
	c := reconcile.NewClient(reconcile.ClientConfig{Resource: "things", Name: "monolith", URLs: urls, Token: token})
	t.Cleanup(c.Close)
	return c
}

func report(n int) (r reconcile.Report) {
	for i := range n {
		key := reconcile.Key{Kind: "thing", Place: place(i)}
		r.Differences = append(r.Differences, reconcile.Difference{Key: key, What: reconcile.Newer, Owner: &reconcile.Row{Version: 1}, Follower: &reconcile.Row{Version: 7, About: "it"}})
	}
	return r
}

func TestARepairGoesToTheOwnerInParts(t *testing.T) {
	t.Parallel()
	owner := &repairer{}
	c := client(t, "secret", serve(t, reconcile.Handler(&memory{}, owner), "secret"))
	done, err := reconcile.Repair(t.Context(), c, report(1200))
	require.NoError(t, err)
	require.Len(t, owner.wants, 1200)
	require.Equal(t, 1200, done.Sent)
	require.Len(t, done.Left, 3, "one of each part")
	require.Equal(t, reconcile.Want{Key: owner.wants[0].Key, What: reconcile.Newer, Above: 7, About: "it"}, owner.wants[0])

	owner.err = fmt.Errorf("repair: %w", &ownership.NotOwnerError{Resource: "things", Side: "monolith", State: ownership.Follower, Owner: "service", Epoch: 4})
	_, err = reconcile.Repair(t.Context(), c, report(1))
	var notOwner *ownership.NotOwnerError
	require.ErrorAs(t, err, &notOwner)
	require.Equal(t, "service", notOwner.Owner)

	none := client(t, "secret", serve(t, reconcile.Handler(&memory{}, nil), "secret"))
	_, err = reconcile.Repair(t.Context(), none, report(1))
	require.ErrorContains(t, err, "repair: it answers 404")
}

func TestTheNextReplicaIsAskedWhenOneIsAway(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.fill(t, 300)
	gone := httptest.NewServer(nil)
	gone.Close()
	var n atomic.Int64 // each connection has a goroutine
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			panic(http.ErrAbortHandler)
		}
		reconcile.Handler(reconcile.NewTables(p.dbs[0], things, marks), nil).ServeHTTP(w, r)
	}))
	t.Cleanup(flaky.Close)
	for i, name := range []string{"owner", "follower"} {
		p.sides[i] = side(t, name, reconcile.NewTables(p.dbs[i], things, marks), gone.URL, flaky.URL)
	}
	require.True(t, p.compare(t, reconcile.Options{RangeRows: 20}).Clean())
}

func TestQuestionsThatCantBeAreRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	handler := reconcile.Handler(reconcile.NewTables(p.dbs[0], things, marks), &repairer{})
	url := serve(t, handler, "secret")
	many := make([]reconcile.Range, reconcile.MaxRanges+1)
	c := client(t, "secret", url)
	for says, ask := range map[string]func() error{
		"1025 ranges are too many": func() error { _, err := c.Digests(t.Context(), many); return err },
		"1025 places are too many": func() error {
			_, err := c.Find(t.Context(), "thing", make([]string, reconcile.MaxPlaces+1))
			return err
		},
		"501 wants are too many": func() error {
			_, err := c.Repair(t.Context(), make([]reconcile.Want, reconcile.MaxWants+1))
			return err
		},
		`there is no kind \"song\"`: func() error { _, err := c.Find(t.Context(), "song", nil); return err },
		`place \"x'; --\" can't be`: func() error { _, err := c.Find(t.Context(), "thing", []string{"x'; --"}); return err },
		`place \"{}\" can't be`: func() error {
			_, err := c.Rows(t.Context(), []reconcile.Range{{Kind: "thing", After: "{}"}})
			return err
		},
		"split into parts of 0 rows": func() error { _, err := c.Split(t.Context(), []reconcile.Range{{Kind: "thing"}}, 0); return err },
		"refuses our ADMIN_TOKEN":    func() error { _, err := client(t, "other", url).Kinds(t.Context()); return err },
		"the question is not as expected": func() error {
			_, err := c.Digests(t.Context(), []reconcile.Range{{Kind: strings.Repeat("x", 2<<20)}})
			return err
		},
	} {
		require.ErrorContains(t, ask(), says)
	}
}

func TestARangeOfTooManyRowsIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, "")
	run(t, db, "INSERT INTO things SELECT md5(i::text)::uuid, 1, '', 'epoch' FROM generate_series(1, ?) AS i", reconcile.MaxRows+1)
	_, err := reconcile.NewTables(db, things).Rows(t.Context(), []reconcile.Range{{Kind: "thing"}})
	require.ErrorIs(t, err, reconcile.ErrTooMany)
}

// A host's server has little patience with its users; a digest may take longer.
func TestAnAnswerMayTakeItsTime(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	slow := &memory{before: func(string) { time.Sleep(4 * short) }} // is what is tested
	admin := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	admin.Any("/reconcile/things/*", echo.WrapHandler(reconcile.Handler(slow, nil)))
	server := httptest.NewUnstartedServer(admin)
	server.Config.ReadTimeout, server.Config.WriteTimeout = short, short
	server.Start()
	t.Cleanup(server.Close)
	for range 2 {
		_, err := client(t, "", server.URL).Digests(t.Context(), []reconcile.Range{{Kind: "thing"}})
		require.NoError(t, err)
	}
}

func TestAComparisonEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	owner := &memory{before: func(question string) {
		if question == "digests" {
			cancel(errors.New("enough"))
		}
	}}
	follower := &memory{rows: map[reconcile.Key]reconcile.Row{}}
	follower.put(1, 1, "one")
	_, err := reconcile.Compare(ctx, owner, follower, reconcile.Options{})
	require.ErrorIs(t, err, context.Canceled)
	follower.rows[reconcile.Key{Kind: "thing", Place: place(1)}] = reconcile.Row{Key: reconcile.Key{Kind: "song"}}
	_, err = reconcile.Compare(t.Context(), &memory{}, follower, reconcile.Options{})
	require.ErrorContains(t, err, `told of one of kind "song"`)
}
