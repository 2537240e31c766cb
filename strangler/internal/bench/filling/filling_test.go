package filling

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheSpeedIsThatOfTheWindow(t *testing.T) {
	at := time.Unix(0, 0)
	m := newMeter(func() time.Time { return at })
	m.sent(0)
	select {
	case <-m.began:
		t.Fatal("no row was sent")
	default:
	}
	m.sent(1000)
	<-m.began
	m.reset()
	assert.Zero(t, m.perSecond())
	at = at.Add(2 * time.Second)
	m.sent(5000)
	m.sent(4000) // told late
	assert.InDelta(t, 2000, m.perSecond(), 1e-9)
	at = at.Add(2 * time.Second)
	assert.InDelta(t, 1000, m.perSecond(), 1e-9, "a backfill that stands still is slow")
}

func TestThePacesAreMediansOfTheirRounds(t *testing.T) {
	window := func(p99 int) traffic.Window {
		return traffic.Window{Requests: 10, P50: time.Millisecond, P99: time.Duration(p99) * time.Millisecond, Max: time.Second}
	}
	bad := window(900)
	bad.Failed, bad.SignedOut, bad.Failures = 2, 1, []string{"503"}
	turns := []turn{
		{rate: 0, quiet: window(10), beside: window(50), rows: 30000}, {rate: 500, quiet: window(10), beside: window(12), rows: 499},
		{rate: 0, quiet: window(100), beside: window(300), rows: 20000}, {rate: 500, quiet: window(10), beside: window(11), rows: 498},
		{rate: 0, quiet: window(20), beside: bad, rows: 10000}, {rate: 500, quiet: window(20), beside: window(30), rows: 500},
	}
	r := report(Config{Rates: []int{0, 500, 0}, Rounds: 3, Window: time.Second}, turns)
	require.Len(t, r.Paces, 2)
	full, paced := r.Paces[0], r.Paces[1]
	assert.InDelta(t, 5, full.P99, 1e-9, "the rounds' ratios are 5, 3 and 45")
	assert.InDelta(t, 20000, full.Rows, 1e-9)
	assert.Equal(t, Latency{Requests: 10, P50: 1, P99: 20, Max: 1000}, full.Quiet)
	assert.InDelta(t, 1.2, paced.P99, 1e-9)
	assert.Len(t, r.Turns, 6)
	assert.Equal(t, 2, r.Failed)
	assert.Equal(t, 1, r.SignedOut)
	assert.Equal(t, []string{"503"}, r.Failures)
	met := map[string]bool{}
	for _, g := range goals(r) {
		met[g.What] = g.Met
	}
	assert.Equal(t, map[string]bool{
		"rows/s as fast as it goes, with users": true, "times the p99 without it, as fast as it goes": false, "times the p99 without it, at 500 rows/s": true,
		"failed requests": false, "sign-outs": false, "lost writes": true, "writes that are there twice": true,
	}, met)
}

func TestAConfigurationThatCanNotBeIsNamed(t *testing.T) {
	require.NoError(t, Defaults().Validate())
	for flag, change := range map[string]func(*Config){
		"--rates": func(c *Config) { c.Rates = []int{5, -1} }, "--rounds": func(c *Config) { c.Rounds = 0 }, "--window": func(c *Config) { c.Window = 0 },
		"--users": func(c *Config) { c.Users = 0 }, "--requests": func(c *Config) { c.Requests = 0 },
	} {
		c := Defaults()
		change(&c)
		require.ErrorContains(t, c.Validate(), flag+" is ")
	}
	require.ErrorContains(t, Run(t.Context(), Defaults()), "required")
}

// TestABackfillThatFailsIsNoFigure: what is not under way all the while was not measured.
func TestABackfillThatFailsIsNoFigure(t *testing.T) {
	load, err := traffic.New(traffic.Config{BaseURL: func() string { return "http://127.0.0.1:1" }, Users: 1})
	require.NoError(t, err)
	for name, fill := range map[string]func(context.Context, int, func(int64)) error{
		"before": func(context.Context, int, func(int64)) error { return errors.New("nobody owns it") },
		"within": func(_ context.Context, _ int, sent func(int64)) error { sent(1); return errors.New("nobody owns it") },
		"early":  func(context.Context, int, func(int64)) error { return nil },
	} {
		c := Config{Window: 50 * time.Millisecond, Fill: fill, Out: io.Discard}
		_, err := c.turn(t.Context(), load, 0)
		require.Error(t, err, name)
	}
}

// TestTheCommandMeasuresTheRealBlog is what the documentation tells a reader to run, but
// short. Asserted is what must hold on every machine, never how fast.
func TestTheCommandMeasuresTheRealBlog(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: PostgreSQL runs as another user when we are root, and must be able
	// to enter.
	home, err := os.MkdirTemp("", "banyan-bench-backfill-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755))
	binary, dir := filepath.Join(home, "strangler"), filepath.Join(home, "run")
	t.Cleanup(func() {
		_ = exec.Command(binary, "down", "--run-dir", dir).Run() // after a failure; otherwise nothing is up
		require.NoError(t, os.RemoveAll(home))
	})
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = filepath.Join("..", "..", "..")
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))

	cmd := exec.Command(binary, "bench", "backfill", "--rates", "0,300", "--rounds", "1", "--window", "2s", "--users", "6", "--requests", "10",
		"--posts", "500", "--json", "--run-dir", dir)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	require.NoError(t, cmd.Run(), progress.String())
	var r Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())
	require.Len(t, r.Paces, 2)
	for _, p := range r.Paces {
		assert.Positive(t, p.Rows, "%d", p.Rate)
		assert.Positive(t, p.Quiet.Requests)
		assert.Positive(t, p.Beside.Requests)
	}
	assert.Less(t, r.Paces[1].Rows, 600.0, "the pace is kept")
	assert.Positive(t, r.Acknowledged)
	assert.True(t, r.Tally.OK(), r.Findings)
	assert.NoDirExists(t, dir, "nothing is left")
}
