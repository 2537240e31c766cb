package handover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/traffic/blogtest"
)

// gate stands before a blog in memory, as a gateway does: it holds what writes comments.
type gate struct {
	mu     sync.RWMutex
	waited atomic.Int64
	spoil  func(w http.ResponseWriter, r *http.Request, blog http.Handler) bool
}

func (g *gate) before(w http.ResponseWriter, r *http.Request, blog http.Handler) {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comments") {
		if !g.mu.TryRLock() {
			g.waited.Add(1)
			g.mu.RLock()
		}
		defer g.mu.RUnlock()
	}
	if g.spoil != nil && g.spoil(w, r, blog) {
		return
	}
	blog.ServeHTTP(w, r)
}

// move holds writes until at least one waits.
func (g *gate) move(ctx context.Context, _ string) (Moved, error) {
	before, began := g.waited.Load(), time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.waited.Load() == before {
		if !pause(ctx, 5*time.Millisecond) {
			return Moved{}, ctx.Err()
		}
	}
	waited := g.waited.Load() - before
	return Moved{Epoch: 7, Held: time.Since(began), Unowned: time.Since(began) / 2, Waited: uint64(waited), P50: 50, P99: 100}, nil
}

// start is a blog with three posts, and a short benchmark of it.
func start(t *testing.T, g *gate) (Config, *bytes.Buffer) {
	t.Helper()
	blog := blogtest.Start(t)
	c := newClient(blog.URL, 10*time.Second)
	defer c.transport.CloseIdleConnections()
	author, err := signUp(t.Context(), c, 0, "author")
	require.NoError(t, err)
	var me document
	require.NoError(t, c.get(t.Context(), author.jar, "/api/v1/accounts/me", &me))
	_, err = c.settle(t.Context(), author.jar, request{method: http.MethodPut, path: "/api/v1/accounts/" + me.ID + "/role", key: "role",
		body: encode(map[string]string{"role": "author"}), want: http.StatusOK})
	require.NoError(t, err)
	for _, title := range []string{"a", "b", "c"} {
		body, err := json.Marshal(map[string]any{"title": title, "body": "some text", "tags": []string{}, "publish": true})
		require.NoError(t, err)
		_, err = c.settle(t.Context(), author.jar, request{method: http.MethodPost, path: "/api/v1/posts", key: title, body: body, want: http.StatusCreated})
		require.NoError(t, err)
	}
	blog.Before(g.before)
	var out bytes.Buffer
	d := Defaults()
	d.URL, d.Sides, d.Move, d.Out, d.Say, d.JSON = blog.URL, [2]string{"old", "new"}, g.move, &out, func(string) {}, true
	d.Rounds, d.Rate, d.Users, d.Pause = 1, 60, 4, 500*time.Millisecond
	d.Compare = func(context.Context) (int, error) { return 0, nil }
	return d, &out
}

func measure(t *testing.T, g *gate, change func(*Config)) Report {
	t.Helper()
	c, out := start(t, g)
	if change != nil {
		change(&c)
	}
	require.NoError(t, Run(t.Context(), c))
	var r Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())
	return r
}

func goal(t *testing.T, r Report, what string) bool {
	t.Helper()
	for _, g := range r.Goals {
		if strings.Contains(g.What, what) {
			return g.Met
		}
	}
	require.Fail(t, "no such goal", what)
	return false
}

func TestEachHandoverIsMeasuredAndAllIsReadBack(t *testing.T) {
	r := measure(t, &gate{}, nil)
	require.Len(t, r.Handovers, 2)
	for i, h := range r.Handovers {
		assert.Equal(t, []string{"old", "new"}[i], h.To)
		assert.Positive(t, h.Waited)
		assert.Equal(t, int(h.Waited), h.Wait.N)
		assert.GreaterOrEqual(t, h.Around.N, h.Wait.N)
		assert.Positive(t, h.Held)
		assert.Positive(t, h.Wait.P50)
	}
	assert.Equal(t, 2, r.Held.N)
	assert.Equal(t, r.Handovers[0].Wait.N+r.Handovers[1].Wait.N, r.Wait.N)
	assert.Positive(t, r.Before.N)
	assert.Positive(t, r.Outside.N)
	assert.Positive(t, r.Reads.N)
	assert.Equal(t, r.Before.N+r.Around.N+r.Outside.N, r.Acknowledged)
	assert.Equal(t, 3, r.Posts)
	assert.InDelta(t, 100, r.AtGate.P99, 1e-9)
	assert.Zero(t, r.Failed)
	assert.True(t, r.Tally.OK())
	assert.NotNil(t, r.Differences)
	for _, what := range []string{"failed", "lost", "twice", "did not see", "differ"} {
		assert.True(t, goal(t, r, what), what)
	}
}

// comment is what the third comment of a run gets in place of the blog.
func comment(spoiled func(w http.ResponseWriter, r *http.Request, blog http.Handler)) *gate {
	var n atomic.Int64
	return &gate{spoil: func(w http.ResponseWriter, r *http.Request, blog http.Handler) bool {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/comments") || n.Add(1) != 3 {
			return false
		}
		spoiled(w, r, blog)
		return true
	}}
}

func TestAWriteThatIsAcknowledgedAndNotThereIsLost(t *testing.T) {
	r := measure(t, comment(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"nowhere","version":1}`)
	}), func(c *Config) { c.Reads = 0 })
	assert.Equal(t, 1, r.Lost)
	assert.False(t, goal(t, r, "lost"))
	assert.Contains(t, strings.Join(r.Findings, "\n"), "lost: ")
}

func TestAWriteThatIsDoneAgainIsThereTwice(t *testing.T) {
	r := measure(t, comment(func(w http.ResponseWriter, r *http.Request, blog http.Handler) {
		body, _ := io.ReadAll(r.Body)
		again := r.Clone(r.Context())
		again.Header.Del("Idempotency-Key")
		again.Body = io.NopCloser(bytes.NewReader(body))
		blog.ServeHTTP(&nobody{header: http.Header{}}, again)
		r.Body = io.NopCloser(bytes.NewReader(body))
		blog.ServeHTTP(w, r)
	}), nil)
	assert.Equal(t, 1, r.Duplicated)
	assert.Zero(t, r.Lost)
	assert.False(t, goal(t, r, "twice"))
}

func TestAnAnswerAgainstTheContractIsAFailure(t *testing.T) {
	r := measure(t, comment(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "out of paper", http.StatusInternalServerError)
	}), nil)
	assert.Equal(t, 1, r.Failed)
	assert.Equal(t, 1, r.Unknown)
	assert.False(t, goal(t, r, "failed"))
	assert.Contains(t, strings.Join(r.Failures, "\n"), "500, want 201: out of paper")
}

func TestWhatIsSentAwayForAMomentIsSentAgain(t *testing.T) {
	r := measure(t, comment(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}), nil)
	assert.Equal(t, 1, r.Retries)
	assert.Zero(t, r.Failed)
	assert.True(t, r.Tally.OK())
}

func TestAHandoverThatFailsEndsIt(t *testing.T) {
	c, out := start(t, &gate{})
	c.Move = func(context.Context, string) (Moved, error) { return Moved{}, errors.New("nobody would take it") }
	require.ErrorContains(t, Run(t.Context(), c), "hand-over 1, to old: nobody would take it")
	assert.Empty(t, out.String())
}

func TestCtrlCCutsOffWhatIsUnderWay(t *testing.T) {
	g := &gate{}
	c, out := start(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	c.Move = func(ctx context.Context, to string) (Moved, error) {
		moved, err := g.move(ctx, to)
		cancel()
		return moved, err
	}
	require.ErrorIs(t, Run(ctx, c), context.Canceled)
	assert.Empty(t, out.String())
}

func TestTheTableSaysTheSame(t *testing.T) {
	c, out := start(t, &gate{})
	c.JSON = false
	g := c.Move
	c.Move = func(ctx context.Context, to string) (Moved, error) {
		moved, err := g(ctx, to)
		moved.Held, moved.Troubles = 0, []string{"tried again error=late"}
		return moved, err
	}
	require.NoError(t, Run(t.Context(), c))
	for _, want := range []string{
		`hand-over to +epoch +took ms`, `\n +old +7 +\S+ +- `, `\n +writes that waited +[1-9]`, `\n +waits at the gateway, up to +\d+ +50 +100`,
		`hand-over 2: tried again error=late`, `\np99 ms of the writes that waited, at 60 writes/s +at most 250 `, `\nlost writes +at most 0 +0 +met`,
	} {
		assert.Regexp(t, want, out.String())
	}
}

func TestConfigNamesTheFlagAndTheMend(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--rounds is 0: give a number from 1":        func(c *Config) { c.Rounds = 0 },
		"--rate is 0: give a number of writes":       func(c *Config) { c.Rate = 0 },
		"--reads is -1: give a number of reads":      func(c *Config) { c.Reads = -1 },
		"--pause is 1ms: give a duration":            func(c *Config) { c.Pause = time.Millisecond },
		"--users is 0: give a number from 1":         func(c *Config) { c.Users = 0 },
		"--deadline is 1ns: give a duration":         func(c *Config) { c.Deadline = 1 },
		"URL, Sides, Move, Say and Out are required": func(c *Config) { c.Move = nil },
	} {
		c := Defaults()
		c.URL, c.Sides, c.Out, c.Say = "http://127.0.0.1:1", [2]string{"a", "b"}, io.Discard, func(string) {}
		c.Move = func(context.Context, string) (Moved, error) { return Moved{}, nil }
		change(&c)
		require.ErrorContains(t, Run(t.Context(), c), want)
	}
}

// nobody hears an answer.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(b []byte) (int, error) { return len(b), nil }
func (n *nobody) WriteHeader(int)             {}
