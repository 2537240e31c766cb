package steps

import (
	"fmt"
	"maps"
)

// outcome is what a list of actions leads to, as far as it can be told without
// doing them.
type outcome struct {
	replicas  map[string]int
	entry     string
	sessions  string
	userCache string
	owners    map[string]string
	// environment is what is told otherwise than processes.yaml says, by "process NAME".
	environment map[string]string
	// stale are processes that run on with what they were told before.
	stale map[string]bool
}

func (p Path) outcome(s Step) outcome {
	o := outcome{replicas: map[string]int{}, entry: s.Entry, sessions: s.Sessions, userCache: s.UserCache, owners: p.ownersOf(s),
		environment: map[string]string{}, stale: map[string]bool{}}
	o.tell(p.Processes, s.Environment) // before anything runs
	for _, r := range s.Runs {
		o.replicas[r.Process] = r.Replicas
	}
	return o
}

func (p Path) do(o *outcome, a Action, end Step) {
	switch a.Verb {
	case Start:
		o.replicas[a.Process] = end.Replicas(a.Process)
	case Stop:
		delete(o.replicas, a.Process)
		delete(o.stale, a.Process)
	case Scale:
		o.replicas[a.Process] = a.Replicas
	case Sessions:
		o.sessions = a.Value
	case UserCache:
		o.userCache = a.Value
	case Entry:
		o.entry = a.Process
	case Tell:
		o.tell(p.Processes, a.Environment)
	case Restart:
		delete(o.stale, a.Process)
	case Handover:
		o.owners[a.Transfer.Resource] = a.Transfer.To
	case Kill, Migrate, Gateway, Ramp, Shadow, Hold, Release, Await, CatchUp, Backfill, Reconcile, Discard:
		// the same runs afterwards
	}
}

// leadsTo checks that a step's forward list ends in what the step says runs, and
// its back list in what the step before it says. A list and an end state that
// disagree would be found by nobody but a user.
func (p Path) leadsTo(i int) error {
	if i == 0 {
		return nil
	}
	before, step := p.Steps[i-1], p.Steps[i]
	forward := p.outcome(before)
	for _, a := range step.Forward {
		p.do(&forward, a, step)
	}
	if err := forward.differs(p.outcome(step)); err != nil {
		return fmt.Errorf("forward does not lead to what this step says runs: %w", err)
	}
	back := p.outcome(step)
	for _, a := range step.Back {
		p.do(&back, a, before)
	}
	if err := back.differs(p.outcome(before)); err != nil {
		return fmt.Errorf("back does not lead to what step %s says runs: %w", before.Name, err)
	}
	return nil
}

func (o outcome) differs(want outcome) error {
	switch {
	case o.entry != want.entry:
		return fmt.Errorf("users come by %s, not by %s", o.entry, want.entry)
	case o.sessions != want.sessions:
		return fmt.Errorf("sessions are in %s, not in %s", o.sessions, want.sessions)
	case o.userCache != want.userCache:
		return fmt.Errorf("user_cache is %s, not %s", o.userCache, want.userCache)
	case !maps.Equal(o.owners, want.owners):
		return fmt.Errorf("owners are %v, not %v", o.owners, want.owners)
	case !maps.Equal(o.environment, want.environment):
		return fmt.Errorf("environment is %s, not %s", o.lines(), want.lines())
	case len(o.stale) > 0:
		return fmt.Errorf("environment has changed under replicas of %s that run on as they are: restart them after it", o.staleNames())
	case !maps.Equal(o.replicas, want.replicas):
		return fmt.Errorf("replicas are %v, not %v", o.replicas, want.replicas)
	default:
		return nil
	}
}
