package deployment

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"banyan.dev/strangler/internal/steps"
)

// Do does one action, and returns when it is in force. Done twice it does nothing
// more. It implements plan.Target.
func (r *Run) Do(ctx context.Context, a steps.Action) error {
	switch a.Verb {
	case steps.Start:
		return r.start(ctx, a)
	case steps.Stop:
		return r.stop(ctx, a)
	case steps.Scale:
		return r.scale(ctx, a)
	case steps.Restart:
		return r.restart(ctx, a)
	case steps.Kill:
		return r.killAndStart(ctx, a)
	case steps.Migrate:
		return r.once(ctx, a.Process, r.path.Processes[a.Process].Migrate)
	case steps.Sessions:
		return r.moveSessions(ctx, a.Value)
	case steps.UserCache:
		r.state.Settings.UserCache = a.Value
		return r.change(ctx)
	case steps.Gateway:
		return r.takeRoutes(ctx, a.Value)
	case steps.Entry:
		return r.enterBy(ctx, a.Process)
	case steps.Tell:
		r.state.Environment = r.state.Environment.With(a.Environment)
		return r.save()
	case steps.Ramp:
		return r.ramp(ctx, *a.Move)
	case steps.Shadow:
		return r.shadowed(ctx, *a.Move)
	case steps.Hold:
		return r.hold(ctx, *a.Move)
	case steps.Release:
		return r.release(*a.Move)
	case steps.Await:
		return r.awaitSeams(ctx, a.Seams)
	case steps.CatchUp:
		return r.catchUp(ctx, a.Hosts)
	case steps.Backfill:
		return r.backfill(ctx, *a.Transfer)
	case steps.Reconcile:
		return r.reconcile(ctx, *a.Transfer)
	case steps.Handover:
		return r.handover(ctx, *a.Transfer)
	case steps.Discard:
		return r.discard(ctx, a.Process)
	default:
		return fmt.Errorf("this target can't do %q", a.Verb)
	}
}

// enterBy is told to all replicas: their links in mails and feeds lead to where
// users come in.
func (r *Run) enterBy(ctx context.Context, process string) error {
	r.state.Entry = process
	if err := r.save(); err != nil {
		return err
	}
	return r.change(ctx)
}

// replicas of a process, in the order of their numbers.
func (r *Run) replicas(process string) []string {
	var names []string
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		if all[name].Process == process {
			names = append(names, name)
		}
	}
	// As text, replica 10 would come before replica 2.
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(replicaNumber(a), replicaNumber(b)) })
	return names
}

// replicaNumber is what replicaName gave it; infrastructure has none.
func replicaNumber(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}

func (r *Run) start(ctx context.Context, a steps.Action) error {
	return r.grow(ctx, r.path.Processes[a.Process], max(1, a.Replicas))
}

func (r *Run) scale(ctx context.Context, a steps.Action) error {
	p := r.path.Processes[a.Process]
	if err := r.grow(ctx, p, a.Replicas); err != nil {
		return err
	}
	return r.shrink(ctx, p, a)
}

// grow starts what is missing. The replicas that run hear of the new one before it
// can have a user, so that no sign-out misses it; the gateway hears when it is
// ready.
func (r *Run) grow(ctx context.Context, p steps.Process, want int) error {
	if watchesSettings(p) && r.running(p.Name) < want {
		if err := r.mayGrow(want); err != nil {
			return err
		}
		wanted := make([]string, want)
		for i := range wanted {
			wanted[i] = replicaName(p, i)
		}
		if err := r.writeSettings(ctx, union(r.watchers(), wanted)); err != nil {
			return err
		}
		if err := r.settingsInForce(ctx); err != nil {
			return err
		}
	}
	if err := r.on.grow(ctx, p, want); err != nil {
		return err
	}
	switch {
	case !p.Host():
		return nil
	case p.Reads("gateway.file"):
		return r.routesInForce(ctx, nil)
	default:
		return r.route(ctx, nil)
	}
}

// running counts the replicas of a process that run.
func (r *Run) running(process string) int {
	n := 0
	for _, name := range r.replicas(process) {
		if r.on.alive(name) {
			n++
		}
	}
	return n
}

// mayGrow refuses a second replica whose users the first would not know.
func (r *Run) mayGrow(want int) error {
	store := r.state.Settings.Store
	if want < 2 || store == "redis" || store == "postgres" || r.bringingUp != "" {
		return nil
	}
	content, err := r.stepRoutes(r.state.Routes.Step)
	if r.state.Routes.Step == "" || err != nil || !pins(content) {
		return fmt.Errorf("sessions are in %s, and the gateway keeps nobody at one replica: give it routes with affinity first", store)
	}
	return nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// shrink ends replicas until so many are left; those that stay forget the others.
func (r *Run) shrink(ctx context.Context, p steps.Process, a steps.Action) error {
	if len(r.replicas(p.Name)) <= a.Replicas {
		return nil
	}
	if err := r.mayEnd(ctx, a); err != nil {
		return err
	}
	if err := r.on.shrink(ctx, p, a.Replicas); err != nil {
		return err
	}
	if watchesSettings(p) {
		return r.change(ctx)
	}
	return nil
}

func (r *Run) stop(ctx context.Context, a steps.Action) error {
	if a.Process == "redis" && r.state.Settings.Store != "memory" && r.state.Settings.Store != "postgres" {
		return fmt.Errorf("sessions are in %s: move them to memory before Redis is stopped", r.state.Settings.Store)
	}
	for _, may := range []error{r.mayEnd(ctx, a), r.mayGo(ctx, a.Process), r.mayMiss(ctx, a.Process)} {
		if may != nil {
			return may
		}
	}
	if err := r.on.shrink(ctx, r.path.Processes[a.Process], 0); err != nil {
		return err
	}
	if watchesSettings(r.path.Processes[a.Process]) {
		return r.change(ctx) // those that stay forget them
	}
	return nil
}

func (r *Run) restart(ctx context.Context, a steps.Action) error {
	if err := r.mayEnd(ctx, a); err != nil {
		return err
	}
	return r.on.restart(ctx, r.path.Processes[a.Process])
}

// killAndStart is kill -9 without a word to anybody, and then what a supervisor
// does: it starts the replica again. A server that the user gave is not ours to kill.
func (r *Run) killAndStart(ctx context.Context, a steps.Action) error {
	if err := r.mayEnd(ctx, a); err != nil {
		return err
	}
	names := r.replicas(a.Process)
	if len(names) == 0 && !r.path.Processes[a.Process].Host() {
		r.progress(a.Process + " was not started by this run, and is left alone")
	}
	if a.Replica != "" {
		if !slices.Contains(names, a.Replica) {
			return fmt.Errorf("there is no replica %q: %s has %s", a.Replica, a.Process, strings.Join(names, ", "))
		}
		names = []string{a.Replica}
	}
	for _, name := range names {
		if err := r.mayEnd(ctx, a); err != nil { // the one killed before must have settled
			return err
		}
		if err := r.on.kill(ctx, r.path.Processes[a.Process], name); err != nil {
			return err
		}
		if err := r.takenBack(ctx, a.Process, name); err != nil {
			return err
		}
	}
	return nil
}
