package command

import (
	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/infra"
)

// infrastructure is hidden: the local target starts this binary with it.
func (t *tool) infrastructure() *cobra.Command {
	var c infra.Config
	cmd := &cobra.Command{
		Use: infra.Command + " KIND", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Hold PostgreSQL, Redis, Kafka or the mail sink for a run",
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Kind = args[0]
			return infra.Serve(cmd.Context(), c)
		},
	}
	cmd.Flags().StringVar(&c.Dir, "dir", "", "its data")
	cmd.Flags().StringVar(&c.Ready, "ready", "", "the file to report to")
	cmd.Flags().IntVar(&c.Port, "port", 0, "its port")
	cmd.Flags().StringSliceVar(&c.Databases, "database", nil, "PostgreSQL: a database to make beside the first")
	cmd.Flags().IntVar(&c.Second, "second", 0, "its second port")
	return cmd
}
