package traffic_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/traffic"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

func TestAnUnexpectedSignOutIsCountedOncePerSession(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.Begin("signed out")
	blog.SignEveryoneOut()
	c.work(t, 2000)
	window := c.End()
	c.stop()
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.Positive(t, window.SignedOut)
	assert.LessOrEqual(t, window.SignedOut, 8, "eight sessions were lost")
	assert.Zero(t, window.ExpectedSignOuts)
	assert.Zero(t, window.Failed, "users sign in again and go on: %v", window.Failures)
	assert.True(t, report.OK(), report.Explain(5))
}

func TestOneSignOutIsFoundByRollCall(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.stop() // nobody moves, so what the call finds is certain
	in, out, err := c.RollCall(t.Context())
	require.NoError(t, err)
	require.Zero(t, out)

	blog.SignOutOne()
	still, lost, err := c.RollCall(t.Context())

	require.NoError(t, err)
	assert.LessOrEqual(t, lost, 1, "old sessions of users who signed out are gone already")
	assert.Equal(t, in, still+lost)
	assert.Equal(t, lost, c.Total().SignedOut)
}

func TestSignOutsOfOneReplicaAreExpected(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.stop()
	in, _, err := c.RollCall(t.Context())
	require.NoError(t, err)
	require.Positive(t, in)
	var asked []string
	stop := c.ExpectSignOuts(func(replica string) bool {
		asked = append(asked, replica)
		return replica == "monolith/monolith-0"
	})

	blog.MoveTo("monolith/monolith-1") // it answers the 401, and it is not where the session lived
	blog.SignEveryoneOut()
	_, out, err := c.RollCall(t.Context())

	require.NoError(t, err)
	assert.Equal(t, in, out)
	assert.Equal(t, in, stop())
	assert.Equal(t, in, c.Total().ExpectedSignOuts)
	assert.Zero(t, c.Total().SignedOut)
	assert.Contains(t, asked, "monolith/monolith-0")

	blog.SignEveryoneOut()
	_, out, err = c.RollCall(t.Context())
	require.NoError(t, err)
	assert.Equal(t, out, c.Total().SignedOut, "the expectation has ended, and these sessions lived elsewhere")
	assert.Positive(t, out)
}

func TestWhoNoticesLateIsExcused(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.stop()
	_, _, err := c.RollCall(t.Context())
	require.NoError(t, err)

	stop := c.ExpectSignOuts(func(string) bool { return true })
	blog.SignEveryoneOut()
	assert.Zero(t, stop(), "nobody asked for anything yet")
	_, out, err := c.RollCall(t.Context())

	require.NoError(t, err)
	assert.Equal(t, out, c.Total().ExpectedSignOuts)
	assert.Zero(t, c.Total().SignedOut)
}

func TestASignedOutSessionThatStillAnswersIsAFailure(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	c.Begin("thief")
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		if r.URL.Path == "/api/v1/sessions/current" {
			w.WriteHeader(http.StatusNoContent) // says so, and forgets to
			return
		}
		blog.ServeHTTP(w, r)
	})
	c.until(t, "somebody signs out", func(w traffic.Window) bool { return w.ByOperation["old cookie"].Requests > 0 })
	window := c.End()

	assert.Equal(t, window.ByOperation["old cookie"].Requests, window.ByOperation["old cookie"].Failed)
}

func TestSignOutsAtAnyMomentAreNeitherFailuresNorLosses(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Users = 4 })
	forgetful := func(often func(request int64) bool) blogtest.Middleware {
		var n atomic.Int64
		return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if often(n.Add(1)) {
				blog.SignEveryoneOut()
			}
			next.ServeHTTP(w, r)
		}
	}
	c.Begin("forgetful")
	blog.Before(forgetful(func(request int64) bool { return request%40 == 0 }))
	c.work(t, 3000)
	window := c.End()
	c.stop()
	blog.Before(forgetful(func(request int64) bool { return request == 30 })) // in the middle of the check
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.Positive(t, window.SignedOut)
	assert.Zero(t, window.Failed, "a draft is hidden from who is signed out, and that is no failure: %v", window.Failures)
	assert.True(t, report.OK(), report.Explain(5))
}
