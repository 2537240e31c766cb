package local

import (
	"context"
	"fmt"
	"strings"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// discard empties the database of a host that is given up.
func (r *Run) discard(ctx context.Context, process string) error {
	if names := r.replicas(process); len(names) > 0 {
		return fmt.Errorf("%s still runs: stop it before its data is discarded", strings.Join(names, ", "))
	}
	if err := r.mayGo(process); err != nil {
		return err
	}
	if err := r.runOnce(ctx, process, r.path.Processes[process].Discard); err != nil {
		return err
	}
	for resource := range r.path.Processes[process].Resources {
		delete(r.state.Backfills, resource)
	}
	return r.save()
}

// mayGo refuses to end a process that owns something: nobody else could write it.
func (r *Run) mayGo(process string) error {
	for _, resource := range sortedKeys(r.state.Routes.Resources) {
		if o := r.state.Routes.Resources[resource]; o.Owner == process {
			return fmt.Errorf("%s owns %s (epoch %d): hand it over before %s is given up", process, resource, o.Epoch, process)
		}
	}
	return nil
}

// mayMiss refuses to stop Kafka while a host writes to it, or reads from it.
func (r *Run) mayMiss(ctx context.Context, process string) error {
	if r.path.Processes[process].Infrastructure != "kafka" {
		return nil
	}
	for _, name := range sortedKeys(r.state.Processes) {
		p := r.path.Processes[r.state.Processes[name].Process]
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
		for _, name := range r.replicasOf(r.path.Processes[process].Package) {
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
	for _, name := range sortedKeys(r.state.Processes) {
		if p := r.path.Processes[r.state.Processes[name].Process]; p.Package == program {
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
