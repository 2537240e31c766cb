package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/kafkatest"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/traffic"
)

// crashes is one running system with users, in which one after another is killed.
type crashes struct {
	t       *testing.T
	tl      *tool
	load    *traffic.Load
	owner   string
	epoch   int64
	noticed string // what happened in the last pass, for the log
}

func newCrashes(t *testing.T, users int) *crashes {
	t.Helper()
	kafka := givenKafka(t)
	c := &crashes{t: t, tl: newTool(t)}
	c.tl.run(slices.Concat([]string{"up", "--step", "07", "--posts", "20"}, kafka)...)
	wd, err := os.Getwd()
	require.NoError(t, err)
	root, err := steps.Find(wd)
	require.NoError(t, err)
	path, err := steps.Load(root)
	require.NoError(t, err)
	entry, err := deployment.FollowEntry(path, c.tl.dir)
	require.NoError(t, err)
	c.load, err = traffic.New(traffic.Config{BaseURL: entry, Users: users, Rate: 50, Seed: 1})
	require.NoError(t, err)
	working, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.load.Run(working) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	select {
	case <-c.load.Ready():
	case err := <-ended:
		require.NoError(t, err, "the users could not begin")
	}
	c.owned()
	return c
}

// takenBy is who has taken the given Kafka in this process, by name.
var takenBy atomic.Pointer[string]

// givenKafka is of the environment; it must be a fresh one, and nobody else's: a run's
// topics and groups have the names that they have in the field. So the first test to come
// takes it for good, and any other is skipped, the same one's second time (-count) too.
func givenKafka(t *testing.T) []string {
	t.Helper()
	given := kafkatest.Given()
	if given == "" {
		return nil
	}
	name := t.Name()
	if !takenBy.CompareAndSwap(nil, &name) {
		t.Skipf("%s has taken the Kafka of %s, and what it wrote is there still: run this test alone, with a fresh one", *takenBy.Load(), kafkatest.Variable)
	}
	return []string{"--kafka", given}
}

// play kills the victim at its moment, brings back what died, goes on, and looks.
func (c *crashes) play(p pass) {
	c.t.Helper()
	if c.owner == p.to {
		c.tl.run("handover", "--to", otherSide(p.to))
		c.owned()
	}
	pids := c.pids(p)
	c.load.Begin(p.String())
	child := c.handover(p.to)
	last := child.killAt(p, pids)
	died := time.Now()
	ended := child.settle()
	child.requireProgress(p)
	settled := time.Since(died)
	if p.victim != theTool {
		c.tl.run("up", "--step", "07") // starts what has died
	}
	revived := time.Since(died)
	c.tl.run("handover", "--to", p.goal())
	whole := time.Since(died)
	before := c.epoch
	c.owned()
	require.Equal(c.t, p.goal(), c.owner, p)
	require.GreaterOrEqual(c.t, c.epoch, before, "%s: an epoch only grows", p)
	w := c.load.End()
	require.Zero(c.t, w.SignedOut, "%s: %v", p, w.Failures)
	if p.victim == theRelay { // one replica of several: nobody need notice
		require.Zero(c.t, w.Failed, "%s: %v", p, w.Failures)
	}
	c.noticed = fmt.Sprintf("caught at %q; the command %s after %.1f s, up after %.1f s, handed over after %.1f s; %d of %d requests failed, the slowest took %.1f s; epoch %d to %d",
		last, ended, settled.Seconds(), revived.Seconds(), whole.Seconds(), w.Failed, w.Requests, w.Max.Seconds(), before, c.epoch)
	c.sound(p.String())
}

// owned requires that one side owns, that the other follows, that every gateway knows,
// and that nothing is held any more.
func (c *crashes) owned() {
	c.t.Helper()
	var report struct {
		Sides []struct {
			Name string
			Row  struct {
				State string
				Epoch int64
			}
		}
		Gateways []struct {
			Owner, Error string
			Epoch        int64
			Held         []string
		}
	}
	said := c.tl.run("handover", "--status", "--json")
	require.NoError(c.t, json.Unmarshal([]byte(said), &report))
	c.owner = ""
	states := map[string]int{}
	for _, s := range report.Sides {
		states[s.Row.State]++
		if s.Row.State == "owner" {
			c.owner, c.epoch = s.Name, s.Row.Epoch
		}
	}
	require.Equal(c.t, map[string]int{"owner": 1, "follower": 1}, states, said)
	for _, s := range report.Sides {
		require.LessOrEqual(c.t, s.Row.Epoch, c.epoch, said)
	}
	require.NotEmpty(c.t, report.Gateways, said)
	for _, g := range report.Gateways {
		require.Empty(c.t, g.Error, said)
		require.Equal(c.t, c.owner, g.Owner, said)
		require.Equal(c.t, c.epoch, g.Epoch, said)
		require.Empty(c.t, g.Held, said)
	}
}

// sound requires that writes go on unharmed, and that both sides hold the same.
func (c *crashes) sound(after string) {
	c.t.Helper()
	c.load.Begin("after: " + after)
	require.Eventually(c.t, func() bool { return c.load.Live().ByOperation["write comment"].Requests >= 3 }, 30*time.Second, 10*time.Millisecond, "%s: nobody writes", after)
	w := c.load.End()
	require.Zero(c.t, w.Failed, "after %s: %v", after, w.Failures)
	require.Zero(c.t, w.SignedOut, "after %s", after)
	require.Contains(c.t, c.tl.run("reconcile"), "0 differences", "after %s", after)
}

// readBack requires that everything acknowledged is there, once. What it finds names the
// pass in which it was written.
func (c *crashes) readBack(after string) string {
	c.t.Helper()
	found, err := c.load.Check(c.t.Context())
	require.NoError(c.t, err, "after %s", after)
	require.True(c.t, found.OK(), "after %s: %s\n%s", after, found.Tally, found.Explain(20))
	return found.Tally.String()
}

// conclude asks everybody whether they are signed in still.
func (c *crashes) conclude() {
	c.t.Helper()
	_, out, err := c.load.RollCall(c.t.Context())
	require.NoError(c.t, err)
	require.Zero(c.t, out, "signed out")
	total := c.load.Total()
	require.Zero(c.t, total.SignedOut, "signed out")
	c.t.Logf("%d requests, %d failed; %s", total.Requests, total.Failed, c.readBack("all"))
}

// pids are the processes that a victim consists of; none for the tool itself.
func (c *crashes) pids(p pass) []int {
	c.t.Helper()
	s := c.tl.status()
	switch p.victim {
	case theGateway:
		return s.pids(c.t, "gateway-")
	case oldOwner:
		return s.pids(c.t, otherSide(p.to)+"-")
	case newOwner:
		return s.pids(c.t, p.to+"-")
	case theRelay:
		return []int{s.relay(c.t, otherSide(p.to)+"-")}
	case theBroker:
		return []int{s.pid(c.t, "kafka")}
	case theDatabase: // the server too, not only who holds it
		file, err := os.ReadFile(filepath.Join(c.tl.dir, "data", "postgres", "data", "postmaster.pid"))
		require.NoError(c.t, err)
		line, _, _ := strings.Cut(string(file), "\n")
		postmaster, err := strconv.Atoi(line)
		require.NoError(c.t, err)
		return []int{postmaster, s.pid(c.t, "postgres")}
	default:
		return nil
	}
}

func (s status) pids(t *testing.T, prefix string) []int {
	t.Helper()
	var all []int
	for _, p := range s.Processes {
		if strings.HasPrefix(p.Name, prefix) {
			all = append(all, p.PID)
		}
	}
	require.NotEmpty(t, all, prefix)
	return all
}

// relay is the replica that publishes most of the shards.
func (s status) relay(t *testing.T, prefix string) (pid int) {
	t.Helper()
	most := -1
	for _, p := range s.Processes {
		if !strings.HasPrefix(p.Name, prefix) {
			continue
		}
		if n := shards(t, p.Admin); n > most {
			most, pid = n, p.PID
		}
	}
	require.Positive(t, most, "nobody publishes")
	return pid
}

func shards(t *testing.T, admin string) int {
	t.Helper()
	res, err := http.Get(admin + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "banyan_outbox_shards_owned "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			require.NoError(t, err)
			return n
		}
	}
	require.Fail(t, "no relay at "+admin)
	return 0
}
