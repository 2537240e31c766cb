package current

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
)

// What Collect tells: the state of what is in force, read when somebody asks.
var (
	ownerInFlight  = describe("gateway_owner_in_flight_requests", "Requests that an owner has at the moment.", "owner")
	ownerRejected  = describe("gateway_owner_rejected_total", "Requests that an owner was spared: it was full, or its breaker open.", "owner", "reason")
	retriesRefused = describe("gateway_retries_refused_total", "Retries that the owner's budget or breaker did not allow.", "owner")
	breakerOpen    = describe("gateway_breaker_open", "1 while an owner's breaker is open, 0.5 while it is half open.", "owner")
	replicaUp      = describe("gateway_replica_healthy", "1 for a replica that takes requests.", "owner", "replica")
	replicaSent    = describe("gateway_replica_requests_total", "Requests sent to a replica.", "owner", "replica")
	replicaFailed  = describe("gateway_replica_failures_total", "Requests that a replica did not answer.", "owner", "replica")
	replicaEjected = describe("gateway_replica_ejections_total", "How often a replica was ejected.", "owner", "replica")
	routeShare     = describe("gateway_route_share", "The part of a route's clients that an owner answers, 0 to 1.", "route", "owner")
	routeWaiting   = describe("gateway_hold_waiting_requests", "Requests that wait because their route is held.", "route")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe tells nothing beforehand: owners and routes come and go.
func (c *Current) Describe(chan<- *prometheus.Desc) {}

// Collect tells the state of owners, replicas and routes in force (it makes Current
// a prometheus.Collector).
func (c *Current) Collect(to chan<- prometheus.Metric) {
	s := c.Snapshot()
	if s == nil {
		return
	}
	now := time.Now()
	for _, o := range s.Table.Owners {
		collectGuard(to, o.Name, o.Guard.Figures(now))
		for _, r := range o.Group.Replicas() {
			collectReplica(to, r)
		}
	}
	for i, r := range s.Table.Routes {
		collectRoute(to, r)
		to <- gauge(routeWaiting, float64(s.Routes[i].Gate.Figures().Waiting), r.Name)
	}
}

func collectGuard(to chan<- prometheus.Metric, owner string, f resilience.Figures) {
	to <- gauge(ownerInFlight, float64(f.InFlight), owner)
	to <- counter(ownerRejected, f.Full, owner, "full")
	to <- counter(ownerRejected, f.Open, owner, "open")
	to <- counter(retriesRefused, f.RetriesRefused, owner)
	open := map[resilience.State]float64{resilience.Open: 1, resilience.HalfOpen: .5}[f.Breaker]
	to <- gauge(breakerOpen, open, owner)
}

func collectReplica(to chan<- prometheus.Metric, r *upstream.Replica) {
	f, healthy := r.Figures(), 0.
	if r.Healthy() {
		healthy = 1
	}
	to <- gauge(replicaUp, healthy, r.Owner, r.Name)
	to <- counter(replicaSent, f.Requests, r.Owner, r.Name)
	to <- counter(replicaFailed, f.Failures, r.Owner, r.Name)
	to <- counter(replicaEjected, f.Ejections, r.Owner, r.Name)
}

func collectRoute(to chan<- prometheus.Metric, r *policy.Route) {
	if r.Canary == nil {
		to <- gauge(routeShare, 1, r.Name, r.Owner.Name)
		return
	}
	share := float64(r.Canary.Share) / config.WholeShare
	to <- gauge(routeShare, 1-share, r.Name, r.Owner.Name)
	to <- gauge(routeShare, share, r.Name, r.Canary.Owner.Name)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(d *prometheus.Desc, value uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}
