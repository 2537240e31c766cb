// Command gateway stands in front of an application that is being taken apart: it
// decides, route by route, who answers, and changes that without dropping a
// request.
//
//	gateway                  serves, as the environment says
//	gateway validate FILE    checks a configuration
//	gateway healthcheck      asks the gateway of this environment whether it is ready
//
// README.md describes the environment, and example.yaml the configuration.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"banyan.dev/platform/run"
)

// version is set by the linker, as deploy/docker/Dockerfile does with the image's
// VERSION; without it the environment's VERSION counts.
var version string

func main() {
	run.Main(func(ctx context.Context) error { return command().ExecuteContext(ctx) })
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: "gateway", Short: "Decides route by route who answers", Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), os.Stderr) },
	}
	root.AddCommand(
		&cobra.Command{
			Use: "serve", Short: "Serves, as the environment says (the default)", Args: cobra.NoArgs,
			RunE: root.RunE,
		},
		&cobra.Command{
			Use: "validate FILE", Short: "Checks a configuration", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return validate(args[0], cmd.OutOrStdout()) },
		},
		&cobra.Command{
			Use: "healthcheck", Short: "Asks the gateway of this environment whether it is ready", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return healthcheck(cmd.Context()) },
		},
	)
	return root
}
