package deployment

import (
	"context"
	"fmt"
	"time"
)

// takenBack waits until every gateway sends requests to the replica again: its
// probes may not have noticed yet that it is back, and the next one must not be
// ended before. Where gateways find replicas by themselves they must have found all.
func (r *Run) takenBack(ctx context.Context, process, replica string) error {
	ctx, cancel := context.WithTimeout(ctx, inForceWithin+r.on.spreads())
	defer cancel()
	for _, name := range r.gateways() {
		var last error
		if !await(ctx, 10*time.Millisecond, func() bool { last = r.sendsTo(ctx, name, process, replica); return last == nil }) {
			return fmt.Errorf("%s does not take %s back: %w", name, replica, last)
		}
	}
	return nil
}

func (r *Run) sendsTo(ctx context.Context, gateway, process, replica string) error {
	status, err := r.gatewayStatus(ctx, gateway)
	if err != nil {
		return err
	}
	for _, o := range status.Owners {
		if o.Name != process {
			continue
		}
		for _, want := range r.expected(process, replica) {
			if err := o.sendsTo(want, r.on.named()); err != nil {
				return err
			}
		}
	}
	return nil
}

// expected are the replicas, as the gateways call them, that must be well before the
// next one may end.
func (r *Run) expected(process, replica string) []string {
	if r.on.named() {
		return []string{r.on.upstream(replica).Name}
	}
	var names []string
	for _, name := range r.replicas(process) {
		if r.on.alive(name) {
			names = append(names, r.on.upstream(name).Name)
		}
	}
	return names
}

// sendsTo is an error if the owner's replica is ill. One that is not known is left out on
// purpose, where replicas are listed.
func (o GatewayOwner) sendsTo(replica string, listed bool) error {
	for _, seen := range o.Replicas {
		switch {
		case seen.Name != replica:
			continue
		case !seen.Healthy:
			return fmt.Errorf("it sees it as ill: %s", seen.Reason)
		default:
			return nil
		}
	}
	if listed {
		return nil
	}
	return fmt.Errorf("it has not found %s yet", replica)
}
