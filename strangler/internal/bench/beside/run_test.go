package beside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/bench/peers"
)

// short is a whole benchmark in a few seconds. Its temporary files are in dir.
func short(t *testing.T, out *bytes.Buffer) (c Config, dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("TMPDIR", dir)
	binary, err := os.Executable()
	require.NoError(t, err)
	return Config{
		Root: "../../../..", Self: []string{binary}, Only: []string{peers.ReverseProxy, peers.Gateway},
		Rounds: 1, Duration: 200 * time.Millisecond, Connections: 16, Rate: 500, Body: 512,
		Idle: 50, Reloads: 20, Stream: 4 << 20, Say: func(string) {}, Out: out, JSON: true,
	}, dir
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "banyan-bench-*"))
	require.NoError(t, err)
	return found
}

// Everything is measured for a moment; asserted is that it was, never how fast.
func TestOneShortRunOfEverything(t *testing.T) {
	var out bytes.Buffer
	c, dir := short(t, &out)
	require.NoError(t, Run(t.Context(), c))
	var r Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())

	var names []string
	for _, l := range r.Load {
		names = append(names, l.Contender)
		assert.Positive(t, l.RequestsPerSecond, l.Contender)
		assert.Positive(t, l.Requests, l.Contender)
		assert.Positive(t, l.P50, l.Contender)
		assert.GreaterOrEqual(t, l.P99, l.P50, l.Contender)
		assert.Len(t, l.Rates, 1, l.Contender)
		require.NotNil(t, l.Paced, l.Contender)
		assert.Positive(t, l.Paced.P50, l.Contender)
		assert.Positive(t, l.Paced.RequestsPerSecond, l.Contender)
		assert.Positive(t, l.ToGateway, l.Contender)
		assert.Zero(t, l.ToNginx, "nginx had no part")
	}
	assert.Equal(t, []string{"application", peers.ReverseProxy, peers.Gateway, peers.Canary, peers.Shadow}, names)
	assert.Greater(t, r.load(peers.Canary).Next, 0.0, "some of 16 users are in")
	assert.Less(t, r.load(peers.Canary).Next, 1.0, "and some are not")
	assert.Greater(t, r.load(peers.Shadow).Next, 0.0, "copies were sent")
	assert.Less(t, r.load(peers.Shadow).Next, 0.5)

	require.Len(t, r.Idle, 1)
	assert.Equal(t, 50, r.Idle[0].Held)
	require.NotNil(t, r.Reloads)
	assert.Equal(t, 20, r.Reloads.Reloads)
	assert.Zero(t, r.Reloads.Failed, r.Reloads.First)
	assert.Positive(t, r.Reloads.Requests)
	require.Len(t, r.Streams, 2)
	for _, s := range r.Streams {
		assert.Equal(t, int64(4<<20), s.Bytes)
	}
	if runtime.GOOS == "linux" {
		assert.Positive(t, r.Idle[0].Before)
		assert.Positive(t, r.Streams[0].Before)
	}
	assert.NotEmpty(t, r.Goals)
	assert.Empty(t, left(t, dir))
}

func TestCtrlCEndsItAndLeavesNothing(t *testing.T) {
	var out bytes.Buffer
	c, dir := short(t, &out)
	c.Only, c.Duration = []string{peers.ReverseProxy}, time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	c.Say = func(what string) {
		if strings.Contains(what, "turn 1") {
			cancel()
		}
	}
	require.ErrorIs(t, Run(ctx, c), context.Canceled)
	assert.Empty(t, out.String())
	assert.Empty(t, left(t, dir))
}

func TestWhatDoesNotBuildIsShown(t *testing.T) {
	var out bytes.Buffer
	c, dir := short(t, &out)
	c.Root = t.TempDir()
	err := Run(t.Context(), c)
	require.ErrorContains(t, err, "go build ./gateway")
	require.ErrorContains(t, err, "go.mod file not found", "in go's own words")
	assert.Empty(t, left(t, dir))
}

func TestConfigNamesTheFlagAndTheMend(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--rounds is 0: give a number from 1":            func(c *Config) { c.Rounds = 0 },
		"--duration is -1s: give a duration above 0":     func(c *Config) { c.Duration = -time.Second },
		"--connections is 0: give a number from 1":       func(c *Config) { c.Connections = 0 },
		"--rate is -1: give a number of requests/s":      func(c *Config) { c.Rate = -1 },
		"--body is 1: give a number of bytes from 64":    func(c *Config) { c.Body = 1 },
		"--idle is -1: give a number up to":              func(c *Config) { c.Idle = -1 },
		"--reloads is -1: give a number up to":           func(c *Config) { c.Reloads = -1 },
		"--stream is -1: give a number of bytes":         func(c *Config) { c.Stream = -1 },
		`--only names "squid": known are nginx, haproxy`: func(c *Config) { c.Only = []string{"nginx", "squid"} },
		"Root, Self, Say and Out are required":           func(c *Config) { c.Say = nil },
	} {
		var out bytes.Buffer
		c, _ := short(t, &out)
		change(&c)
		require.ErrorContains(t, Run(t.Context(), c), want)
	}
}

func TestTooFewFilesIsSaidBefore(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system may allow any number")
	}
	_, err := raiseFiles(math.MaxInt32, math.MaxInt32) // more than fs.nr_open, even for root
	require.ErrorContains(t, err, "raise it (ulimit -n), or give less --idle and --connections")
}

func TestShowConfigsShowsAll(t *testing.T) {
	var out bytes.Buffer
	c := Defaults()
	c.Out = &out
	require.NoError(t, ShowConfigs(c))
	for _, name := range append(peers.Names(), peers.Canary, peers.Shadow) {
		assert.Contains(t, out.String(), "# "+name+"\n")
	}
	assert.Contains(t, out.String(), "http-reuse always")
	assert.Contains(t, out.String(), "maxconn 10500")
	c.Out = failing{}
	require.ErrorIs(t, ShowConfigs(c), errFull)
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
