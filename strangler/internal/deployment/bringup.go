package deployment

import (
	"context"
	"fmt"

	"banyan.dev/platform/embedded"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

// Prepare finds or makes the programs that the path runs, before any is started.
func (r *Run) Prepare(ctx context.Context) error {
	if r.needsPostgres() {
		if _, err := embedded.FindPostgres(ctx, r.progress); err != nil {
			return fmt.Errorf("%w (--postgres-url)", err)
		}
	}
	r.progress("building " + fmt.Sprint(len(r.packages())) + " programs")
	if err := r.build(ctx); err != nil {
		return err
	}
	return checkRoutes(ctx, r.path, r.folder.path("bin"))
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
	return r.journal.Arrive(s.Name)
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
