package command

import (
	"encoding/json"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/lab"
)

func (t *tool) lab() *cobra.Command {
	cmd := &cobra.Command{
		Use: lab.Parent, Short: "Try the simple ways of a migration, and see them fail", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(t.labWrites(), t.labProcess())
	return cmd
}

const labWritesHelp = `Moves writes from one database to another in the ways that look simple, and in the way of this repository's steps,
and counts what became of the writes.

What runs: one PostgreSQL with two databases, Kafka, and writers and relays that are processes of their own. They die of
SIGKILL at random moments, again and again, and are replaced. Clients write, edit and delete notes meanwhile. Each write
has an idempotency key and is sent again, with that key, until it is answered; of those without an answer one in four
is given up, as people do. In the end both databases are read whole and compared with what the clients were told.

  lost               acknowledged, and missing in a database or overwritten by what is no newer
  twice or invented  done more than once; or in one database only, and nobody was told of it; or deleted, and back
  differing rows     not the same in the two databases, when everything has come to rest

The simple ways, each of which must be seen to fail:

  both           the application writes the old database, then the new one, then it answers
  both-repaired  the same, and a client that comes again mends what is missing
  publish-after  the application commits, then publishes to Kafka: no outbox
  flip-back      writes go to the new side, then back to the old one: no reverse feed
  copy-job       a job copies the rows that were there before, while people write
  lag-zero       the route is moved when the consumer's lag is 0

and the one that must hold:

  steps          outbox, inbox and backfill; ownership handed over by epoch, forward and back (steps 05 to 07)

A simple way is tried round by round until its failure was seen --at-least times; the way of the steps for as many rounds as
the slowest of them took. The exit status is 0 only if each simple way failed and the way of the steps held.
docs/guide/moving-writes.md says what to do instead of each.`

func (t *tool) labWrites() *cobra.Command {
	var c lab.Config
	asJSON := false
	cmd := &cobra.Command{
		Use:     "writes",
		Short:   "Move writes in the simple ways, kill the writers, and count what is lost",
		Long:    labWritesHelp,
		Example: "  strangler lab writes --only both,steps\n  strangler lab writes --seed 7 --length 5s --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Say = t.say
			r, err := lab.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			if err := t.printLab(r, asJSON); err != nil {
				return err
			}
			if !r.OK {
				return errors.New("not every way ended as it must: see the verdicts")
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&c.Only, "only", nil, "the ways, of "+strings.Join(lab.Names(), ", ")+" (default: all)")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "decides what clients write and who is killed; moments are the machine's")
	cmd.Flags().DurationVar(&c.Length, "length", 0, "how long clients write in a round (default 1.5s)")
	cmd.Flags().IntVar(&c.Rounds, "rounds", 0, "how often a simple way is tried until it has failed (default 10)")
	cmd.Flags().IntVar(&c.AtLeast, "at-least", 0, "how many times its failure must be seen (default 3)")
	cmd.Flags().IntVar(&c.Clients, "clients", 0, "how many clients write at once (default 8)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return cmd
}

func (t *tool) printLab(r lab.Report, asJSON bool) error {
	if !asJSON {
		return r.Print(t.out)
	}
	to := json.NewEncoder(t.out)
	to.SetIndent("", "  ")
	return to.Encode(r)
}

// labProcess is hidden: the lab starts this binary with it.
func (t *tool) labProcess() *cobra.Command {
	return &cobra.Command{
		Use: lab.Command, Hidden: true, Args: cobra.NoArgs,
		Short: "Be a writer or a relay of the lab",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lab.Serve(cmd.Context(), os.Stdin, t.out)
		},
	}
}
