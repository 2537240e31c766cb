package deployment

import (
	"context"
	"fmt"
	"strings"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/strangler/internal/steps"
)

// discard empties the database of a host that is given up.
func (r *Run) discard(ctx context.Context, process string) error {
	if names := r.replicas(process); len(names) > 0 {
		return fmt.Errorf("%s still runs: stop it before its data is discarded", strings.Join(names, ", "))
	}
	if err := r.mayGo(ctx, process); err != nil {
		return err
	}
	if err := r.once(ctx, process, r.path.Processes[process].Discard); err != nil {
		return err
	}
	for resource := range r.path.Processes[process].Resources {
		delete(r.state.Backfills, resource)
	}
	return r.save()
}

// Empty has a host that follows empty its database while it runs, so that a backfill is
// one of a follower that has nothing. The host refuses where it owns. What it heard before
// is gone from it, live events too: only a backfill brings it back.
func (r *Run) Empty(ctx context.Context, process string) error {
	return r.once(ctx, process, r.path.Processes[process].Discard)
}

// mayGo refuses to end a process that owns something, or is about to: nobody else could
// write it. The rows decide, and the run's own memory where nobody can be asked.
func (r *Run) mayGo(ctx context.Context, process string) error {
	for _, resource := range sortedKeys(r.state.Routes.Resources) {
		if o := r.state.Routes.Resources[resource]; o.Owner == process {
			return fmt.Errorf("%s owns %s (epoch %d): hand it over before %s is given up", process, resource, o.Epoch, process)
		}
	}
	for _, resource := range sortedKeys(r.path.Processes[process].Resources) {
		if err := r.follows(ctx, process, resource); err != nil {
			return err
		}
	}
	return nil
}

// follows is an error unless the process's row says that it follows. One that does not
// run is judged by the other side: that one owns, if it knows anything of ownership.
func (r *Run) follows(ctx context.Context, process, resource string) error {
	hosts, err := r.Hosts(resource)
	if err != nil {
		return err
	}
	for i, name := range hosts.Names {
		runs := len(hosts.URLs[i]) > 0
		if !runs || name != process && len(hosts.URLs[1-i]) > 0 {
			continue
		}
		row, err := hosts.Row(ctx, i)
		switch {
		case err != nil && i == 0:
			return nil // who owned at first may know nothing of ownership, and then nobody else owns
		case err != nil:
			return fmt.Errorf("ask %s whether it owns %s: %w", name, resource, err)
		case name == process && row.State != ownership.Follower, name != process && row.State != ownership.Owner:
			return fmt.Errorf("%s is %s of %s: hand it over before %s is given up", name, row, resource, process)
		}
	}
	return nil
}

// mayMiss refuses to stop Kafka while a host writes to it, or reads from it.
func (r *Run) mayMiss(ctx context.Context, process string) error {
	if r.path.Processes[process].Infrastructure != "kafka" {
		return nil
	}
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		p := r.path.Processes[all[name].Process]
		if !p.Host() || !p.Reads("kafka.address") {
			continue
		}
		seams, err := r.seams(ctx, name)
		if err != nil {
			return fmt.Errorf("ask %s whether it needs %s: %w", name, process, err)
		}
		if seams["events"] != "off" {
			return fmt.Errorf("%s reports events %q, for which it needs %s: turn them off, and restart it, before %s is stopped", name, seams["events"], process, process)
		}
	}
	return nil
}

// seamsWithin bounds the wait for replicas that were told something to report it.
const seamsWithin = 30 * time.Second

// awaitSeams waits until every replica reports the seams, also those of other
// processes that are the same program: they write the same tables.
func (r *Run) awaitSeams(ctx context.Context, want steps.Table) error {
	ctx, cancel := context.WithTimeout(ctx, seamsWithin)
	defer cancel()
	for _, process := range sortedKeys(want) {
		replicas := r.replicasOf(r.path.Processes[process].Package)
		if len(replicas) == 0 {
			return fmt.Errorf("no replica of %s runs: nobody reports its seams", process)
		}
		for _, name := range replicas {
			var last error
			if !await(ctx, 20*time.Millisecond, func() bool { last = r.reports(ctx, name, want[process]); return last == nil }) {
				return fmt.Errorf("%s: %w", name, last)
			}
		}
	}
	return nil
}

// replicasOf are the replicas of all processes that are one program.
func (r *Run) replicasOf(program string) []string {
	var names []string
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		if p := r.path.Processes[all[name].Process]; p.Package == program {
			names = append(names, name)
		}
	}
	return names
}

func (r *Run) reports(ctx context.Context, replica string, want map[string]string) error {
	is, err := r.seams(ctx, replica)
	if err != nil {
		return err
	}
	for _, seam := range sortedKeys(want) {
		if is[seam] != want[seam] {
			return fmt.Errorf("it reports %s %q, not %q: it runs with what it was told before", seam, is[seam], want[seam])
		}
	}
	return nil
}
