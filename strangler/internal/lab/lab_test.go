package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
	"banyan.dev/strangler/internal/lab/notes"
)

// short is a run that leaves its temporary files in dir, should it forget any. The
// folder is one that PostgreSQL's user can enter.
func short(t *testing.T, only ...string) (c Config, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "banyan-lab-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	t.Setenv("TMPDIR", dir)
	return Config{Only: only, Length: 400 * time.Millisecond, Clients: 6, AtLeast: 1, Rounds: 30, Say: func(what string) { t.Log(what) }}, dir
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return names
}

// Everything, for a short time: each simple way fails, and the way of the steps holds.
func TestSimpleWaysFailAndTheStepsHold(t *testing.T) {
	c, dir := short(t)
	r, err := Run(t.Context(), c)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, r.Print(&text))
	t.Log(text.String())
	assert.True(t, r.OK)
	var names []string
	for _, w := range r.Ways {
		names = append(names, w.Name)
		assert.True(t, w.OK, "%s: %s", w.Title, w.Verdict)
		assert.Positive(t, w.Acknowledged, w.Title)
		assert.Equal(t, w.Red, w.Faults() > 0, "%s: %d faults", w.Title, w.Faults())
	}
	require.Equal(t, Names(), names)
	held := r.Ways[len(r.Ways)-1]
	assert.GreaterOrEqual(t, held.Moves, 4, "forward and back, in each round")
	assert.Empty(t, left(t, dir), "nothing stays behind")
	for _, want := range []string{"way ", "lost", "differing rows", "verdict", held.Title, held.Verdict, "all ended as they must"} {
		assert.Contains(t, text.String(), want)
	}
	document, err := json.Marshal(r)
	require.NoError(t, err)
	for _, want := range []string{`"ok":true`, `"lost":0`, `"name":"steps"`, `"acknowledged":`, `"came_back":`} {
		assert.Contains(t, string(document), want)
	}
}

func TestAnInterruptedRunLeavesNothing(t *testing.T) {
	c, dir := short(t, "steps")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.Say = func(what string) {
		if strings.Contains(what, "round 1") {
			cancel()
		}
	}
	r, err := Run(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, r.OK)
	require.Empty(t, left(t, dir))
}

func TestAProcessThatCanNotBeginSaysWhy(t *testing.T) {
	_, err := begin(t.Context(), []string{"sh", "-c", "echo no memory left >&2; exit 1"}, task{Kind: relaying})
	require.EqualError(t, err, "a relay did not get ready: no memory left")
}

func TestAProcessEndsWithWhoeverStartedIt(t *testing.T) {
	c, err := Config{}.checked()
	require.NoError(t, err)
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(t.Context(), in, io.Discard)
	}()
	relay := task{Kind: relaying, Kafka: "127.0.0.1:1", Here: notes.Config{
		URL: "postgres://nobody@127.0.0.1:1/nothing", Feed: broker.Topic{Name: "t", Partitions: 1},
	}}
	require.NoError(t, json.NewEncoder(out).Encode(relay))
	require.NoError(t, out.Close())
	require.NoError(t, <-ended)
	require.Equal(t, []string{Parent, Command}, c.Self[1:])
}

func TestConfigSaysWhatCanNotBe(t *testing.T) {
	for want, c := range map[string]Config{
		`--only "every" is no way: use both, both-repaired`: {Only: []string{"every"}},
		"--length is -1s": {Length: -time.Second},
		"--rounds is -1":  {Rounds: -1},
		"--at-least is 2000: give a number from 1 to 1000": {AtLeast: 2000},
		"--clients is -3": {Clients: -3},
	} {
		_, err := Run(t.Context(), c)
		require.ErrorContains(t, err, want)
	}
}

func TestServeRefusesWhatIsNoTask(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "read the task",
		"{\n":                    "read the task",
		`{"kind":"king"}` + "\n": `"king" is no process of the lab`,
	} {
		require.ErrorContains(t, Serve(t.Context(), strings.NewReader(in), &bytes.Buffer{}), want)
	}
}

// A short run of whoever passes a name: which ways there are is what --help says.
func TestNamesAreInTheOrderInWhichTheyAreTried(t *testing.T) {
	require.Equal(t, []string{"both", "both-repaired", "publish-after", "flip-back", "copy-job", "lag-zero", "steps"}, Names())
	red := 0
	for _, w := range ways() {
		require.NotEmpty(t, w.why)
		if w.red {
			red++
		}
	}
	require.Equal(t, len(Names())-1, red, "the last one, and only that, must hold")
}
