package policy

import (
	"slices"

	"banyan.dev/gateway/internal/upstream"
)

// balance chooses among the healthy replicas that were not tried yet, or returns
// nil when there is none.
func (o *Owner) balance(tried []*upstream.Replica) *upstream.Replica {
	replicas := o.Group.Replicas()
	if len(replicas) == 0 {
		return nil
	}
	start := int(o.turn.Add(1)-1) % len(replicas)
	var best *upstream.Replica
	for i := range replicas {
		r := replicas[(start+i)%len(replicas)]
		if !r.Healthy() || slices.Contains(tried, r) {
			continue
		}
		if !o.least {
			return r
		}
		// Starting at the turn, ties go round instead of to the first.
		if best == nil || r.InFlight() < best.InFlight() {
			best = r
		}
	}
	return best
}
