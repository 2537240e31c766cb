package plan

import (
	"context"
	"fmt"

	"banyan.dev/strangler/internal/steps"
)

// Direction of a walk.
type Direction string

// Forward goes to the next step, Back to the one before.
const (
	Forward Direction = "forward"
	Back    Direction = "back"
)

// Walk is the way between two neighbouring steps, as a list of actions.
type Walk struct {
	// Step is the one whose forward or back list this is. A walk forward ends in
	// it, a walk back begins in it.
	Step      string         `json:"step"`
	Direction Direction      `json:"direction"`
	From      string         `json:"from"`
	To        string         `json:"to"`
	Actions   []steps.Action `json:"actions"`
}

// Between returns the walks that lead from one step to another, one for each
// step's width; none when they are the same.
func Between(path steps.Path, from, to int) []Walk {
	var walks []Walk
	for at := from; at < to; at++ {
		walks = append(walks, ahead(path, at+1))
	}
	for at := from; at > to; at-- {
		walks = append(walks, behind(path, at))
	}
	return walks
}

func ahead(path steps.Path, i int) Walk {
	step := path.Steps[i]
	return Walk{Step: step.Name, Direction: Forward, From: path.Steps[i-1].Name, To: step.Name, Actions: resolve(step.Forward, step)}
}

func behind(path steps.Path, i int) Walk {
	step, before := path.Steps[i], path.Steps[i-1]
	return Walk{Step: step.Name, Direction: Back, From: step.Name, To: before.Name, Actions: resolve(step.Back, before)}
}

// resolve fills in how many replicas a start means: as many as the end state has.
func resolve(list []steps.Action, end steps.Step) []steps.Action {
	actions := make([]steps.Action, len(list))
	for i, a := range list {
		if a.Verb == steps.Start {
			a.Replicas = max(1, end.Replicas(a.Process))
		}
		actions[i] = a
	}
	return actions
}

// Fresh returns the actions that bring a step up on an empty machine: its end
// state, in the order in which it says what runs. Databases are migrated before
// the first host that has one, and routes are there before who reads them.
func Fresh(path steps.Path, i int) []steps.Action {
	step := path.Steps[i]
	var actions []steps.Action
	for _, run := range step.Runs {
		process := path.Processes[run.Process]
		if len(process.Migrate) > 0 {
			actions = append(actions, steps.Action{Verb: steps.Migrate, Process: run.Process})
		}
		if len(step.Gateway) > 0 && process.Reads("gateway.file") {
			actions = append(actions, steps.Action{Verb: steps.Gateway, Value: step.Name})
		}
		actions = append(actions, steps.Action{Verb: steps.Start, Process: run.Process, Replicas: run.Replicas})
	}
	return append(actions, steps.Action{Verb: steps.Entry, Process: step.Entry})
}

// Settled returns what is to be done after a step was brought up on an empty machine
// and filled: the moves of data and ownership that lie on the way to it.
func Settled(path steps.Path, i int) []steps.Action {
	var actions []steps.Action
	for _, step := range path.Steps[:i+1] {
		for _, a := range step.Forward {
			if a.MovesState() {
				actions = append(actions, a)
			}
		}
	}
	return actions
}

// Title is the walk as a heading.
func (w Walk) Title() string {
	if w.Direction == Back {
		return fmt.Sprintf("back from %s to %s", w.From, w.To)
	}
	return fmt.Sprintf("forward from %s to %s", w.From, w.To)
}

// Target does actions. Each must be idempotent: after a crash the one that had
// begun is done again.
type Target interface {
	Do(ctx context.Context, a steps.Action) error
}

// Observer hears of each action, for progress and for what the tour does between.
// An error from After ends the walk; the action itself stays done.
type Observer interface {
	Before(ctx context.Context, w Walk, i int) error
	After(ctx context.Context, w Walk, i int, err error) error
}

// Run does what is left of the walk that the journal has open, and closes it.
func Run(ctx context.Context, j *Journal, target Target, observer Observer) error {
	walk, done, open := j.Open()
	if !open {
		return nil
	}
	// What was held when the walk was cut off has been let go meanwhile.
	if h := stillHeld(walk.Actions[:done]); h != nil && done < len(walk.Actions) {
		if err := target.Do(ctx, *h); err != nil {
			return fmt.Errorf("%s, again before action %d (%s): %w", walk.Title(), done+1, *h, err)
		}
	}
	for i := done; i < len(walk.Actions); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := runOne(ctx, j, walk, i, target, observer); err != nil {
			return fmt.Errorf("%s, action %d of %d (%s): %w", walk.Title(), i+1, len(walk.Actions), walk.Actions[i], err)
		}
	}
	return j.End()
}

// stillHeld is the hold that no release has followed.
func stillHeld(done []steps.Action) *steps.Action {
	for i := len(done) - 1; i >= 0; i-- {
		switch done[i].Verb {
		case steps.Release:
			return nil
		case steps.Hold:
			return &done[i]
		default:
		}
	}
	return nil
}

func runOne(ctx context.Context, j *Journal, walk Walk, i int, target Target, observer Observer) error {
	if err := observer.Before(ctx, walk, i); err != nil {
		return err
	}
	if err := j.Begun(i); err != nil {
		return err
	}
	err := target.Do(ctx, walk.Actions[i])
	if err != nil {
		if noting := j.Failed(i, err); noting != nil {
			return fmt.Errorf("%w (and %w)", err, noting)
		}
	} else if err = j.Done(i); err != nil {
		return err
	}
	if heard := observer.After(ctx, walk, i, err); err == nil {
		err = heard
	}
	return err
}
