package command

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/bench/outboxes"
)

const benchOutboxHelp = `Measure the outbox beside watermill's forwarder, in one run, on the same PostgreSQL and
the same Kafka, with the same change and payload in the same transaction; and how fast
the inbox applies what comes.

Three things are asked of each contender, in a database and a topic (of 12 partitions)
of its own: how long after its commit an event is at a consumer, while --rate events a
second are written, each in a transaction of its own and at its time whatever became of
the others (an open loop); how fast one relay brings a backlog of --backlog events to
Kafka; and what it costs to wait for events. The relay is a process of its own: CPU is
its processor time, and the database's is that of the embedded PostgreSQL meanwhile.
All share this machine's processors: a relay that asks the database all the time takes
them from everybody.

The inbox applies --applied events, and a tenth of them again, in batches: the inbox
rows by which repetitions are known, the rows of a follower, and the position.

  outbox           this repository's, as it comes
  watermill        watermill-sql's default schema for PostgreSQL, one forwarder topic
  watermill-lanes  the same with 12 forwarder topics side by side
  watermill-queue  watermill-sql's queue schema, with 12 forwarder topics; it may lose events

Contenders take turns, round by round, in another order each round. Figures of one run
mean little on another machine or day. What lasts are ratios: each is the median of the
rounds' own ratios. At the end the goals stand beside what was reached.

watermill is compiled for it, from a module of its own; where its libraries can't be
downloaded it is left out. --show-configs prints what each contender is told, and why.
On a PostgreSQL that is given, databases are made and dropped again; on a Kafka that is
given, topics named banyan_bench_... stay, with a retention of an hour.`

func (t *tool) benchOutbox() *cobra.Command {
	c := outboxes.Defaults()
	show := false
	cmd := &cobra.Command{
		Use:     "outbox",
		Short:   "Compare the outbox with watermill's forwarder, and measure the inbox",
		Long:    benchOutboxHelp,
		Example: "  strangler bench outbox --rounds 5\n  strangler bench outbox --kafka localhost:9092 --only outbox,watermill --applied 0 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := t.path()
			if err != nil {
				return err
			}
			c.Root, c.Out, c.Say = path.Root, t.out, t.say
			if show {
				return outboxes.ShowConfigs(c)
			}
			if c.Self, err = self(); err != nil {
				return err
			}
			return outboxes.Run(cmd.Context(), c)
		},
	}
	cmd.Flags().StringSliceVar(&c.Only, "only", nil, "the contenders, of "+strings.Join(outboxes.Names(), ", ")+" (default: all)")
	cmd.Flags().IntVar(&c.Rounds, "rounds", c.Rounds, "how often each contender has its turn")
	cmd.Flags().IntVar(&c.Rate, "rate", c.Rate, "events written a second while latency is measured")
	cmd.Flags().DurationVar(&c.Duration, "duration", c.Duration, "how long latency is measured; relays wait for nothing half as long; 0 leaves both out")
	cmd.Flags().IntVar(&c.Backlog, "backlog", c.Backlog, "how many events to drain; 0 leaves that out")
	cmd.Flags().IntVar(&c.Applied, "applied", c.Applied, "how many events the inbox applies; 0 leaves that out")
	cmd.Flags().StringVar(&c.Postgres, "postgres-url", "", "a PostgreSQL in which databases may be made, postgres://user:password@host:port/database")
	cmd.Flags().StringSliceVar(&c.Kafka, "kafka", nil, "Kafka brokers to use, host:port,...")
	cmd.Flags().BoolVar(&c.JSON, "json", false, "one JSON document")
	cmd.Flags().BoolVar(&show, "show-configs", false, "print what the contenders are told and measure nothing")
	return cmd
}

// benchEvents is hidden: the benchmark starts this binary with it.
func (t *tool) benchEvents() *cobra.Command {
	return &cobra.Command{
		Use: outboxes.Command, Hidden: true, Args: cobra.NoArgs,
		Short: "Be a process of the outbox's benchmark",
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := self()
			if err != nil {
				return err
			}
			return outboxes.Serve(cmd.Context(), program)
		},
	}
}

// self is how this tool's binary is started again.
func self() ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this tool's binary: %w", err)
	}
	return []string{program}, nil
}
