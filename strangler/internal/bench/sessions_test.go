package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/bench"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stable starts blogs in memory in place of monoliths.
type stable struct {
	t       *testing.T
	blogs   map[string]*blogtest.Blog
	stopped int
}

func (s *stable) start(_ context.Context, store string) (string, func(), error) {
	s.blogs[store] = blogtest.Start(s.t)
	return s.blogs[store].URL, func() { s.stopped++ }, nil
}

func short(s *stable, out *bytes.Buffer) bench.Config {
	return bench.Config{Start: s.start, Rounds: 2, Duration: 20 * time.Millisecond, Concurrency: 2, Out: out}
}

func TestEachStoreHasItsTurns(t *testing.T) {
	s, out := &stable{t: t, blogs: map[string]*blogtest.Blog{}}, &bytes.Buffer{}
	config := short(s, out)
	config.JSON = true
	var turns []int
	config.Turn = func(turn, of int, _ string) {
		assert.Equal(t, 6, of)
		turns = append(turns, turn)
	}
	require.NoError(t, bench.Sessions(t.Context(), config))
	assert.Equal(t, []int{1, 2, 3, 4, 5, 6}, turns)

	var got struct{ Results []bench.Result }
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got.Results, 3)
	for i, r := range got.Results {
		assert.Equal(t, bench.Stores()[i], r.Store)
		assert.Len(t, r.Rounds, 2)
		assert.Positive(t, r.RequestsPerSecond)
		assert.Positive(t, r.P99)
	}
	assert.InDelta(t, 1, got.Results[0].Ratio, 1e-9, "memory against itself")
	assert.Equal(t, 3, s.stopped)
}

func TestTheTableHasALinePerStore(t *testing.T) {
	s, out := &stable{t: t, blogs: map[string]*blogtest.Blog{}}, &bytes.Buffer{}
	require.NoError(t, bench.Sessions(t.Context(), short(s, out)))
	assert.Regexp(t, `(?s)sessions in +requests/s.*\n +memory +\d+ +1\.00.*\n +postgres .*\n +redis `, out.String())
}

func TestAFailedReadIsNoResult(t *testing.T) {
	s, out := &stable{t: t, blogs: map[string]*blogtest.Blog{}}, &bytes.Buffer{}
	config := short(s, out)
	config.Start = func(ctx context.Context, store string) (string, func(), error) {
		url, stop, err := s.start(ctx, store)
		s.blogs[store].Before(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
			if store == "redis" && r.Method == http.MethodGet {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			blog.ServeHTTP(w, r)
		})
		return url, stop, err
	}
	err := bench.Sessions(t.Context(), config)

	require.ErrorContains(t, err, "measure sessions in redis: GET /api/v1/accounts/me answered 500")
	assert.Empty(t, out.String())
	assert.Equal(t, 3, s.stopped)
}

func TestWhatCannotStartIsNamed(t *testing.T) {
	s, out := &stable{t: t, blogs: map[string]*blogtest.Blog{}}, &bytes.Buffer{}
	config := short(s, out)
	config.Start = func(ctx context.Context, store string) (string, func(), error) {
		if store == "postgres" {
			return "", nil, errors.New("no such server")
		}
		return s.start(ctx, store)
	}
	require.EqualError(t, bench.Sessions(t.Context(), config), "start a monolith with sessions in postgres: no such server")
	assert.Equal(t, 1, s.stopped, "what had started is stopped")
}

func TestConfigNamesTheFieldAndTheMend(t *testing.T) {
	s, out := &stable{t: t, blogs: map[string]*blogtest.Blog{}}, &bytes.Buffer{}
	config := short(s, out)
	config.Rounds = -1
	require.ErrorContains(t, bench.Sessions(t.Context(), config), "rounds is -1: give a number from 1")
	config = short(s, out)
	config.Start = nil
	require.ErrorContains(t, bench.Sessions(t.Context(), config), "Start is missing")
}
