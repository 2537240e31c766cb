package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/run"
	"banyan.dev/platform/telemetry"
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
		Use:           "monolith",
		Short:         "The blog as one binary",
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
		&cobra.Command{Use: "healthcheck", Short: "Ask the running monolith whether it is alive", Args: cobra.NoArgs, RunE: withConfig(environ, out, healthcheck)},
		roleCommand(environ, out),
		seedCommand(environ, out),
	)
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

func roleCommand(environ []string, out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "role EMAIL ROLE",
		Short: "Give an account the role reader, author or moderator",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withConfig(environ, out, func(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
				return grant(ctx, cfg, logger, args[0], contracts.Role(args[1]))
			})(cmd, args)
		},
	}
}

// healthcheck is for images that have no shell and no curl.
func healthcheck(ctx context.Context, cfg config.Config, _ *slog.Logger) error {
	return hosting.Healthcheck(ctx, cfg.ListenAddr)
}
