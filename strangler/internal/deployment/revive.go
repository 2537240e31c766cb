package deployment

import (
	"context"
	"fmt"
)

// Dead lists the replicas that should run and do not: they crashed, or the machine
// was restarted.
func (r *Run) Dead() []string {
	var dead []string
	for _, name := range sortedKeys(r.on.replicas()) {
		if !r.on.alive(name) {
			dead = append(dead, name)
		}
	}
	return dead
}

// Revive starts what is dead, as a supervisor would, infrastructure first. What a
// dead process held in its memory is gone.
func (r *Run) Revive(ctx context.Context) error { return r.on.revive(ctx) }

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
	if err := r.Prepare(ctx, step); err != nil {
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
