package outboxes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/platform/outbox/outboxbench"
)

const root = "../../../.."

// short is a whole benchmark of the outbox in a few seconds. Its temporary files are in
// dir.
func short(t *testing.T, out *bytes.Buffer) (c Config, dir string) {
	t.Helper()
	postgres, kafka := embeddedtest.Database(t), kafkatest.Start(t) // before TMPDIR is the test's: they outlive it
	dir, err := os.MkdirTemp("", "banyan-outboxes-*")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) // PostgreSQL's user must enter
	t.Setenv("TMPDIR", dir)
	binary, err := os.Executable()
	require.NoError(t, err)
	return Config{
		Root: root, Self: []string{binary}, Only: []string{Outbox}, Rounds: 1, Rate: 100, Duration: 500 * time.Millisecond, Backlog: 600, Applied: 400,
		Postgres: postgres, Kafka: []string{kafka}, Say: func(string) {}, Out: out, JSON: true,
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
	c.Postgres, c.Kafka, c.Rounds = "", nil, 2
	require.NoError(t, Run(t.Context(), c))
	var r Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())
	assert.Equal(t, "embedded PostgreSQL, embedded Kafka", r.Servers)
	require.Len(t, r.Latency, 1)
	assert.Len(t, r.Latency[0].P99s, 2)
	assert.Positive(t, r.Latency[0].P50)
	assert.GreaterOrEqual(t, r.Latency[0].Max, r.Latency[0].P50)
	assert.Positive(t, r.Latency[0].CPU)
	assert.InDelta(t, 1, r.Latency[0].P99OfOutbox, 1e-9)
	require.Len(t, r.Drain, 1)
	assert.Len(t, r.Drain[0].Rates, 2)
	assert.Positive(t, r.Drain[0].EventsPerSecond)
	assert.Positive(t, r.Drain[0].CPU)
	require.Len(t, r.Idle, 1)
	require.NotNil(t, r.Inbox)
	assert.Equal(t, 400, r.Inbox.Events)
	assert.Equal(t, 440, r.Inbox.Messages)
	assert.Positive(t, r.Inbox.EventsPerSecond)
	if runtime.GOOS == "linux" {
		assert.Positive(t, r.Idle[0].Database+r.Drain[0].Database+r.Inbox.Database)
	}
	assert.Len(t, r.Goals, 3)
	assert.Empty(t, left(t, dir))
}

func TestServersThatAreGivenAreUsedAndDatabasesDropped(t *testing.T) {
	var out bytes.Buffer
	c, _ := short(t, &out)
	c.Duration, c.Applied = 0, 0
	require.NoError(t, Run(t.Context(), c))
	var r Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), out.String())
	assert.Equal(t, "given PostgreSQL, given Kafka", r.Servers)
	assert.Empty(t, r.Latency)
	assert.Nil(t, r.Inbox)
	require.Len(t, r.Drain, 1)
	assert.Zero(t, r.Drain[0].Database, "what a given server takes can't be seen")

	s := &servers{config: c, name: "banyan_bench_x"}
	p, err := s.place(t.Context())
	require.NoError(t, err)
	require.Contains(t, p.url, "/banyan_bench_x_1?")
	_, err = s.admin(t.Context(), "CREATE DATABASE banyan_bench_x_1")
	require.ErrorContains(t, err, "already exists")
	require.NoError(t, p.close())
	_, err = s.admin(t.Context(), "CREATE DATABASE banyan_bench_x_1")
	require.NoError(t, err, "it was dropped")
}

func TestCtrlCEndsItAndLeavesNothing(t *testing.T) {
	var out bytes.Buffer
	c, dir := short(t, &out)
	c.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	c.Say = func(what string) {
		if strings.Contains(what, "turn 1") {
			time.AfterFunc(300*time.Millisecond, cancel) // somewhere on the way
		}
	}
	require.ErrorIs(t, Run(ctx, c), context.Canceled)
	assert.Empty(t, out.String())
	assert.Empty(t, left(t, dir))
}

func TestAServerThatIsNotThereIsNamedWithoutItsPassword(t *testing.T) {
	var out bytes.Buffer
	c, _ := short(t, &out)
	c.Postgres = "postgres://user:secret@127.0.0.1:1/x"
	err := Run(t.Context(), c)
	require.ErrorContains(t, err, "PostgreSQL at 127.0.0.1:1 can't be reached")
	require.NotContains(t, err.Error(), "secret")
	c.Postgres = "mysql://user:secret@x"
	err = Run(t.Context(), c)
	require.ErrorContains(t, err, "--postgres-url is no PostgreSQL address")
	require.NotContains(t, err.Error(), "secret")
}

// A process that breaks is quoted.
func TestAContenderThatFailsIsNoResult(t *testing.T) {
	_, err := ask(t.Context(), []string{"/bin/sh", "-c", "echo no paper left >&2; exit 3"}, outboxbench.Task{}, func() float64 { return 0 })
	require.ErrorContains(t, err, "no paper left")
	require.ErrorContains(t, err, "exit status 3")
}

func TestWithoutItsLibrariesWatermillIsLeftOutUnlessItIsAskedFor(t *testing.T) {
	var said []string
	c := Config{Root: t.TempDir(), Self: []string{"strangler"}, Say: func(what string) { said = append(said, what) }}
	s := &stage{Config: c, dir: t.TempDir()}
	require.NoError(t, s.gather(t.Context()))
	require.Len(t, s.contenders, 1)
	assert.Equal(t, Outbox, s.contenders[0].name)
	assert.Equal(t, []string{"watermill: it can't be built here"}, s.leftOut)
	assert.Contains(t, strings.Join(said, "\n"), "go build in "+watermillFolder)

	s = &stage{Config: c, dir: t.TempDir()}
	s.Only = []string{Watermill}
	require.ErrorContains(t, s.gather(t.Context()), "go build in "+watermillFolder)
}

func TestTheSettingsAreThoseOfTheContenders(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, watermillFolder, settingsFile))
	require.NoError(t, err)
	var settings map[string]any
	require.NoError(t, yaml.Unmarshal(content, &settings))
	var names []string
	for name := range settings {
		names = append(names, name)
	}
	slices.Sort(names)
	assert.Equal(t, Names()[1:], names)
}

func TestShowConfigsShowsAll(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, ShowConfigs(Config{Root: root, Out: &out}))
	for _, name := range Names() {
		assert.Contains(t, out.String(), name)
	}
	require.ErrorIs(t, ShowConfigs(Config{Root: root, Out: failing{}}), errFull)
	require.ErrorContains(t, ShowConfigs(Config{Root: t.TempDir(), Out: &out}), "read watermill's settings")
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestConfigNamesTheFlagAndTheMend(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--rounds is 0: give a number from 1":         func(c *Config) { c.Rounds = 0 },
		"--rate is 0: give a number of events":        func(c *Config) { c.Rate = 0 },
		"--duration is -1s: give a duration":          func(c *Config) { c.Duration = -time.Second },
		"--backlog is -1: give a number up to":        func(c *Config) { c.Backlog = -1 },
		"--applied is -1: give a number up to":        func(c *Config) { c.Applied = -1 },
		`--only names "debezium": known are outbox, `: func(c *Config) { c.Only = []string{Outbox, "debezium"} },
		"Root, Self, Say and Out are required":        func(c *Config) { c.Say = nil },
	} {
		c := Defaults()
		c.Root, c.Self, c.Say, c.Out = root, []string{"x"}, func(string) {}, failing{}
		change(&c)
		require.ErrorContains(t, Run(t.Context(), c), want)
	}
}
