package traffic_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/traffic"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crowd is a load at work.
type crowd struct {
	*traffic.Load
	stop func() // ends Run and waits for it
}

func start(t *testing.T, blog *blogtest.Blog, change func(*traffic.Config)) *crowd {
	t.Helper()
	config := traffic.Config{BaseURL: func() string { return blog.URL }, Users: 8, Seed: 7, Deadline: 2 * time.Second}
	if change != nil {
		change(&config)
	}
	load, err := traffic.New(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- load.Run(ctx) }()
	c := &crowd{Load: load}
	var stopped atomic.Bool
	c.stop = func() {
		if stopped.Swap(true) {
			return
		}
		cancel()
		assert.NoError(t, <-ended)
	}
	t.Cleanup(c.stop)
	select {
	case <-load.Ready():
	case err := <-ended:
		ended <- err
		require.NoError(t, err, "the load ended before it began")
	}
	return c
}

// until waits until the open window is as wanted.
func (c *crowd) until(t *testing.T, what string, enough func(traffic.Window) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return enough(c.Live()) }, 20*time.Second, 5*time.Millisecond, what)
}

func (c *crowd) work(t *testing.T, requests int) {
	t.Helper()
	before := c.Live().Requests
	c.until(t, "requests are made", func(w traffic.Window) bool { return w.Requests >= before+requests })
}

func TestABlogThatKeepsItsPromises(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)

	c.Begin("clean")
	c.work(t, 3000)
	window := c.End()
	c.stop()
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.True(t, report.OK(), report.Explain(10))
	assert.Zero(t, window.Failed, window.Failures)
	assert.Zero(t, window.SignedOut)
	assert.Greater(t, window.Acknowledged, 100, "a run without writes proves nothing")
	assert.Equal(t, window.Acknowledged, report.ByWindow["clean"].Acknowledged)
	assert.Zero(t, report.Unknown)
	assert.Positive(t, report.Posts)
	assert.Positive(t, report.Comments)
	for _, operation := range []string{
		"front page", "feed", "read post", "read comments", "post page", "search", "my posts page", "write post", "publish post",
		"edit post", "delete post", "write comment", "edit comment", "delete comment", "sign out", "old cookie", "sign in",
	} {
		assert.Positive(t, window.ByOperation[operation].Requests, operation)
	}
}

func TestPlantedFaultsInWhatIsStoredAreFound(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		plant func(*blogtest.Blog) bool
		found func(lost, duplicated, outOfOrder, cameBack int) int
	}{
		"an acknowledged write dropped": {(*blogtest.Blog).Drop, func(lost, _, _, _ int) int { return lost }},
		"a write doubled":               {(*blogtest.Blog).Copy, func(_, duplicated, _, _ int) int { return duplicated }},
		"the last edit lost":            {(*blogtest.Blog).LoseEdit, func(lost, _, _, _ int) int { return lost }},
		"an old text over a new one":    {(*blogtest.Blog).Overtake, func(_, _, outOfOrder, _ int) int { return outOfOrder }},
		"a deleted post revived":        {(*blogtest.Blog).Revive, func(_, _, _, cameBack int) int { return cameBack }},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blog := blogtest.Start(t)
			c := start(t, blog, nil)
			c.Begin("faulty")
			c.work(t, 1500)
			c.stop()
			require.True(t, fault.plant(blog), "there was nothing to break")

			report, err := c.Check(t.Context())

			require.NoError(t, err)
			assert.Equal(t, 1, fault.found(report.Lost, report.Duplicated, report.OutOfOrder, report.CameBack), report.Explain(5))
			assert.Len(t, report.Findings, 1, report.Explain(5))
		})
	}
}

func TestAStaleReadIsSeenByTheWriter(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Users = 1 })
	c.Begin("stale")
	blog.ReadStale(true)
	c.work(t, 300)
	c.stop()
	blog.ReadStale(false)

	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.Positive(t, report.NotSeen, report.Explain(5))
	assert.Zero(t, report.Lost, "it was there all the time")
}

func TestServerErrorsAreFailures(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.Begin("broken")
	var n, broken atomic.Int64
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		if n.Add(1)%10 == 0 {
			broken.Add(1)
			http.Error(w, "oops", http.StatusInternalServerError)
			return
		}
		blog.ServeHTTP(w, r)
	})
	c.work(t, 1000)
	blog.Before(nil)
	window := c.End()
	c.stop()
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.EqualValues(t, broken.Load(), c.Total().Failed)
	assert.Positive(t, window.Failed)
	assert.Contains(t, strings.Join(window.Failures, "\n"), "500")
	assert.True(t, report.OK(), "nothing acknowledged is missing: %s", report.Explain(5))
	assert.Positive(t, report.Unknown, "who got a 500 cannot know")
}

func TestAStallShowsFromTheIntendedStart(t *testing.T) {
	t.Parallel()
	const stall = 400 * time.Millisecond
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Rate = 300 })
	c.Begin("stalled")
	c.work(t, 50)
	free := make(chan struct{})
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		<-free
		blog.ServeHTTP(w, r)
	})
	time.AfterFunc(stall, func() { close(free) })
	c.work(t, 150)
	blog.Before(nil)
	window := c.End()

	// Eight users hang, a hundred more requests were due meanwhile. A load that measured from the send would report
	// eight slow ones.
	assert.GreaterOrEqual(t, window.P99, stall/2)
	assert.GreaterOrEqual(t, window.Max, stall*9/10)
	assert.Zero(t, window.Failed, window.Failures)
}

func TestEndWaitsForWhatBeganInTheWindow(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Users = 1 })
	c.Begin("slow")
	held, free := make(chan struct{}, 1000), make(chan struct{})
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		held <- struct{}{}
		<-free
		blog.ServeHTTP(w, r)
	})
	<-held
	free <- struct{}{}
	<-held // the first may belong to an operation that began before the window
	ended := make(chan traffic.Window, 1)
	go func() { ended <- c.End() }()
	require.Eventually(t, func() bool { return c.Live().Name == "" }, 5*time.Second, time.Millisecond, "the window closes")
	require.Empty(t, ended, "it waits for the request in flight")
	close(free)
	window := <-ended

	assert.Positive(t, window.Requests)
	assert.Equal(t, "slow", window.Name)
}

func TestUsersFollowTheBlogToAnotherAddress(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	other := blogtest.StartAt(t, blog) // another port of the same host: cookies know no ports
	var base atomic.Value
	base.Store(blog.URL)
	c := start(t, blog, func(config *traffic.Config) { config.BaseURL = func() string { return base.Load().(string) } })
	c.Begin("moving")
	c.work(t, 200)
	base.Store(other)
	c.work(t, 200)
	window := c.End()

	assert.Zero(t, window.Failed, window.Failures)
	assert.Zero(t, window.SignedOut)
	assert.NotEqual(t, blog.URL, other)
}

func TestCheckHoldsTheCrowdBackAndLetsItGoOn(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Rate = 500 })
	c.work(t, 200)
	report, err := c.Check(t.Context())
	require.NoError(t, err)
	assert.True(t, report.OK(), report.Explain(5))

	c.Begin("after")
	c.work(t, 100)
	window := c.End()
	assert.Zero(t, window.Failed)
}

func TestHistoryIsExported(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.work(t, 300)
	c.stop()

	var lines bytes.Buffer
	require.NoError(t, c.Export(&lines))
	assert.Greater(t, strings.Count(lines.String(), `"event":"ok"`), 10)
}
