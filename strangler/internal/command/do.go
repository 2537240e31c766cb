package command

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

func (t *tool) do() *cobra.Command {
	return &cobra.Command{
		Use:   "do ACTION...",
		Short: "Do single actions of a step by hand, such as 'scale: {monolith: 2}'",
		Long: `Does what a line of a step.yaml would do, one after another, to what "up" has brought up. A later advance or rollback
begins from what the step says runs: undo what you did before it.`,
		Example: `  strangler do 'start: monolith-next' 'gateway: 03-redis-sessions/next'
  strangler do 'hold: {routes: [writes], for: 10s}' 'restart: monolith' 'release: [writes]'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, path, err := t.open()
			if err != nil {
				return err
			}
			err = t.doAll(cmd.Context(), run, path, args)
			return errors.Join(err, run.Close())
		},
	}
}

func (t *tool) doAll(ctx context.Context, run *deployment.Run, path steps.Path, lines []string) error {
	actions, err := path.Actions(lines)
	if err != nil {
		return err
	}
	if walk, _, open := run.Journal().Open(); open {
		return fmt.Errorf("the run is on its way %s: finish it with advance or rollback first", walk.Title())
	}
	for _, a := range actions {
		t.say("  " + a.String())
		if err := run.Do(ctx, a); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	if w := run.LastHold(); w != nil {
		t.say(w.String())
	}
	return nil
}
