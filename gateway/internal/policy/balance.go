package policy

import (
	"slices"

	"banyan.dev/gateway/internal/upstream"
)

// balance chooses among the healthy replicas that were not tried yet, or returns
// nil when there is none. The turn goes round among those alone: were it to step
// over the others, the one behind an ill replica would do the work of two.
//
// One that is only ejected is better than none: whether a failing owner is asked at
// all is the breaker's to decide.
func (o *Owner) balance(tried []*upstream.Replica) *upstream.Replica {
	replicas := o.Group.Replicas()
	usable := 0
	for _, r := range replicas {
		if isUsable(r, tried) {
			usable++
		}
	}
	if usable == 0 {
		return lastResort(replicas, tried)
	}
	turn := int(o.turn.Add(1) - 1)
	if o.least {
		return leastBusy(replicas, tried, turn)
	}
	return nth(replicas, tried, turn%usable)
}

func isUsable(r *upstream.Replica, tried []*upstream.Replica) bool {
	return r.Healthy() && !slices.Contains(tried, r)
}

// Pick chooses a replica for a request that is nobody's, as a shadow's copy is.
func (o *Owner) Pick() *upstream.Replica { return o.balance(nil) }

func lastResort(replicas, tried []*upstream.Replica) *upstream.Replica {
	for _, r := range replicas {
		if r.Up() && !slices.Contains(tried, r) {
			return r
		}
	}
	return nil
}

// nth returns the usable replica that n others go before. Health may change between
// two looks; then it is the last one there is.
func nth(replicas, tried []*upstream.Replica, n int) *upstream.Replica {
	var last *upstream.Replica
	for _, r := range replicas {
		if !isUsable(r, tried) {
			continue
		}
		if last = r; n == 0 {
			break
		}
		n--
	}
	return last
}

// leastBusy begins at the turn, so that ties go round instead of to the first.
func leastBusy(replicas, tried []*upstream.Replica, turn int) *upstream.Replica {
	var best *upstream.Replica
	for i := range replicas {
		r := replicas[(turn+i)%len(replicas)]
		if isUsable(r, tried) && (best == nil || r.InFlight() < best.InFlight()) {
			best = r
		}
	}
	return best
}
