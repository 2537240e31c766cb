package deployment

import "banyan.dev/strangler/internal/steps"

// Ends lists the replicas that an action ends, in the order in which it does.
func (r *Run) Ends(a steps.Action) []string {
	names := r.replicas(a.Process)
	switch {
	case a.Verb == steps.Kill && a.Replica != "":
		return []string{a.Replica}
	case a.Verb == steps.Kill, a.Verb == steps.Restart, a.Verb == steps.Stop:
		return names
	case a.Verb == steps.Scale && len(names) > a.Replicas:
		return names[a.Replicas:]
	default:
		return nil
	}
}

// Replicas counts those of a process.
func (r *Run) Replicas(process string) int { return len(r.replicas(process)) }
