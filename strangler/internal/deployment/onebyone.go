package deployment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// launcher starts and ends single replicas that keep their name and their addresses,
// whatever is started in their place.
type launcher interface {
	alive(name string) bool
	// start returns when the replica is ready. One that runs is left alone.
	start(ctx context.Context, p steps.Process, name string) error
	// stop lets it finish what is in flight; kill does not. Both wait until it is gone,
	// and do nothing to one that is.
	stop(ctx context.Context, name string) error
	kill(ctx context.Context, name string) error
}

// oneByOne is the part of an orchestrator that is the same wherever replicas are named:
// the run's state says which there should be, and gateways are told of each.
type oneByOne struct {
	run *Run
	launcher
}

func (o oneByOne) replicas() map[string]*Instance { return o.run.state.Processes }
func (o oneByOne) named() bool                    { return true }
func (o oneByOne) close() error                   { return nil }
func (o oneByOne) spreads() time.Duration         { return 0 }

func (o oneByOne) grow(ctx context.Context, p steps.Process, want int) error {
	for i := range want {
		if err := o.start(ctx, p, replicaName(p, i)); err != nil {
			return err
		}
	}
	return nil
}

// shrink ends the replicas with the highest numbers. The gateways send them nobody
// before they go.
func (o oneByOne) shrink(ctx context.Context, p steps.Process, want int) error {
	names := o.run.replicas(p.Name)
	if len(names) <= want {
		return nil
	}
	going := names[want:]
	if want > 0 {
		if err := o.run.route(ctx, going); err != nil {
			return err
		}
	}
	for _, name := range going {
		if err := o.forget(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// forget ends a replica that is not wanted any more.
func (o oneByOne) forget(ctx context.Context, name string) error {
	if err := o.stop(ctx, name); err != nil {
		return fmt.Errorf("end %s: %w", name, err)
	}
	delete(o.run.state.Processes, name)
	return o.run.save()
}

// restart takes one replica after another out of the gateway, ends it in an orderly way
// and starts it again.
func (o oneByOne) restart(ctx context.Context, p steps.Process) error {
	r := o.run
	names := r.replicas(p.Name)
	for _, name := range names {
		if len(names) > 1 {
			if err := r.route(ctx, []string{name}); err != nil {
				return err
			}
		}
		if err := o.stop(ctx, name); err != nil {
			return fmt.Errorf("end %s: %w", name, err)
		}
		if err := o.start(ctx, p, name); err != nil {
			return err
		}
		if err := r.route(ctx, nil); err != nil {
			return err
		}
		if err := r.takenBack(ctx, p.Name, name); err != nil {
			return err
		}
	}
	return nil
}

func (o oneByOne) kill(ctx context.Context, p steps.Process, name string) error {
	if err := o.launcher.kill(ctx, name); err != nil {
		return err
	}
	return o.start(ctx, p, name)
}

func (o oneByOne) revive(ctx context.Context) error {
	r := o.run
	dead := r.Dead()
	for _, hosts := range []bool{false, true} {
		for _, name := range dead {
			p, known := r.path.Processes[r.state.Processes[name].Process]
			if !known { // a demo's, which has ended
				delete(r.state.Processes, name)
				continue
			}
			if p.Host() != hosts {
				continue
			}
			r.progress("starting " + name + " again")
			if err := o.start(ctx, p, name); err != nil {
				return err
			}
		}
	}
	return r.save()
}

// endAll ends hosts before the infrastructure that they use, side by side within each
// group.
func (o oneByOne) endAll(ctx context.Context) error {
	var errs []error
	for _, hosts := range []bool{true, false} {
		var names []string
		for _, name := range sortedKeys(o.run.state.Processes) {
			if o.run.path.Processes[o.run.state.Processes[name].Process].Host() == hosts {
				names = append(names, name)
			}
		}
		ended := make(chan error)
		for _, name := range names {
			go func() { ended <- o.stop(ctx, name) }()
		}
		for range names {
			errs = append(errs, <-ended)
		}
	}
	return errors.Join(errs...)
}
