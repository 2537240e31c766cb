package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

func (t *tool) plan() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Print, action by action, how to get to the next step or to another",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, path, err := t.look()
			if err != nil && !errors.Is(err, deployment.ErrNoRun) {
				return err
			}
			if wrong := deployment.CheckRoutes(cmd.Context(), path); wrong != nil {
				return wrong
			}
			if err != nil {
				return t.planAll(path, to)
			}
			defer func() { _ = run.Close() }() // it only looked
			target, err := destination(path, run.Journal(), to, +1)
			if err != nil {
				return err
			}
			walks, err := plan.Toward(path, run.Journal(), target)
			if err != nil {
				return err
			}
			if len(walks) == 0 {
				t.say("nothing to do: the run is at " + path.Steps[target].Name)
			}
			fmt.Fprint(t.out, plan.Describe(walks))
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the step to go to (default: the next)")
	return cmd
}

// planAll prints the whole path when nothing runs.
func (t *tool) planAll(path steps.Path, to string) error {
	last := len(path.Steps) - 1
	if to != "" {
		i, err := path.Index(to)
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		last = i
	}
	t.say("nothing is up; the way from " + path.Steps[0].Name + " would be:")
	fmt.Fprint(t.out, plan.Describe(plan.Between(path, 0, last)))
	return nil
}

func (t *tool) advance() *cobra.Command {
	return t.move("advance", "Go to the next step; a walk that was cut off goes on where it was", +1)
}

func (t *tool) rollback() *cobra.Command {
	return t.move("rollback", "Go back to the step before, also from the middle of a walk", -1)
}

func (t *tool) move(name, short string, direction int) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, path, err := t.open()
			if err != nil {
				return err
			}
			err = t.walkTo(cmd.Context(), run, path, to, direction)
			return errors.Join(err, run.Close())
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the step to go to, by its name or the beginning of it (default: one step)")
	return cmd
}

func (t *tool) walkTo(ctx context.Context, run *deployment.Run, path steps.Path, to string, direction int) error {
	target, err := destination(path, run.Journal(), to, direction)
	if err != nil {
		return err
	}
	walks, err := plan.Toward(path, run.Journal(), target)
	if err != nil {
		return err
	}
	if err := run.CheckDatabases(ctx, target); err != nil {
		return err
	}
	if err := run.Prepare(ctx, target); err != nil {
		return err
	}
	began := time.Now()
	if err := t.walkAll(ctx, run, walks); err != nil {
		t.sayWhy(ctx, run, began)
		return err
	}
	t.say("at " + run.Journal().At())
	t.where(run)
	return nil
}

func (t *tool) walkAll(ctx context.Context, run *deployment.Run, walks []plan.Walk) error {
	if err := run.Revive(ctx); err != nil {
		return err
	}
	for _, w := range walks {
		if err := plan.Enter(run.Journal(), w); err != nil {
			return err
		}
		t.say(w.Title())
		if err := plan.Run(ctx, run.Journal(), run, lines{t}); err != nil {
			return fmt.Errorf("%w\nthe same command goes on from there; rollback and advance --to go elsewhere", err)
		}
		if err := run.Settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// destination is the step that is meant: the one named, which must lie in the
// command's direction, else the neighbour.
func destination(path steps.Path, j *plan.Journal, to string, direction int) (int, error) {
	at, err := path.Index(j.At())
	if err != nil {
		return 0, fmt.Errorf("the run's step: %w", err)
	}
	walk, _, open := j.Open()
	if to != "" {
		i, err := path.Index(to)
		if err != nil {
			return 0, fmt.Errorf("--to: %w", err)
		}
		if !open && (i-at)*direction < 0 {
			return 0, fmt.Errorf("--to %s lies the other way from %s: use advance to go forward, rollback to go back", path.Steps[i].Name, path.Steps[at].Name)
		}
		return i, nil
	}
	if open {
		// A walk that was cut off: advance leads to its later end, rollback to its earlier.
		later, err := path.Index(walk.Step)
		if err != nil {
			return 0, fmt.Errorf("the run's walk: %w", err)
		}
		if direction < 0 {
			return later - 1, nil
		}
		return later, nil
	}
	next := at + direction
	if next < 0 {
		return 0, fmt.Errorf("%s is the first step: there is nothing before it", path.Steps[at].Name)
	}
	if next >= len(path.Steps) {
		return 0, fmt.Errorf("%s is the last step: there is nothing after it", path.Steps[at].Name)
	}
	return next, nil
}

// lines tells each action as a line.
type lines struct{ t *tool }

func (l lines) Before(_ context.Context, w plan.Walk, i int) error {
	l.t.say(fmt.Sprintf("  %d/%d %s", i+1, len(w.Actions), w.Actions[i]))
	return nil
}

func (l lines) After(context.Context, plan.Walk, int, error) error { return nil }
