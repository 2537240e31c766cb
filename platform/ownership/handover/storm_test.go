package handover_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

// storm is everything at once and in real time: writers that never rest at gateways
// that hear of routes late, feeds both ways, and coordinators that disagree.
type storm struct {
	t     *testing.T
	sites [2]*site
	route atomic.Int64 // index of the side
	epoch atomic.Int64

	mu    sync.Mutex
	holds int
	open  chan struct{} // closed while nobody holds
	acked []string
	waits []time.Duration // of acknowledged writes, first try to answer
}

// front is the gateways and the routes.
type front struct{ *storm }

func (f front) Hold(context.Context, time.Duration) (handover.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds > 0 {
		return nil, handover.ErrHeld
	}
	f.holds, f.open = 1, make(chan struct{})
	return f, nil
}

func (f front) Settle(context.Context, time.Duration) error { return nil }

func (f front) Release(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = 0
	close(f.open)
	return nil
}

func (f front) Route(_ context.Context, owner string, epoch int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch < f.epoch.Load() {
		return handover.ErrOutrun
	}
	f.epoch.Store(epoch)
	f.route.Store(int64(slices.IndexFunc(f.sites[:], func(s *site) bool { return s.name == owner })))
	return nil
}

// put is one client's write, tried until it is acknowledged. Now and then it goes the
// old way, or is sent twice, or its answer is lost.
func (s *storm) put(ctx context.Context, key string) {
	begun := time.Now()
	for ctx.Err() == nil {
		s.mu.Lock()
		open := s.open
		s.mu.Unlock()
		select {
		case <-open:
		case <-ctx.Done():
			return
		}
		at := int(s.route.Load())
		if rand.N(10) == 0 {
			at = rand.N(2)
		}
		err := s.once(ctx, at, key)
		if err != nil && !errors.Is(err, ownership.ErrNotOwner) {
			s.t.Error(err)
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond)
		} else if rand.N(10) > 0 { // else the answer is lost
			s.mu.Lock()
			s.acked, s.waits = append(s.acked, key), append(s.waits, time.Since(begun))
			s.mu.Unlock()
			return
		}
	}
}

func (s *storm) once(ctx context.Context, at int, key string) error {
	site := s.sites[at]
	return site.db.InTx(ctx, func(tx *gorm.DB) error {
		if err := site.Guard(tx); err != nil {
			return err
		}
		return write(tx, fmt.Sprintf("a%d", len(key)%8), key)
	})
}

// Writes without a rest, thirty moves by two coordinators that want different
// things at the same time, and in the end every write is there once on both sides.
func TestAStormOfWritersAndCoordinators(t *testing.T) {
	t.Parallel()
	s := &storm{t: t, sites: newSites(t, allRules()), open: make(chan struct{})}
	close(s.open)
	for i, as := range []ownership.State{owner, follower} {
		s.sites[i].begin(t, as)
		s.sites[i].open(t, 100*time.Millisecond, 5*time.Second)
	}
	ctx, stop := context.WithCancel(t.Context())
	var clients, feeds sync.WaitGroup
	for c := range 16 {
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s.put(context.WithoutCancel(ctx), fmt.Sprintf("%s%d-%d", "xxxxxxxx"[:c%8], c, n))
			}
		})
	}
	feeding, dry := context.WithCancel(t.Context())
	for _, site := range s.sites {
		feeds.Go(func() {
			for feeding.Err() == nil {
				if err := site.pump(feeding); err != nil && feeding.Err() == nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	moved := s.coordinate(15)
	stop()
	clients.Wait()
	dry()
	feeds.Wait()
	for _, site := range s.sites {
		require.NoError(t, site.pump(t.Context()))
	}
	s.check(moved)
}

// coordinate lets two coordinators make n moves each, one after another.
func (s *storm) coordinate(n int) (made int64) {
	var both sync.WaitGroup
	var done atomic.Int64
	for _, name := range []string{"t1", "t2"} {
		c, err := handover.New(handover.Config{
			Resource: "comments", Sides: [2]handover.Side{sideOf(s.sites[0]), sideOf(s.sites[1])}, Gateways: front{s}, Router: front{s}, By: name,
			Bounds: handover.Bounds{Retry: 5 * time.Millisecond},
		})
		require.NoError(s.t, err)
		both.Go(func() {
			for i := range n {
				_, err := c.Move(s.t.Context(), s.sites[i%2^1].name)
				switch {
				case err == nil:
					done.Add(1)
				case !errors.Is(err, handover.ErrGaveUp) && !errors.Is(err, handover.ErrMovedOn):
					s.t.Error(err)
				}
				time.Sleep(time.Duration(rand.N(20)) * time.Millisecond)
			}
		})
	}
	both.Wait()
	return done.Load()
}

func sideOf(s *site) handover.Side { return s.Side }

func (s *storm) check(moved int64) {
	a, b := s.sites[0].look(s.t), s.sites[1].look(s.t)
	require.Empty(s.t, broken(a, b, s.acked))
	require.Equal(s.t, a.entries, b.entries)
	slices.Sort(s.waits)
	s.t.Logf("%d moves asked for were made, epoch %d, %d writes, %d acknowledged, p50 %s p99 %s max %s", moved, max(a.Epoch, b.Epoch),
		len(a.entries), len(s.acked), s.waits[len(s.waits)/2], s.waits[len(s.waits)*99/100], s.waits[len(s.waits)-1])
	require.Greater(s.t, len(s.acked), 200)
	require.Greater(s.t, max(a.Epoch, b.Epoch), int64(8), "too few moves to have shown anything")
	require.Len(s.t, a.entries, len(s.acked))
}
