// Command gateway stands in front of an application that is being taken apart: it
// decides, route by route, who answers, and changes that without dropping a
// request.
//
//	gateway                             serves, as the environment says
//	gateway init [FILE]                 writes a configuration to begin with
//	gateway validate FILE...            checks configurations
//	gateway routes FILE [METHOD PATH]   says who would answer, and why
//	gateway schema                      prints the JSON Schema, for editors
//	gateway tester --owner NAME         makes a token by which a tester chooses the owner
//	gateway healthcheck                 asks the gateway of this environment whether it is ready
//
// README.md describes the environment, and example.yaml the configuration.
package main

import (
	"context"
	"fmt"
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
		Use: "gateway", Short: "Decides route by route who answers", Args: noFile,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), os.Stderr) },
	}
	root.AddCommand(
		&cobra.Command{
			Use: "serve", Short: "Serves, as the environment says (the default)", Args: cobra.NoArgs,
			RunE: root.RunE,
		},
		initCommand(), validateCommand(), routesCommand(), schemaCommand(), testerCommand(),
		&cobra.Command{
			Use: "healthcheck", Short: "Asks the gateway of this environment whether it is ready", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return healthcheck(cmd.Context()) },
		},
	)
	return root
}

// noFile refuses arguments, and says what somebody means who names a file: most
// programs of this kind take one.
func noFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, err := os.Stat(args[0]); err == nil {
		return fmt.Errorf("gateway takes no file: to serve by it write CONFIG_FILE=%[1]s gateway, to check it gateway validate %[1]s", args[0])
	}
	return cobra.NoArgs(cmd, args)
}
