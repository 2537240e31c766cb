package traffic_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/traffic"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

// hangUp closes the connection without an answer.
func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func TestWhatAClientInTheFieldSettlesIsNoFailure(t *testing.T) {
	t.Parallel()
	troubles := map[string]func(w http.ResponseWriter, r *http.Request, blog http.Handler){
		"connection reset before": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(w) },
		"answer lost": func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
			blog.ServeHTTP(httptest.NewRecorder(), r)
			hangUp(w)
		},
		"bad gateway": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusBadGateway) },
		"answer lost behind a gateway": func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
			blog.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusGatewayTimeout)
		},
		"come back later": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blog := blogtest.Start(t)
			c := start(t, blog, nil)
			var n atomic.Int64
			blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
				if n.Add(1)%5 == 0 {
					trouble(w, r, blog)
					return
				}
				blog.ServeHTTP(w, r)
			})
			c.Begin("troubled")
			c.work(t, 500)
			blog.Before(nil)
			window := c.End()
			c.stop()
			report, err := c.Check(t.Context())

			require.NoError(t, err)
			assert.Zero(t, window.Failed, window.Failures)
			assert.Positive(t, window.Retries)
			assert.True(t, report.OK(), "keys make a repeated write one write: %s", report.Explain(5))
		})
	}
}

func TestABlogThatIgnoresKeysIsCaught(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	var n atomic.Int64
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		r.Header.Del("Idempotency-Key")
		if r.Method != http.MethodPost || n.Add(1)%3 != 0 {
			blog.ServeHTTP(w, r)
			return
		}
		blog.ServeHTTP(httptest.NewRecorder(), r)
		hangUp(w)
	})
	c.Begin("without keys")
	c.until(t, "enough is written", func(w traffic.Window) bool { return w.Acknowledged >= 40 })
	blog.Before(nil)
	c.stop()
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.Positive(t, report.Duplicated)
}

func TestWhatDoesNotSettleFailsAndIsUnknown(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Deadline = 600 * time.Millisecond })
	c.work(t, 300)
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		if r.Method == http.MethodGet {
			blog.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c.Begin("down")
	c.until(t, "writes fail", func(w traffic.Window) bool {
		return w.ByOperation["write comment"].Failed+w.ByOperation["write post"].Failed+w.ByOperation["edit post"].Failed > 0
	})
	blog.Before(nil)
	window := c.End()
	c.stop()
	report, err := c.Check(t.Context())

	require.NoError(t, err)
	assert.Contains(t, strings.Join(window.Failures, "\n"), "not settled within 600ms")
	assert.Positive(t, report.Unknown)
	assert.True(t, report.OK())
}

func TestAnAnswerAgainstTheContractIsAFailure(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		if r.Method == http.MethodPut {
			r.Header.Set("If-Match", `"999"`) // somebody between says a version of their own
		}
		blog.ServeHTTP(w, r)
	})
	c.Begin("between")
	c.until(t, "an edit fails", func(w traffic.Window) bool { return w.Failed > 0 })
	window := c.End()

	assert.Contains(t, window.Failures[0], "412 version-mismatch, want [200]")
}

func TestAnAcknowledgementThatNamesNothingIsAFailure(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, nil)
	blog.Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/posts" {
			blog.ServeHTTP(w, r)
			return
		}
		blog.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"","version":0}`))
	})
	c.Begin("nameless")
	c.until(t, "a post is written", func(w traffic.Window) bool { return w.ByOperation["write post"].Requests > 0 })
	window := c.End()

	assert.Equal(t, window.ByOperation["write post"].Requests, window.ByOperation["write post"].Failed)
	assert.Contains(t, window.Failures[0], "no id or no version")
}

func TestRunSaysWhyNobodyCouldSignUp(t *testing.T) {
	t.Parallel()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	load, err := traffic.New(traffic.Config{BaseURL: func() string { return nobody.URL }, Users: 2, Deadline: 100 * time.Millisecond})
	require.NoError(t, err)

	err = load.Run(t.Context())

	require.ErrorContains(t, err, "sign up ")
	require.ErrorContains(t, err, "connection refused")
}

func TestRunEndsInBoundThoughTheBlogHangs(t *testing.T) {
	t.Parallel()
	blog := blogtest.Start(t)
	c := start(t, blog, func(config *traffic.Config) { config.Deadline = time.Second })
	ctx, free := context.WithCancel(t.Context())
	defer free()
	blog.Before(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		select {
		case <-ctx.Done():
		case <-r.Context().Done():
		}
	})
	began := time.Now()
	c.stop()
	assert.Less(t, time.Since(began), 5*time.Second)
}

func TestConfigNamesTheFieldAndTheMend(t *testing.T) {
	t.Parallel()
	here := func() string { return "http://127.0.0.1" }
	for want, config := range map[string]traffic.Config{
		"BaseURL is missing":      {Users: 1},
		"users is 0: give":        {BaseURL: here},
		"rate is -1 requests/s":   {BaseURL: here, Users: 1, Rate: -1},
		"deadline is -1s: give a": {BaseURL: here, Users: 1, Deadline: -time.Second},
	} {
		_, err := traffic.New(config)
		require.ErrorContains(t, err, want)
	}
}
