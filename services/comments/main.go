package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"banyan.dev/platform/hosting"
	"banyan.dev/platform/run"
	"banyan.dev/platform/telemetry"
	"banyan.dev/services/comments/internal/config"
)

func main() {
	run.Main(func(ctx context.Context) error {
		root := command(os.Environ(), os.Stdout)
		root.SetArgs(os.Args[1:])
		return root.ExecuteContext(ctx)
	})
}

// command is the command line over an environment; tests call it too.
func command(environ []string, out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "comments",
		Short:         "The comments service",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true, // run.Main prints the one line
	}
	root.SetOut(out)
	serve := withConfig(environ, out, serve)
	root.RunE = serve
	root.AddCommand(
		&cobra.Command{Use: "serve", Short: "Answer requests (what it does without a command)", Args: cobra.NoArgs, RunE: serve},
		&cobra.Command{Use: "migrate", Short: "Migrate the database and end", Args: cobra.NoArgs, RunE: withConfig(environ, out, migrate)},
		&cobra.Command{
			Use: "discard", Short: "Empty a follower's database, so that it can begin anew", Args: cobra.NoArgs,
			Long: "Empty a follower's database: comments, keys, tombstones, closed posts, and how far backfill and inbox have come.\n" +
				"The row that says who owns stays. It refuses when this side is not a follower: there is no other copy then.\n" +
				"End the service's replicas before; afterwards a new backfill fills it again.",
			RunE: withConfig(environ, out, discard),
		},
		&cobra.Command{Use: "healthcheck", Short: "Ask the running service whether it is alive", Args: cobra.NoArgs, RunE: withConfig(environ, out, healthcheck)},
	)
	root.AddCommand(settleCommands(environ, out)...)
	return root
}

// task is a command with its configuration read and its logger made.
type task func(ctx context.Context, cfg config.Config, logger *slog.Logger) error

func withConfig(environ []string, out io.Writer, f task) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := config.Load(environ)
		if err != nil {
			return err
		}
		logger, err := telemetry.NewLogger(out, cfg.Replica, cfg.LogLevel)
		if err != nil {
			return err
		}
		return f(cmd.Context(), cfg, logger)
	}
}

// healthcheck is for images that have no shell and no curl.
func healthcheck(ctx context.Context, cfg config.Config, _ *slog.Logger) error {
	return hosting.Healthcheck(ctx, cfg.ListenAddr)
}
