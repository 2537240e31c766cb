package deployment

import (
	"context"
	"fmt"
)

// Dead lists the replicas that should run and do not: they crashed, or the machine
// was restarted.
func (r *Run) Dead() []string {
	var dead []string
	for _, name := range sortedKeys(r.state.Processes) {
		if !r.state.Processes[name].alive() {
			dead = append(dead, name)
		}
	}
	return dead
}

// Revive starts what is dead, as a supervisor would, infrastructure first. What a
// dead process held in its memory is gone.
func (r *Run) Revive(ctx context.Context) error {
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
			if err := r.startReplica(ctx, p, name); err != nil {
				return err
			}
		}
	}
	return r.save()
}

// Resume goes on with a run whose bringing up was cut off, or starts again what
// has died since. It tells whether there was anything to do.
func (r *Run) Resume(ctx context.Context, step int) (bool, error) {
	at := r.journal.At()
	want := r.path.Steps[step].Name
	if _, _, walking := r.journal.Open(); at != "" && (walking || at != want) {
		return false, fmt.Errorf("%w in %s, at %s: use advance or rollback, or end it with down", ErrRunning, r.Dir(), at)
	}
	if at != "" && len(r.Dead()) == 0 {
		return false, nil
	}
	if err := r.Prepare(ctx); err != nil {
		return false, err
	}
	if err := r.Revive(ctx); err != nil {
		return false, err
	}
	if at == "" {
		return true, r.BringUp(ctx, step)
	}
	return true, nil
}

// needsPostgres tells whether the path runs one of its own.
func (r *Run) needsPostgres() bool {
	if r.state.External.Postgres != "" {
		return false
	}
	for name, p := range r.path.Processes {
		if p.Infrastructure == "postgres" && r.everRuns(name) {
			return true
		}
	}
	return false
}
