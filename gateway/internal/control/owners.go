package control

import (
	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

func ownerStatus(c config.Owner, o *policy.Owner) OwnerStatus {
	out := OwnerStatus{Name: o.Name, Balance: c.Balance, Replicas: []ReplicaStatus{}}
	if c.Affinity != nil {
		out.Affinity, out.Home = c.Affinity.Cookie, c.Affinity.Home
	}
	for _, r := range o.Group.Replicas() {
		verdict, figures := r.Verdict(), r.Figures()
		out.Replicas = append(out.Replicas, ReplicaStatus{
			Name: r.Name, URL: r.URL.String(), Healthy: verdict.Healthy, Reason: verdict.Reason,
			InFlight: figures.InFlight, Requests: figures.Requests, Failures: figures.Failures, Pinned: figures.Pinned,
		})
	}
	return out
}
