package remote_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is one of two with a database of its own: a side, and two replicas that answer
// for it.
type host struct {
	*ownership.Side
	t     *testing.T
	db    *database.DB
	other *host
	urls  []string
	// waits is how many more times its feed is asked in vain before all is there.
	waits atomic.Int64
}

// newHosts are the two, the first one the owner. Each request to a first replica goes
// through the cutter.
func newHosts(t *testing.T, c *cutter) [2]*host {
	t.Helper()
	var hosts [2]*host
	for i := range hosts {
		hosts[i] = &host{t: t, db: open(t)}
	}
	for i, name := range []string{"monolith", "comments"} {
		h := hosts[i]
		h.other = hosts[1-i]
		var err error
		h.Side, err = ownership.New(h.db, ownership.Config{
			Resource: "comments", Name: name, Peer: [2]string{"comments", "monolith"}[i], Markers: h, Drained: h,
		})
		require.NoError(t, err)
		as := [2]ownership.State{ownership.Owner, ownership.Follower}[i]
		_, err = h.Adopt(t.Context(), as, "the first day")
		require.NoError(t, err)
		for _, handler := range []http.Handler{c.cutting(remote.Handler(h.Side)), remote.Handler(h.Side)} {
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			h.urls = append(h.urls, server.URL)
		}
	}
	return hosts
}

func open(t *testing.T) *database.DB {
	t.Helper()
	url := embeddedtest.Prepared(t, "remote", func(ctx context.Context, url string) error {
		db, err := database.Open(ctx, database.Config{URL: url})
		if err != nil {
			return err
		}
		defer db.Close()
		if err := ownership.Migrate(ctx, db); err != nil {
			return err
		}
		return db.Gorm(ctx).Exec("CREATE TABLE feed (epoch bigint NOT NULL)").Error
	})
	db, err := database.Open(t.Context(), database.Config{URL: url, MaxConns: 4})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Mark ends the feed.
func (h *host) Mark(tx *gorm.DB, fenced ownership.Row) error {
	return tx.Exec("INSERT INTO feed VALUES (?)", fenced.Epoch).Error
}

// Missing asks whether the other's feed is here to its end.
func (h *host) Missing(_ *gorm.DB, epoch int64) (string, error) {
	if h.waits.Add(-1) >= 0 || h.other.markers(epoch) == 0 {
		return "the marker is on its way", nil
	}
	return "", nil
}

func (h *host) markers(epoch int64) (n int) {
	require.NoError(h.t, h.db.Gorm(context.Background()).Raw("SELECT count(*) FROM feed WHERE epoch = ?", epoch).Scan(&n).Error)
	return n
}

func (h *host) client(replicas int) *remote.Client {
	c := remote.NewClient(remote.ClientConfig{Resource: "comments", Name: h.Name(), URLs: h.urls[:replicas]})
	h.t.Cleanup(c.Close)
	return c
}

// cutter lets requests through, but for one.
type cutter struct {
	mu      sync.Mutex
	seen    int
	at      int  // which one is cut; 0 for none
	done    bool // after it was done, instead of before
	methods []string
}

func (c *cutter) reset(at int, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.at, c.done, c.methods = 0, at, done, nil
}

func (c *cutter) next(r *http.Request) (cut, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen++
	c.methods = append(c.methods, r.Method+" "+r.URL.Path)
	return c.seen == c.at, c.done
}

func (c *cutter) cutting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cut, done := c.next(r)
		if !cut {
			h.ServeHTTP(w, r)
			return
		}
		if done {
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler) // closes the connection without a word
	})
}

// gates and routes are the gateways, as far as a coordinator needs some.
type gates struct{}

func (gates) Hold(context.Context, time.Duration) (handover.Hold, error) { return gates{}, nil }
func (gates) Settle(context.Context, time.Duration) error                { return nil }
func (gates) Release(context.Context) error                              { return nil }

type routes struct {
	owner string
	epoch int64
}

func (r *routes) Route(_ context.Context, owner string, epoch int64) error {
	if epoch < r.epoch {
		return handover.ErrOutrun
	}
	r.owner, r.epoch = owner, epoch
	return nil
}

// move moves the ownership through clients with so many replicas each, forward and
// back, and looks whether all is as it should be.
func move(t *testing.T, hosts [2]*host, replicas int, why string) {
	t.Helper()
	gateway := &routes{}
	c, err := handover.New(handover.Config{
		Resource: "comments", Sides: [2]handover.Side{hosts[0].client(replicas), hosts[1].client(replicas)},
		Gateways: gates{}, Router: gateway, By: "tool " + why, Bounds: handover.Bounds{Retry: time.Millisecond, Poll: time.Millisecond, Drain: time.Minute},
	})
	require.NoError(t, err)
	for _, to := range []int{1, 0} {
		from, err := hosts[1-to].Row(t.Context())
		require.NoError(t, err)
		hosts[to].waits.Store(1)
		outcome, err := c.Move(t.Context(), hosts[to].Name())
		require.NoError(t, err, why)
		require.Equal(t, from.Epoch+1, outcome.Epoch, why)
		require.Equal(t, routes{hosts[to].Name(), from.Epoch + 1}, *gateway, why)
		is(t, hosts[to], ownership.Owner, from.Epoch+1)
		is(t, hosts[1-to], ownership.Follower, from.Epoch+1)
		require.Equal(t, 1, hosts[1-to].markers(from.Epoch), why)
	}
}

func is(t *testing.T, h *host, state ownership.State, epoch int64) {
	t.Helper()
	row, err := h.Row(t.Context())
	require.NoError(t, err)
	require.True(t, row.Is(state, epoch), "%s is %s", h.Name(), row)
}

// Each request of a move there and back is cut once, before it is done or after, with
// one replica to ask, and with another one to turn to.
func TestAMoveSurvivesACutAtAnyRequest(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 2} {
		for name, done := range map[string]bool{"before it is done": false, "after it is done": true} {
			t.Run(fmt.Sprintf("%d replicas, %s", replicas, name), func(t *testing.T) {
				t.Parallel()
				c := &cutter{}
				hosts := newHosts(t, c)
				c.reset(0, done)
				move(t, hosts, replicas, "uncut")
				requests := c.seen
				require.Greater(t, requests, 14, "%q", c.methods)
				for at := 1; at <= requests; at++ {
					c.reset(at, done)
					move(t, hosts, replicas, fmt.Sprintf("cut at %d of %q", at, c.methods))
					require.GreaterOrEqual(t, c.seen, at)
				}
				moves, err := hosts[0].client(replicas).Moves(t.Context(), 1000)
				require.NoError(t, err)
				require.Len(t, moves, 1+3*(requests+1), "adopted once, and fenced, demoted and taken once each time")
			})
		}
	}
}

// An order whose answer is lost is given again, and found done.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	t.Parallel()
	c := &cutter{}
	hosts := newHosts(t, c)
	fence := ownership.Order{Move: ownership.Fence, Epoch: 1, Other: row(ownership.Follower, 0), By: "tool 1"}
	c.reset(1, true)
	got, err := hosts[0].client(2).Do(t.Context(), fence)
	require.NoError(t, err)
	require.True(t, got.Is(ownership.Fenced, 1))

	fence.By = "tool 2" // who finds it done by another has not done it
	_, err = hosts[0].client(1).Do(t.Context(), fence)
	require.ErrorIs(t, err, ownership.ErrStale)
	c.reset(1, true)
	_, err = hosts[0].client(2).Do(t.Context(), fence)
	require.ErrorContains(t, err, "an answer was lost, and now")
	require.NotErrorIs(t, err, ownership.ErrStale, "nobody knows")
	c.reset(1, true)
	_, err = hosts[0].client(1).Do(t.Context(), fence)
	require.ErrorContains(t, err, "no replica answers")

	_, err = hosts[1].client(1).Do(t.Context(), ownership.Order{Move: ownership.Demote, Epoch: 1, By: "tool 1"})
	var stale *ownership.StaleError
	require.ErrorAs(t, err, &stale)
	require.True(t, stale.Have.Is(ownership.Follower, 0))
	require.False(t, stale.Have.Since.IsZero())
}
