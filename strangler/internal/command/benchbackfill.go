package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"banyan.dev/platform/backfill"
	"banyan.dev/strangler/internal/bench/filling"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/transfer"
)

const benchBackfillHelp = `Measure what users notice while the monolith sends all comments to the service that follows.

It brings the blog of step 05 up in a folder of its own, beside a run of yours, with an
embedded PostgreSQL, Redis and Kafka, and with three comments for each post. Users read
and write through the gateway, --requests a second, each request at its time whatever
became of the others (an open loop); a late answer's latency counts from when its request
was due. For each of --rates in turn, users are by themselves for a --window, then a
backfill runs beside them for another; when it is through, the follower is emptied and it
begins again. Then the next turn waits until the follower has applied everything. In the
end everything that users wrote is read back, and all is taken down.

  rows/s          rows that were sent a second, the emptying between two backfills counted in:
                  many --posts make it rare. A backfill never runs far ahead of who
                  applies them: it waits while 64 messages are to be published or applied.
  without, with   the median of the rounds
  times           how many times longer requests took beside the backfill: the median of
                  the rounds' own ratios, which a slow moment of the machine leaves alone

Clients, gateway, hosts, databases and Kafka share this machine's processors: as fast as it
goes, a backfill takes what there is. --rates finds the pace that users do not notice, for
strangler backfill --rate. The figures mean little on another machine; the zeros must hold
on each.`

// fillStep is the step whose blog is measured: the first that has a follower.
const fillStep = "05"

func (t *tool) benchBackfill() *cobra.Command {
	c := filling.Defaults()
	posts := 20_000
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Measure what users notice of a backfill, at each pace",
		Long:  benchBackfillHelp,
		Example: "  strangler bench backfill\n  strangler bench backfill --rates 0,5000 --rounds 5 --json\n" +
			"  strangler bench backfill --posts 100000 --window 1m --requests 100",
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
			return t.runBenchBackfill(cmd.Context(), c, posts)
		},
	}
	flags := cmd.Flags()
	flags.IntSliceVar(&c.Rates, "rates", c.Rates, "rows a second that the backfill aims at, in turn; 0 is as fast as it goes")
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "how often each rate has its turn")
	flags.DurationVar(&c.Window, "window", c.Window, "how long users are measured by themselves, and beside the backfill")
	flags.IntVar(&c.Users, "users", c.Users, "how many people read and write")
	flags.Float64Var(&c.Requests, "requests", c.Requests, "requests a second, of all users")
	flags.IntVar(&posts, "posts", posts, "how many posts the blog begins with; each has three comments")
	flags.BoolVar(&c.JSON, "json", false, "one JSON document")
	return cmd
}

// benchBackfillDir is beside the folder of a run that somebody has brought up, and the
// same each time.
func (t *tool) benchBackfillDir() (string, error) {
	if t.runDir != "" {
		return t.runDir, nil
	}
	dir, err := deployment.DefaultFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(dir), "bench-backfill"), nil
}

func (t *tool) runBenchBackfill(ctx context.Context, c filling.Config, posts int) error {
	path, err := t.path()
	if err != nil {
		return err
	}
	step, err := path.Index(fillStep)
	if err != nil {
		return fmt.Errorf("the step to measure: %w", err)
	}
	names, err := path.Sides(benchResource)
	if err != nil {
		return err
	}
	dir, err := t.benchBackfillDir()
	if err != nil {
		return err
	}
	run, err := deployment.Create(ctx, path, dir, deployment.Options{Owner: "tour", Posts: posts, Seed: 1}, t.say)
	if err != nil {
		return err
	}
	err = func() error {
		if err := start(ctx, run, step); err != nil {
			return err
		}
		hosts, err := run.Hosts(benchResource)
		if err != nil {
			return err
		}
		c.URL = run.EntryURL
		c.Fill = func(ctx context.Context, rate int, sent func(int64)) error {
			return fillAgainAndAgain(ctx, hosts, rate, sent, func(ctx context.Context) error { return run.Empty(ctx, names[1]) })
		}
		c.Settle = func(ctx context.Context) error {
			return run.Do(ctx, steps.Action{Verb: steps.CatchUp, Hosts: names[:]})
		}
		return filling.Run(ctx, c)
	}()
	return errors.Join(err, end(run))
}

// restWithin bounds what is done between backfills, and the order that ends the last one.
const restWithin = 10 * time.Second

// fillAgainAndAgain lets one backfill follow another, each of a follower that was emptied
// before, and the last one rest when ctx ends.
func fillAgainAndAgain(ctx context.Context, hosts transfer.Hosts, rate int, sent func(int64), empty func(context.Context) error) error {
	before := int64(0)
	for ctx.Err() == nil {
		if err := emptied(ctx, empty); err != nil {
			return err
		}
		name, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("name a backfill: %w", err)
		}
		status, err := hosts.Backfill(ctx, backfill.Order{Run: name.String(), Rate: rate}, func(s backfill.Status) { sent(before + s.Rows) })
		if err != nil && ctx.Err() == nil {
			return err
		}
		before += status.Rows
	}
	return letItRest(context.WithoutCancel(ctx), hosts)
}

// emptied is not cut off in the middle, and does not last for ever.
func emptied(ctx context.Context, empty func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restWithin)
	defer cancel()
	return empty(ctx)
}

func letItRest(ctx context.Context, hosts transfer.Hosts) error {
	ctx, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	owner, _, err := hosts.Owner(ctx)
	if err != nil {
		return err
	}
	client := hosts.Filler(owner)
	defer client.Close()
	if _, err := client.Pause(ctx); err != nil {
		return fmt.Errorf("let the backfill rest: %w", err)
	}
	return nil
}
