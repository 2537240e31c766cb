package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

// Execute runs the command that args name.
func Execute(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	ctx, stop := watchParent(ctx)
	defer stop()
	root := root(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if errors.Is(err, context.Canceled) {
		// Cut, so that main does not take it for an orderly stop: what was asked for
		// was not done, and the exit status must say so.
		return errors.New("interrupted: " + err.Error())
	}
	return err
}

// tool is what the commands share: where they write, and the flags of all.
type tool struct {
	out    io.Writer // results
	err    io.Writer // progress
	runDir string
	target string // as --target says it; empty when it doesn't
}

func root(stdout, stderr io.Writer) *cobra.Command {
	t := &tool{out: stdout, err: stderr}
	cmd := &cobra.Command{
		Use:           "strangler",
		Short:         "Walks a blog from a monolith to services, under traffic, and proves each step",
		SilenceErrors: true, // main prints the error, as one line
		SilenceUsage:  true,
	}
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.PersistentFlags().StringVar(&t.runDir, "run-dir", "", "the run's folder (default: in the user's cache)")
	cmd.AddCommand(t.onTarget(
		t.up(), t.down(), t.plan(), t.advance(), t.rollback(),
		t.verify(), t.status(), t.load(), t.ramp(), t.backfill(), t.reconcile(), t.deadletters(), t.handover(), t.do(),
	)...)
	cmd.AddCommand(t.tour(), t.bench(), t.doctor(), t.infrastructure(), t.lab())
	return cmd
}

// say tells progress, apart from results, so that --json stays one document.
func (t *tool) say(what string) { fmt.Fprintln(t.err, what) }

// path reads the steps of the repository around the current folder.
func (t *tool) path() (steps.Path, error) {
	wd, err := os.Getwd()
	if err != nil {
		return steps.Path{}, fmt.Errorf("find the current folder: %w", err)
	}
	root, err := steps.Find(wd)
	if err != nil {
		return steps.Path{}, err
	}
	return steps.Load(root)
}

func (t *tool) dir() (string, error) {
	if t.runDir != "" {
		return t.runDir, nil
	}
	return deployment.DefaultFolder()
}

// open opens the run for a command that works on it.
func (t *tool) open() (*deployment.Run, steps.Path, error) {
	path, err := t.path()
	if err != nil {
		return nil, path, err
	}
	dir, err := t.dir()
	if err != nil {
		return nil, path, err
	}
	run, err := deployment.Open(path, dir, t.say)
	if err == nil {
		if err = t.sameTarget(run); err != nil {
			return nil, path, errors.Join(err, run.Close())
		}
	}
	return run, path, err
}

// onTarget adds --target to commands that work wherever a run is.
func (t *tool) onTarget(cmds ...*cobra.Command) []*cobra.Command {
	for _, cmd := range cmds {
		cmd.Flags().StringVar(&t.target, "target", "", "where it runs: "+strings.Join(deployment.Targets, ", ")+" (default: where it was brought up; up: local)")
	}
	return cmds
}

// sameTarget is an error where --target names another one than the run's.
func (t *tool) sameTarget(run *deployment.Run) error {
	if is := run.Target().Name; t.target != "" && t.target != is {
		return fmt.Errorf("--target is %s, but what is up in %s is on %s: leave the flag out, or give another folder with --run-dir", t.target, run.Dir(), is)
	}
	return nil
}

// external are the flags for infrastructure that the user runs.
func external(cmd *cobra.Command, x *deployment.External) {
	cmd.Flags().StringVar(&x.Postgres, "postgres-url", "", "a PostgreSQL database to use, postgres://user:password@host:port/database")
	cmd.Flags().StringToStringVar(&x.Databases, "database", nil, "with --postgres-url: another host's own database, NAME=postgres://... (default: made beside the first, if the role may)")
	cmd.Flags().StringVar(&x.Redis, "redis-url", "", "a Redis to use, redis://host:port/database")
	cmd.Flags().StringVar(&x.Kafka, "kafka", "", "Kafka brokers to use, host:port,...")
	cmd.Flags().IntVar(&x.Port, "port", 0, "the gateway's port on loopback (0: a free one)")
}
