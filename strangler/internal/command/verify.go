package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/local"
)

func (t *tool) verify() *cobra.Command {
	var through string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Play the journeys of the acceptance suite against what runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, _, err := t.open()
			if err != nil {
				return err
			}
			err = t.verifyRun(cmd.Context(), run, through, asJSON)
			return errors.Join(err, run.Close())
		},
	}
	cmd.Flags().StringVar(&through, "through", "", "the process to go through, such as gateway or monolith (default: where users come in)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON document")
	return cmd
}

func (t *tool) verifyRun(ctx context.Context, run *local.Run, through string, asJSON bool) error {
	url := run.EntryURL()
	if through != "" {
		var err error
		if url, err = run.URL(through); err != nil {
			return fmt.Errorf("--through: %w", err)
		}
	}
	if err := run.EnsureModerator(ctx); err != nil {
		return err
	}
	m := run.Moderator()
	results := journeys.Run(ctx, journeys.Config{BaseURL: url, Moderator: journeys.Credentials{Email: m.Email, Password: m.Password}})
	if asJSON {
		if err := writeJSON(t.out, results); err != nil {
			return err
		}
	} else {
		t.printJourneys(results)
	}
	if failed := len(journeys.Failed(results)); failed > 0 {
		return fmt.Errorf("%d of %d journeys failed at %s", failed, len(results), url)
	}
	t.say(fmt.Sprintf("%d journeys hold at %s", len(results), url))
	return nil
}

func (t *tool) printJourneys(results []journeys.Result) {
	for _, r := range results {
		if r.OK {
			fmt.Fprintf(t.out, "holds  %s\n", r.Name)
			continue
		}
		fmt.Fprintf(t.out, "FAILS  %s\n       %s\n", r.Name, r.Detail)
	}
}
