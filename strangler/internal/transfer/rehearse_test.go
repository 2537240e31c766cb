package transfer

import (
	"context"
	"log/slog"
	"net/http/httptest"
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
)

// feed brings what one side writes to the other: at once, unless it is stopped.
type feed struct {
	stopped atomic.Bool
	sent    atomic.Int64 // the markers of the last epoch that were written
	here    atomic.Int64 // and of the last that have arrived
	asked   atomic.Int64 // how often it was asked whether they have
	marked  atomic.Int64 // how often markers were written
	late    atomic.Int64 // how often it is asked until they have, each time
}

func (f *feed) Mark(_ *gorm.DB, row ownership.Row) error {
	f.sent.Store(row.Epoch)
	f.marked.Add(1)
	if f.late.Load() == 0 {
		f.flow()
	}
	return nil
}

func (f *feed) flow() {
	if !f.stopped.Load() {
		f.here.Store(f.sent.Load())
	}
}

func (f *feed) Missing(_ *gorm.DB, epoch int64) (string, error) {
	if n := f.asked.Add(1); f.late.Load() > 0 && n%f.late.Load() == 0 {
		f.flow()
	}
	if f.here.Load() == epoch {
		return "", nil
	}
	return "markers are on their way", nil
}

// hosts are two of a resource, over databases of their own and real admin ports. What
// the first one tells comes by the feed.
func newHosts(t *testing.T, f *feed) (Hosts, [2]*ownership.Side) {
	t.Helper()
	h := Hosts{Resource: "notes", Names: [2]string{"monolith", "comments"}, Token: adminToken}
	var sides [2]*ownership.Side
	for i := range sides {
		db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Prepared(t, "transfer", func(ctx context.Context, url string) error {
			db, err := database.Open(ctx, database.Config{URL: url})
			if err != nil {
				return err
			}
			defer db.Close()
			return ownership.Migrate(ctx, db)
		})})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		sides[i], err = ownership.New(db, ownership.Config{Resource: h.Resource, Name: h.Names[i], Peer: h.Names[1-i], Markers: f, Drained: f})
		require.NoError(t, err)
		_, err = sides[i].Adopt(t.Context(), [2]ownership.State{ownership.Owner, ownership.Follower}[i], "the first day")
		require.NoError(t, err)
		server := httptest.NewServer(remote.Handler(sides[i]))
		t.Cleanup(server.Close)
		h.URLs[i] = []string{server.URL}
	}
	return h, sides
}

// none are gateways that are not there.
type none struct{}

func (none) Hold(context.Context, time.Duration) (handover.Hold, error) { return none{}, nil }
func (none) Settle(context.Context, time.Duration) error                { return nil }
func (none) Release(context.Context) error                              { return nil }
func (none) Route(context.Context, string, int64) error                 { return nil }

func moves(t *testing.T, s *ownership.Side) (all []string) {
	t.Helper()
	made, err := s.Moves(t.Context(), 100)
	require.NoError(t, err)
	for i := len(made) - 1; i >= 0; i-- {
		all = append(all, made[i].Move)
	}
	return all
}

// TestNobodyIsFencedWhileEventsDoNotArrive: a consumer was killed, and the broker keeps
// its partitions for a while. Writers must not wait for that, nor the hand-over be given
// up for it.
func TestNobodyIsFencedWhileEventsDoNotArrive(t *testing.T) {
	t.Parallel()
	f := &feed{}
	f.stopped.Store(true)
	hosts, sides := newHosts(t, f)
	done := make(chan error, 1)
	go func() {
		_, err := hosts.Handover(t.Context(), "comments", none{}, none{}, "test", slog.New(slog.DiscardHandler))
		done <- err
	}()
	require.Eventually(t, func() bool { return f.asked.Load() > 50 }, soon, often)
	require.Equal(t, []string{"adopt"}, moves(t, sides[0]))
	f.stopped.Store(false)
	f.flow()
	require.NoError(t, <-done)
	require.Equal(t, []string{"adopt", "fence", "demote"}, moves(t, sides[0]), "it was not given up once")
	require.Equal(t, []string{"adopt", "take"}, moves(t, sides[1]))
}

// TestAQuickMomentIsWaitedFor: who writes waits for as long as events take, so nobody is
// fenced while they take long, if they do not always.
func TestAQuickMomentIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, becomesQuick := range map[string]bool{"that comes": true, "that never comes": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &feed{}
			f.late.Store(int64(2 * quickWay / rehearsedEvery))
			hosts, sides := newHosts(t, f)
			done := make(chan error, 1)
			go func() {
				_, err := hosts.Handover(t.Context(), "comments", none{}, none{}, "test", slog.New(slog.DiscardHandler))
				done <- err
			}()
			require.Eventually(t, func() bool { return f.marked.Load() > 1 }, soon, often)
			require.Equal(t, []string{"adopt"}, moves(t, sides[0]), "the first rehearsal was not quick enough")
			if becomesQuick {
				f.late.Store(0)
				f.flow()
			}
			require.NoError(t, <-done)
			require.Equal(t, []string{"adopt", "take"}, moves(t, sides[1]))
		})
	}
}

// TestAHandoverWhoseEventsNeverArriveBeginsNothing: it says so when its time is up.
func TestAHandoverWhoseEventsNeverArriveBeginsNothing(t *testing.T) {
	t.Parallel()
	f := &feed{}
	f.stopped.Store(true)
	hosts, sides := newHosts(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := hosts.Handover(ctx, "comments", none{}, none{}, "test", slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "nothing was begun, since what monolith writes does not arrive there")
	require.ErrorContains(t, err, "markers are on their way")
	require.Equal(t, []string{"adopt"}, moves(t, sides[0]))
}

// TestWhatIsHalfDoneIsNotRehearsed: it can only be ended.
func TestWhatIsHalfDoneIsNotRehearsed(t *testing.T) {
	t.Parallel()
	f := &feed{}
	hosts, sides := newHosts(t, f)
	row, err := sides[1].Row(t.Context())
	require.NoError(t, err)
	_, err = sides[0].Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: 1, Other: row, By: "who died"})
	require.NoError(t, err)
	for range 2 { // and what is so already
		_, err = hosts.Handover(t.Context(), "comments", none{}, none{}, "test", slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		require.EqualValues(t, 1, f.sent.Load(), "no other markers were sent")
	}
}
