package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/inbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

// crowd writes, edits, deletes and closes at a side, until it is told to stop.
type crowd struct {
	s    *side
	lost bool // the side may not own any more: what is refused is no error
	mu   sync.Mutex
	ids  []string // of comments that somebody wrote
	done atomic.Int64
}

func (c *crowd) some(rnd *rand.Rand) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ids) == 0 {
		return contracts.NewID()
	}
	return c.ids[rnd.IntN(len(c.ids))]
}

// run is one of the crowd. Somebody faster is no error.
func (c *crowd) run(ctx context.Context, seed uint64) error {
	rnd := rand.New(rand.NewPCG(seed, 1))
	whole := context.WithoutCancel(ctx)
	post := contracts.NewID()
	for ctx.Err() == nil {
		if err := c.act(whole, rnd, &post); err != nil {
			var p *problem.Error
			faster := errors.As(err, &p) && (p.Kind == problem.NotFound || p.Kind == problem.VersionMismatch)
			moved := c.lost && errors.Is(err, ownership.ErrNotOwner)
			if !faster && !moved {
				return err
			}
		}
		c.done.Add(1)
	}
	return nil
}

func (c *crowd) act(ctx context.Context, rnd *rand.Rand, post *string) error {
	k := contracts.Key{}
	if rnd.IntN(2) == 0 {
		k = key(contracts.NewID())
	}
	switch rnd.IntN(10) {
	case 0:
		return c.s.store.Delete(ctx, c.some(rnd), 0)
	case 1, 2, 3:
		was, err := c.s.store.Get(ctx, c.some(rnd))
		if err != nil {
			return err
		}
		was.Body, was.UpdatedAt = fmt.Sprint("edited ", rnd.Uint64()), now()
		_, _, err = c.s.store.Update(ctx, was, comments.Effects{}, k)
		return err
	case 4:
		if rnd.IntN(5) == 0 {
			closed := *post
			*post = contracts.NewID()
			return c.s.store.CloseUnder(ctx, closed, "event")
		}
		fallthrough
	default:
		made, _, err := c.s.store.Create(ctx, newComment(*post, contracts.Approved), comments.Effects{}, k)
		if err == nil {
			c.mu.Lock()
			c.ids = append(c.ids, made.ID)
			c.mu.Unlock()
		}
		return err
	}
}

// at starts the crowd; the function it returns ends it.
func (c *crowd) at(n int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- c.run(ctx, uint64(i)) }()
	}
	stop = sync.OnceFunc(func() {
		cancel()
		for range n {
			require.NoError(c.s.t, <-errs)
		}
	})
	c.s.t.Cleanup(stop)
	return stop
}

// before is n rows with keys, tombstones and closed posts from the time before events.
func (s *side) before(n int) {
	s.exec(`INSERT INTO comments SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'body ' || n, '<p>html</p>', 'approved', 1 + n % 3, now(), now()
		FROM generate_series(1, ?) n`, n)
	s.exec(`INSERT INTO comment_keys SELECT author_id, 'k', sha256('x'), id, now() FROM comments WHERE version < 3`)
	s.exec(`INSERT INTO comment_tombstones SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 2, now() FROM generate_series(1, ? / 10)`, n)
	s.exec(`INSERT INTO comment_closed_posts SELECT gen_random_uuid(), 'k', now() FROM generate_series(1, ? / 20)`, n)
}

// kill takes all the side's connections away in the middle of what they do.
func (s *side) kill() {
	s.t.Helper()
	var n int
	require.NoError(s.t, s.db.SQL().QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n))
}

// A backfill, live writes and a follower that dies again and again; then the hand-over,
// writes at the new owner, and what the old one hears of them.
func TestTwoSidesEndEqual(t *testing.T) {
	t.Parallel()
	b := kafka(t)
	m, c := newSide(t, "monolith", ownership.Owner), newSide(t, "comments", ownership.Follower)
	m.before(3000)
	stopRelay := m.relays(b)
	people := &crowd{s: m}
	require.NoError(t, m.db.Gorm(t.Context()).Raw("SELECT id FROM comments LIMIT 500").Scan(&people.ids).Error)
	leave := people.at(4)

	runner := m.backfills(100)
	stopRunner := background(t, func(ctx context.Context) error { runner.Run(ctx); return nil })
	_, err := runner.Start(t.Context(), backfill.Order{Rate: 4000})
	require.NoError(t, err)
	for range 4 { // who follows dies, and so does who makes pages
		stop := c.follows(b, c.follower())
		require.Eventually(t, func() bool { return c.number("SELECT count(*) FROM backfill_chunks") > 0 }, soon, time.Millisecond)
		seen := c.number("SELECT count(*) FROM inbox_events")
		require.Eventually(t, func() bool { return c.number("SELECT count(*) FROM inbox_events") > seen+50 }, soon, time.Millisecond)
		c.kill()
		stop()
		stopRunner()
		runner = m.backfills(100)
		stopRunner = background(t, func(ctx context.Context) error { runner.Run(ctx); return nil })
	}
	c.follows(b, c.follower())
	require.Eventually(t, func() bool {
		s, err := runner.Status(t.Context())
		return err == nil && s.State == backfill.Done
	}, soon, 10*time.Millisecond)
	require.Eventually(t, func() bool { return missing(c, backfill.Complete(Resource), 1) == "" }, soon, 10*time.Millisecond)
	leave()
	require.Eventually(t, func() bool { return m.tables() == c.tables() }, soon, 50*time.Millisecond)
	require.Greater(t, people.done.Load(), int64(100))
	require.Zero(t, c.number("SELECT count(*) FROM inbox_dead_letters"))

	// Over to the service, while others write.
	people = &crowd{s: m, ids: people.ids, lost: true}
	leave = people.at(4)
	require.Eventually(t, func() bool { return people.done.Load() > 20 }, soon, time.Millisecond)
	handOver(t, m, c, 1)
	leave()
	require.Equal(t, m.tables(), c.tables(), "drained is all of it")
	stopRelay()
	c.relays(b)
	m.follows(b, m.follower())
	people = &crowd{s: c, ids: people.ids}
	leave = people.at(4)
	require.Eventually(t, func() bool { return people.done.Load() > 200 }, soon, time.Millisecond)
	leave()
	require.Eventually(t, func() bool { return m.tables() == c.tables() }, soon, 50*time.Millisecond)
	changes := c.number("SELECT count(*) FROM outbox WHERE type IN (?, ?)", contracts.TypeCommentChanged, contracts.TypeCommentDeleted)
	require.Equal(t, changes, m.number("SELECT count(*) FROM effects"), "what the service left was done, once for each change")
	require.Equal(t, changes, m.number("SELECT count(DISTINCT (comment_id, version)) FROM effects"))
	require.Zero(t, c.number("SELECT count(*) FROM effects"), "and the monolith had left nothing")
}

// handOver moves comments from one side to the other.
func handOver(t *testing.T, from, to *side, epoch int64) {
	t.Helper()
	there, err := to.owner.Row(t.Context())
	require.NoError(t, err)
	require.NoError(t, to.owner.Ready(t.Context(), epoch))
	_, err = from.owner.Do(t.Context(), ownership.Order{Move: ownership.Fence, Epoch: epoch, Other: there, By: "test"})
	require.NoError(t, err)
	take := ownership.Order{Move: ownership.Take, Epoch: epoch, By: "test"}
	require.Eventually(t, func() bool {
		_, err = to.owner.Do(t.Context(), take)
		return !errors.Is(err, ownership.ErrNotDrained)
	}, soon, time.Millisecond)
	require.NoError(t, err)
	there, err = to.owner.Row(t.Context())
	require.NoError(t, err)
	_, err = from.owner.Do(t.Context(), ownership.Order{Move: ownership.Demote, Epoch: epoch, Other: there, By: "test"})
	require.NoError(t, err)
}

// A dead letter keeps the side from taking, until somebody has settled it.
func TestAnOpenDeadLetterForbidsToTake(t *testing.T) {
	t.Parallel()
	c := newSide(t, "comments", ownership.Follower)
	require.Empty(t, missing(c, inbox.Settled{Resource: Resource}, 1))
	c.exec(`INSERT INTO inbox_dead_letters (consumer, resource, kind, reason, topic, partition, record_offset, event_id, headers, attempts, first_at, last_at)
		VALUES ('comments', 'comments', 'permanent', 'test', 't', 0, 0, gen_random_uuid(), '[]', 1, now(), now())`)
	require.Contains(t, missing(c, inbox.Settled{Resource: Resource}, 1), "1 dead letters")
	_, err := inbox.NewDeadLetters(c.db).Discard(t.Context(), "a test", 1)
	require.NoError(t, err)
	require.Empty(t, missing(c, inbox.Settled{Resource: Resource}, 1))
}
