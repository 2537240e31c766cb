package backfill

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
)

func TestAConfigurationThatCanNotBeIsRefused(t *testing.T) {
	r := newRig(t, 0)
	for want, spoil := range map[string]func(*Config){
		"lacks its database": func(c *Config) { c.Source = nil },
		"backfill of \"\"":   func(c *Config) { c.Resource = "" },
		"has 0 partitions":   func(c *Config) { c.Topic = broker.Topic{Name: "t"} },
		"Page -1":            func(c *Config) { c.Page = -1 },
		"Every 1ns can't be": func(c *Config) { c.Every = 1 },
	} {
		cfg := Config{Resource: "things", Source: r, Topic: topic}
		spoil(&cfg)
		_, err := New(r.db, cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestEachRowIsSentOnceByWhoeverWorks(t *testing.T) {
	t.Parallel()
	r := newRig(t, 995)
	runners := []*Runner{r.runner(nil), r.runner(nil), r.runner(nil)}
	for _, runner := range runners {
		r.runs(runner)
	}
	require.Equal(t, Status{Resource: "things", State: None}, r.status(runners[0]))
	started := r.start(runners[1], Order{})
	s := r.done(runners[2])
	require.Equal(t, started.Run, s.Run)
	require.EqualValues(t, 995, s.Rows)
	require.EqualValues(t, 100, s.Pages)
	require.Positive(t, s.RowsPerSecond)
	require.NotNil(t, s.FinishedAt)
	require.EqualValues(t, 100, r.woken.Load(), "after each page")
	r.sentOnce(s.Run, 995)

	again := r.start(runners[0], Order{Run: s.Run})
	require.Equal(t, Done, again.State, "asked again, it is still done")
	require.Equal(t, 300, r.number("SELECT count(*) FROM outbox"))
}

func TestNothingIsABackfillToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	runner := r.runner(nil)
	r.runs(runner)
	run := r.start(runner, Order{}).Run
	r.done(runner)
	r.sentOnce(run, 0)
}

// Runners die between two pages, and in the middle of one.
func TestWhoDiesIsFollowedFromTheLastPage(t *testing.T) {
	t.Parallel()
	const things = 10_000 // many more than are sent before the last one dies
	r := newRig(t, things)
	run := r.start(r.runner(nil), Order{Run: newRun(t)}).Run
	for died := range 5 {
		runner := r.runner(nil)
		stop := r.runs(runner)
		r.eventually("some pages", func() bool { return r.status(runner).Pages >= int64(died+1)*10 })
		stop()
	}
	require.Less(t, r.status(r.runner(nil)).Pages, int64(things/10))

	// One that holds the lease and is heard of no more, as after kill -9.
	dead, ours, err := r.runner(nil), false, error(nil)
	r.eventually("the lease, which the last one may have left to run out", func() bool {
		_, ours, err = dead.lease(t.Context())
		return ours || err != nil
	})
	require.NoError(t, err)
	_, _, more, err := dead.page(t.Context(), run, time.Now())
	require.NoError(t, err)
	require.True(t, more)
	broken, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, _, err = dead.page(broken, run, time.Now())
	require.Error(t, err)

	heir := r.runner(nil)
	_, ours, err = heir.lease(t.Context())
	require.NoError(t, err)
	if ours {
		t.Log("the lease was over already")
	}
	r.runs(heir)
	r.done(heir)
	_, _, more, err = dead.page(t.Context(), run, time.Now())
	require.NoError(t, err)
	require.False(t, more, "it comes back, and has nothing to say")
	r.sentOnce(run, things)
}

func TestARunRestsAndGoesOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000)
	runner := r.runner(nil)
	r.runs(runner)
	run := r.start(runner, Order{Rate: 400}).Run
	r.eventually("a page", func() bool { return r.status(runner).Pages > 0 })
	paused, err := runner.Pause(t.Context())
	require.NoError(t, err)
	require.Equal(t, Paused, paused.State)
	require.Less(t, paused.Pages, int64(100))
	pages := func() int64 { return r.status(runner).Pages }
	r.eventually("the last page of before", func() bool { n := pages(); _, ours, _ := runner.lease(t.Context()); return !ours && n == pages() })
	before := pages()
	require.Equal(t, run, r.start(runner, Order{}).Run, "it goes on, and as fast as it goes")
	s := r.done(runner)
	require.Zero(t, s.Rate)
	require.GreaterOrEqual(t, s.Pages, before)
	r.sentOnce(run, 1000)
	paused, err = runner.Pause(t.Context())
	require.NoError(t, err)
	require.Equal(t, Done, paused.State)
}

func TestARateIsKept(t *testing.T) {
	t.Parallel()
	r := newRig(t, 60)
	runner := r.runner(nil)
	r.runs(runner)
	began := time.Now()
	r.start(runner, Order{Rate: 200})
	s := r.done(runner)
	require.GreaterOrEqual(t, time.Since(began), 290*time.Millisecond, "60 rows take at least 0.3 s but for the last page")
	require.Equal(t, 200, s.Rate)
	require.LessOrEqual(t, s.RowsPerSecond, 250.0)
}

// TestAPacedRunIsSeveralPagesASecond: a rate that is kept by a large page now and then is
// felt by everybody at each of them.
func TestAPacedRunIsSeveralPagesASecond(t *testing.T) {
	t.Parallel()
	r := newRig(t, 100)
	runner := r.runner(func(c *Config) { c.Page = 2000 })
	r.runs(runner)
	r.start(runner, Order{Rate: 100})
	require.GreaterOrEqual(t, r.done(runner).Pages, int64(5))
}

func TestPagesWaitForTheOutboxAndTheFollower(t *testing.T) {
	t.Parallel()
	r := newRig(t, 100)
	var behind atomic.Int64
	runner := r.runner(func(c *Config) {
		c.Waiting, c.MaxBehind = 5, 5
		c.Behind = func(context.Context) (int64, error) { return behind.Load(), nil }
	})
	r.runs(runner)
	run := r.start(runner, Order{}).Run
	publish := func() { r.exec("UPDATE outbox SET published_at = now()") }
	waits := func(pages int) {
		t.Helper()
		r.eventually("pages until the bound", func() bool { return r.status(runner).Pages == int64(pages) })
		was := r.status(runner)
		r.eventually("the lease is kept meanwhile", func() bool {
			return r.number("SELECT count(*) FROM backfill_runs WHERE leased_until > ?", was.UpdatedAt.Add(time.Second/2)) == 1
		})
		require.Equal(t, was.Pages, r.status(runner).Pages, "and no page is made")
	}
	waits(2) // of three chunks each
	publish()
	waits(4)
	r.eventually("the reason", func() bool { return strings.Contains(r.status(runner).Error, "more than 5 events are not published") })
	behind.Store(6)
	publish()
	waits(4)
	r.eventually("the reason", func() bool { return strings.Contains(r.status(runner).Error, "6 messages still to apply") })
	behind.Store(0)
	r.eventually("done", func() bool { publish(); return r.status(runner).State == Done })
	r.sentOnce(run, 100)
}

func TestWhatStopsARunIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t, 100)
	r.owned.Store(false)
	runner := r.runner(nil)
	r.runs(runner)
	run := r.start(runner, Order{}).Run
	r.eventually("the reason", func() bool { return r.status(runner).Error == errElsewhere.Error() })
	require.Equal(t, Running, r.status(runner).State)
	require.Zero(t, r.number("SELECT count(*) FROM outbox"))
	r.owned.Store(true)
	require.Empty(t, r.done(runner).Error)
	r.sentOnce(run, 100)
}

func TestANewRunTakesTheOldOnesPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000)
	runner := r.runner(nil)
	r.runs(runner)
	old := r.start(runner, Order{Rate: 100}).Run
	r.eventually("a page", func() bool { return r.status(runner).Pages > 0 })
	run := newRun(t)
	require.Equal(t, run, r.start(runner, Order{Run: run}).Run)
	require.Equal(t, run, r.start(runner, Order{Run: run}).Run, "asked again, it is the same")
	r.done(runner)
	r.sentOnce(run, 1000)
	require.Equal(t, 1, r.number("SELECT count(*) FROM backfill_runs WHERE run = ? AND state = 'replaced'", old))
	_, err := runner.Start(t.Context(), Order{Run: old})
	require.ErrorIs(t, err, ErrOrder)
	for _, o := range []Order{{Run: "x"}, {Run: "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, {Rate: -1}} {
		_, err := runner.Start(t.Context(), o)
		require.True(t, errors.Is(err, ErrOrder), "%v: %v", o, err)
	}
}
