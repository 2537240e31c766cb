package control

import (
	"cmp"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/topology"
	"banyan.dev/gateway/internal/upstream"
)

// owner tells of the i-th owner.
func (r reading) owner(i int) status.Owner {
	o, c := r.snapshot.Table.Owners[i], r.snapshot.Table.Config.Owners[i]
	out := status.Owner{Name: o.Name, Identity: o.Identity, Balance: string(c.Balance), Replicas: []status.Replica{}}
	if c.Address != nil {
		out.Address = c.Address.String()
	}
	if c.Affinity != nil {
		out.Affinity, out.Home = c.Affinity.Cookie, c.Affinity.Home
	}
	r.guard(o, &out)
	for _, p := range o.Group.Replicas() {
		replica := r.replica(o.Name, p)
		if c.Topology != nil {
			r.told(c, p, &replica, &out)
		}
		out.PerSecond += replica.PerSecond
		out.Replicas = append(out.Replicas, replica)
	}
	slices.SortStableFunc(out.Uses, func(a, b status.Use) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (r reading) guard(o *policy.Owner, out *status.Owner) {
	if o.Guard == nil {
		return
	}
	f := o.Guard.Figures(r.now)
	out.InFlight, out.MaxInFlight, out.Rejected = f.InFlight, int(f.MaxInFlight), f.Full+f.Open
	out.Retries, out.RetriesRefused = f.Retries, f.RetriesRefused
	if f.Breaker == "" {
		return
	}
	out.Breaker = &status.Breaker{State: string(f.Breaker)}
	if !f.Until.IsZero() {
		out.Breaker.Until = utc(f.Until)
	}
}

func (r reading) replica(owner string, p *upstream.Replica) status.Replica {
	verdict, f := p.Verdict(), p.Figures()
	out := status.Replica{
		Name: p.Name, URL: p.URL.String(), Healthy: verdict.Healthy, Reason: verdict.Reason,
		InFlight: f.InFlight, Requests: f.Requests, Failures: f.Failures, Pinned: f.Pinned,
		PerSecond: r.recent.rate(countKey{"replica", owner, p.Name}, r.now, f.Requests),
	}
	if !verdict.EjectedUntil.IsZero() && p.Up() {
		out.EjectedUntil = utc(verdict.EjectedUntil)
	}
	return out
}

// told adds what a replica says of itself. What it uses is its owner's: replicas are
// wired alike, or about to be.
func (r reading) told(c config.Owner, p *upstream.Replica, replica *status.Replica, owner *status.Owner) {
	answer, ok := r.topology.Answer(target(c, p))
	if !ok {
		return
	}
	replica.Version = answer.Version
	for _, u := range answer.Uses {
		known := slices.ContainsFunc(owner.Uses, func(o status.Use) bool {
			return o.Kind == u.Kind && o.Name == u.Name && o.Address == u.Address
		})
		if !known {
			owner.Uses = append(owner.Uses, status.Use{Kind: u.Kind, Name: u.Name, Address: u.Address, Topics: u.Topics})
		}
	}
}

func target(c config.Owner, p *upstream.Replica) topology.Target {
	return topology.Target{Owner: c.Name, Replica: p.Name, URL: topology.URL(p.URL, *c.Topology)}
}

// targets are the replicas that tell what they use.
func (s *Server) targets() []topology.Target {
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return nil
	}
	var out []topology.Target
	for i, o := range snapshot.Table.Owners {
		c := snapshot.Table.Config.Owners[i]
		if c.Topology == nil {
			continue
		}
		for _, p := range o.Group.Replicas() {
			out = append(out, target(c, p))
		}
	}
	return out
}

// waits are the percentiles of a gate's waits, in milliseconds.
func waits(g *hold.Gate) (p50, p99 float64) {
	var out dto.Metric
	if g.Waits().Write(&out) != nil {
		return 0, 0
	}
	h := out.GetHistogram()
	return milliseconds(metrics.Quantile(h, .5)), milliseconds(metrics.Quantile(h, .99))
}

func utc(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}
