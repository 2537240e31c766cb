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
}

func (s Step) outcome() outcome {
	o := outcome{replicas: map[string]int{}, entry: s.Entry, sessions: s.Sessions, userCache: s.UserCache}
	for _, r := range s.Runs {
		o.replicas[r.Process] = r.Replicas
	}
	return o
}

func (o *outcome) do(a Action, end Step) {
	switch a.Verb {
	case Start:
		o.replicas[a.Process] = end.Replicas(a.Process)
	case Stop:
		delete(o.replicas, a.Process)
	case Scale:
		o.replicas[a.Process] = a.Replicas
	case Sessions:
		o.sessions = a.Value
	case UserCache:
		o.userCache = a.Value
	case Entry:
		o.entry = a.Process
	case Restart, Kill, Migrate, Gateway, Ramp, Shadow, Hold, Release:
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
	forward := before.outcome()
	for _, a := range step.Forward {
		forward.do(a, step)
	}
	if err := forward.differs(step.outcome()); err != nil {
		return fmt.Errorf("forward does not lead to what this step says runs: %w", err)
	}
	back := step.outcome()
	for _, a := range step.Back {
		back.do(a, before)
	}
	if err := back.differs(before.outcome()); err != nil {
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
	case !maps.Equal(o.replicas, want.replicas):
		return fmt.Errorf("replicas are %v, not %v", o.replicas, want.replicas)
	default:
		return nil
	}
}
