package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	benchhandover "banyan.dev/strangler/internal/bench/handover"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

const benchHandoverHelp = `Measure what users notice while the right to write comments goes to the other side and back.

It brings the blog of step 07 up in a folder of its own, beside a run of yours, with an
embedded PostgreSQL, Redis and Kafka; the comments service owns comments then. Signed-in
users write --rate comments a second through the gateway, each with an Idempotency-Key
and each at its time whatever became of the others (an open loop); a late answer's
latency counts from when its request was due. What gets no final answer is sent again,
until the deadline, as a client in the field does. A user does one thing at a time: when
nobody is free a request waits, and the wait counts, so --users should be more than
wait at one time. --reads a second open the comment that
the same user wrote last. Meanwhile comments are handed over to the monolith and back,
--rounds times, with a pause before each hand-over and after the last one. In the end
everything is read back, both sides are compared, and all is taken down.

  gates held      how long the gateway held new writes, as the hand-over itself says
  nobody owned    how long neither side owned, from the fence's answer to the take's
  waited          how many requests waited at the gates, as the gateway counts them
  p50, p99, max   of writes that waited, from the clients' side, with the write itself
                  in it. Who waited can't be seen from outside, only how many: taken are
                  that many of the slowest around the hand-over, so this flatters nobody.
  all around      every write that was under way at some time from the hand-over's begin
                  to 200 ms after its end, whether it waited or not
  outside         writes that met no hand-over. Those before the first stand apart: with
                  them all is new, from connections to caches.
  at the gateway  the waits alone, by the gateway's histogram: upper bounds

Failed is what got no answer that the contract promises before its deadline. Lost is
acknowledged, and not there; twice is what was written once and is found more than once.

Clients, gateway, five hosts, databases and Kafka share this machine's processors, so
measure on a quiet one: a wait is longer where the processors are. The figures mean
little on another machine; the zeros must hold on each.`

// benchResource is what is handed over.
const benchResource = "comments"

// benchStep is the step whose blog is measured.
const benchStep = "07"

func (t *tool) benchHandover() *cobra.Command {
	c := benchhandover.Defaults()
	posts := 200
	cmd := &cobra.Command{
		Use:   "handover",
		Short: "Measure how long writes wait while their owner changes, and that none is lost",
		Long:  benchHandoverHelp,
		Example: "  strangler bench handover\n  strangler bench handover --rounds 25 --pause 1s --json\n" +
			"  strangler bench handover --rate 500 --users 200 --posts 500",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Out, c.Say = t.out, t.say
			if err := c.Validate(); err != nil {
				return err
			}
			if posts < 1 {
				return fmt.Errorf("--posts is %d: give a number from 1 to 100000", posts)
			}
			if err := checkPosts(posts); err != nil {
				return err
			}
			return t.runBenchHandover(cmd.Context(), c, posts)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "how often comments go there and back: two hand-overs each")
	flags.IntVar(&c.Rate, "rate", c.Rate, "comments written a second")
	flags.IntVar(&c.Reads, "reads", c.Reads, "comments read a second, by who wrote them; 0 for none")
	flags.DurationVar(&c.Pause, "pause", c.Pause, "the time before each hand-over and after the last one")
	flags.IntVar(&c.Users, "users", c.Users, "how many people write")
	flags.IntVar(&posts, "posts", posts, "how many posts the blog begins with")
	flags.DurationVar(&c.Deadline, "deadline", c.Deadline, "how long one request may take to settle, with what is tried again")
	flags.BoolVar(&c.JSON, "json", false, "one JSON document")
	return cmd
}

// benchDir is not the folder of a run that somebody has brought up. It is the same each
// time: what a benchmark that was killed left running there is ended by the next one.
func (t *tool) benchDir() (string, error) {
	if t.runDir != "" {
		return t.runDir, nil
	}
	dir, err := deployment.DefaultFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(dir), "bench-handover"), nil
}

func (t *tool) runBenchHandover(ctx context.Context, c benchhandover.Config, posts int) error {
	path, err := t.path()
	if err != nil {
		return err
	}
	step, err := path.Index(benchStep)
	if err != nil {
		return fmt.Errorf("the step to measure: %w", err)
	}
	if c.Sides, err = path.Sides(benchResource); err != nil {
		return err
	}
	dir, err := t.benchDir()
	if err != nil {
		return err
	}
	heard := &hearing{say: t.say}
	run, err := deployment.Create(ctx, path, dir, deployment.Options{Owner: "tour", Posts: posts, Seed: 1}, heard.hear)
	if err != nil {
		return err
	}
	err = func() error {
		if err := start(ctx, run, step); err != nil {
			return err
		}
		c.URL = run.EntryURL()
		c.Move = func(ctx context.Context, to string) (benchhandover.Moved, error) {
			heard.troublesOnly(true)
			defer heard.troublesOnly(false)
			return moveInRun(ctx, run, to, heard)
		}
		c.Compare = func(ctx context.Context) (int, error) {
			report, err := run.Reconcile(ctx, benchResource)
			return len(report.Differences), err
		}
		return benchhandover.Run(ctx, c)
	}()
	return errors.Join(err, end(run))
}

// moveInRun is what `strangler handover --to` does.
func moveInRun(ctx context.Context, run *deployment.Run, to string, heard *hearing) (benchhandover.Moved, error) {
	action := steps.Action{Verb: steps.Handover, Transfer: &steps.Transfer{Resource: benchResource, To: to, Holds: run.HoldsOf(benchResource)}}
	if err := run.Do(ctx, action); err != nil {
		return benchhandover.Moved{}, err
	}
	h := run.Handed()
	return benchhandover.Moved{
		Epoch: h.Epoch, Held: h.Held, Unowned: h.Unowned, Waited: h.Waited.Requests, Refused: h.Waited.Refused, P50: h.Waited.P50, P99: h.Waited.P99,
		Troubles: heard.troubles(),
	}, nil
}

// hearing passes a run's progress on. While it is measured, what a hand-over says of its
// steps is no news, but what it got over is.
type hearing struct {
	say func(string)

	mu    sync.Mutex
	only  bool
	found []string
}

func (h *hearing) hear(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	trouble := strings.Contains(what, " error=")
	if h.only && trouble {
		h.found = append(h.found, what)
	}
	if !h.only || trouble {
		h.say(what)
	}
}

func (h *hearing) troublesOnly(only bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.only, h.found = only, nil
}

func (h *hearing) troubles() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.found
}
