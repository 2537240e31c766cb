package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/doctor"
)

func (t *tool) doctor() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine lacks, and how to mend it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := t.dir()
			if err != nil {
				return err
			}
			broken := 0
			for _, f := range doctor.Examine(cmd.Context(), dir) {
				fmt.Fprintf(t.out, "%-7s %-12s %s\n", f.State, f.What, f.Detail)
				if f.Mend != "" {
					fmt.Fprintf(t.out, "%21s%s\n", "", f.Mend)
				}
				if f.State == doctor.Missing {
					broken++
				}
			}
			if broken > 0 {
				return errors.New("something is missing: see above")
			}
			return nil
		},
	}
}
