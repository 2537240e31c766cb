package deployment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

// Prepare finds or makes what the processes are started from on the way to a step, before
// any is started, and brings the files that they watch to them again: what a crash has
// kept from them.
func (r *Run) Prepare(ctx context.Context, to int) error {
	if err := r.on.prepare(ctx, to); err != nil {
		return err
	}
	for _, file := range []string{settingsName, routesName} {
		content, err := os.ReadFile(r.folder.path(file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read what was delivered last: %w", err)
		}
		if err := r.on.deliver(ctx, file, content); err != nil {
			return err
		}
	}
	return nil
}

// BringUp brings a step up on the empty run: its processes, then the blog's content,
// then what the steps on the way to it have moved of that.
func (r *Run) BringUp(ctx context.Context, step int) error {
	s := r.path.Steps[step]
	r.bringingUp = s.Name
	defer func() { r.bringingUp = "" }()
	r.state.Entry = s.Entry
	r.state.Settings.Store, r.state.Settings.UserCache = s.Sessions, s.UserCache
	r.state.Environment = s.Environment
	if err := r.doAll(ctx, s, plan.Fresh(r.path, step)); err != nil {
		return err
	}
	if err := r.fill(ctx); err != nil {
		return err
	}
	if err := r.doAll(ctx, s, plan.Settled(r.path, step)); err != nil {
		return err
	}
	if err := r.journal.Arrive(s.Name); err != nil {
		return err
	}
	return r.Settle(ctx)
}

func (r *Run) doAll(ctx context.Context, s steps.Step, actions []steps.Action) error {
	for _, a := range actions {
		r.progress(a.String())
		if err := r.Do(ctx, a); err != nil {
			return fmt.Errorf("bring up step %s (%s): %w", s.Name, a, err)
		}
	}
	return nil
}
