package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/bench"
	"banyan.dev/strangler/internal/deployment"
)

func (t *tool) bench() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure alternatives side by side", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(t.benchSessions(), t.benchGateway(), t.benchOutbox(), t.benchBackfill(), t.benchHandover(), t.benchProcess(), t.benchEvents())
	return cmd
}

func (t *tool) benchSessions() *cobra.Command {
	var c bench.Config
	var x deployment.External
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "Compare the session stores memory, postgres and redis, through the monolith",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Out = t.out
			return t.runBench(cmd.Context(), c, x)
		},
	}
	cmd.Flags().IntVar(&c.Rounds, "rounds", 0, "how often each store has its turn (default 3)")
	cmd.Flags().DurationVar(&c.Duration, "duration", 3*time.Second, "how long a turn is")
	cmd.Flags().IntVar(&c.Concurrency, "concurrency", 8, "how many readers ask at once")
	cmd.Flags().BoolVar(&c.JSON, "json", false, "one JSON document")
	external(cmd, &x)
	return cmd
}

// runBench uses a run of its own, which is nobody's: a tour that crashed would be
// cleaned up the same way.
func (t *tool) runBench(ctx context.Context, c bench.Config, x deployment.External) error {
	path, err := t.path()
	if err != nil {
		return err
	}
	dir, err := t.dir()
	if err != nil {
		return err
	}
	run, err := deployment.Create(ctx, path, dir, deployment.Options{Owner: "tour", External: x}, t.say)
	if err != nil {
		return err
	}
	err = func() error {
		if err := run.PrepareBench(ctx); err != nil {
			return err
		}
		c.Start = func(ctx context.Context, store string) (string, func(), error) {
			t.say("starting a monolith with sessions in " + store)
			return run.StartWithSessions(ctx, store)
		}
		c.Turn = func(turn, of int, store string) {
			t.say(fmt.Sprintf("turn %d of %d: sessions in %s, %s", turn, of, store, c.Duration))
		}
		return bench.Sessions(ctx, c)
	}()
	return errors.Join(err, end(run))
}
