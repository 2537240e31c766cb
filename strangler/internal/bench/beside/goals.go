package beside

import (
	"fmt"
	"math"
	"slices"

	"banyan.dev/strangler/internal/bench/peers"
)

// What the gateway is meant to reach.
const (
	leastToNginx  = 0.75
	aimToNginx    = 1.0
	mostP99       = 1.0
	leastToOthers = 2.5
	leastCanary   = 0.95 // of the plain route's requests/s
	// leastMoved is, of the half of the users, what chance leaves at least, in
	// percent of the requests.
	leastMoved  = 25
	leastShadow = 0.85
	// leastCopies is, of the tenth that is to be copied, what must have been for
	// the shadow's speed to mean anything, in percent of the requests.
	leastCopies = 9
	mostIdle    = 12 // KiB a connection
	// mostStream is what constant memory means here, in MiB above the start: far
	// below any body, and more than a garbage collector's breath.
	mostStream = 16
)

// goals compares what was measured; what was left out has none.
func goals(r Report) []Goal {
	var found []Goal
	add := func(what string, most, aim bool, want, got float64) {
		got = math.Round(got*100) / 100 // judged is what is shown
		found = append(found, Goal{What: what, Want: want, Most: most, Got: got, Aim: aim, Met: most && got <= want || !most && got >= want})
	}
	if gateway := r.load(peers.Gateway); gateway != nil {
		if gateway.ToNginx > 0 {
			add("requests/s, of nginx's", false, false, leastToNginx, gateway.ToNginx)
			add("p99 at full load, of nginx's", true, true, mostP99, gateway.P99ToNginx)
			add("requests/s, of nginx's", false, true, aimToNginx, gateway.ToNginx)
		}
		if p := gateway.Paced; p != nil && p.P99ToNginx > 0 {
			add(fmt.Sprintf("p99 at %d requests/s, of nginx's", r.Rate), true, false, mostP99, p.P99ToNginx)
		}
		for _, name := range []string{peers.Caddy, peers.ReverseProxy, peers.Untuned} {
			if other := r.load(name); other != nil && other.ToGateway > 0 {
				add("requests/s, of "+name+"'s", false, false, leastToOthers, 1/other.ToGateway)
			}
		}
	}
	if canary := r.load(peers.Canary); canary != nil {
		add("canary and affinity, of the plain route's requests/s", false, false, leastCanary, canary.ToGateway)
		add("canary, % of the requests to the other owner", false, false, leastMoved, canary.Next*100)
	}
	if shadow := r.load(peers.Shadow); shadow != nil {
		add("shadow, of the plain route's requests/s", false, false, leastShadow, shadow.ToGateway)
		add("shadow, % of the requests copied", false, false, leastCopies, shadow.Next*100)
	}
	for _, idle := range r.Idle {
		if idle.Contender == peers.Gateway {
			add(fmt.Sprintf("KiB an idle connection, of %d", idle.Connections), true, false, mostIdle, idle.Each/1024)
			add("idle connections that still answer", false, false, float64(idle.Connections), float64(idle.Held))
		}
	}
	if r.Reloads != nil {
		add(fmt.Sprintf("failed requests in %d reloads", r.Reloads.Reloads), true, false, 0, float64(r.Reloads.Failed))
	}
	for _, s := range r.Streams {
		add("MiB of memory more for a stream "+s.Way, true, false, mostStream, float64(s.Above)/(1<<20))
	}
	return found
}

func (r Report) load(name string) *Load {
	i := slices.IndexFunc(r.Load, func(l Load) bool { return l.Contender == name })
	if i < 0 {
		return nil
	}
	return &r.Load[i]
}
