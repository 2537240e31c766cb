package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) owners(node *yaml.Node, field string) {
	if node.Kind != yaml.MappingNode {
		r.add(node, field, "must map names to owners")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		at := join(field, key.Value)
		switch {
		case !IsName(key.Value):
			r.add(key, at, "%q is no name; use letters, digits, - _ .", key.Value)
		case key.Value == NameOfGateway:
			r.add(key, at, "is what the gateway calls its own answers; choose another name")
		case seen[key.Value]:
			r.add(key, at, "is given twice")
		default:
			seen[key.Value] = true
			r.at[at] = key
			r.owner(key.Value, value, at)
		}
	}
}

func (r *reader) owner(name string, node *yaml.Node, at string) {
	o := Owner{
		Name: name, Balance: RoundRobin, Timeout: DefaultTimeout,
		Health:  Health{Path: DefaultHealthPath, Interval: DefaultHealthInterval, Timeout: DefaultHealthTimeout},
		Retries: Retries{Budget: DefaultRetryBudget, MinPerSecond: DefaultRetryMinPerSecond, Attempts: DefaultAttempts},
	}
	r.fields(node, at, fieldReaders{
		"address": func(v *yaml.Node, f string) { r.http(v, f, &o.Address) },
		"replicas": func(v *yaml.Node, f string) {
			r.each(v, f, func(item *yaml.Node, f string) { r.replica(item, f, &o) })
		},
		"health":        func(v *yaml.Node, f string) { r.health(v, f, &o.Health) },
		"balance":       func(v *yaml.Node, f string) { r.balance(v, f, &o.Balance) },
		"affinity":      func(v *yaml.Node, f string) { r.affinity(v, f, &o) },
		"timeout":       func(v *yaml.Node, f string) { r.duration(v, f, &o.Timeout) },
		"max_in_flight": func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &o.MaxInFlight) },
		"retries":       func(v *yaml.Node, f string) { r.retries(v, f, &o.Retries) },
		"breaker":       func(v *yaml.Node, f string) { r.breaker(v, f, &o) },
		"outliers":      func(v *yaml.Node, f string) { r.outliers(v, f, &o) },
		"topology":      func(v *yaml.Node, f string) { r.topology(v, f, &o) },
		"identity":      func(v *yaml.Node, f string) { r.yes(v, f, &o.Identity) },
	})
	r.config.Owners = append(r.config.Owners, o)
}

// maxCount bounds what is counted: requests, places in a queue.
const maxCount = 1_000_000

func (r *reader) replica(node *yaml.Node, at string, o *Owner) {
	var p Replica
	seen := r.fields(node, at, fieldReaders{
		"name": func(v *yaml.Node, f string) { r.replicaName(v, f, o, &p.Name) },
		"url":  func(v *yaml.Node, f string) { r.http(v, f, &p.URL) },
	})
	if node.Kind != yaml.MappingNode {
		return
	}
	if !seen["name"] {
		r.add(node, at+".name", "is missing; write name: %s-%d", o.Name, len(o.Replicas))
	}
	if !seen["url"] {
		r.add(node, at+".url", "is missing; write http://host:port")
	}
	o.Replicas = append(o.Replicas, p)
}

func (r *reader) replicaName(node *yaml.Node, field string, o *Owner, into *string) {
	if !r.text(node, field, into) {
		return
	}
	switch {
	case !IsName(*into):
		r.add(node, field, "%q is no name; use letters, digits, - _ .", *into)
	case slices.ContainsFunc(o.Replicas, func(other Replica) bool { return other.Name == *into }):
		r.add(node, field, "%q names another replica of %s already", *into, o.Name)
	}
}

func (r *reader) health(node *yaml.Node, at string, h *Health) {
	seen := r.fields(node, at, fieldReaders{
		"path":     func(v *yaml.Node, f string) { r.path(v, f, &h.Path) },
		"port":     func(v *yaml.Node, f string) { r.port(v, f, &h.Port) },
		"interval": func(v *yaml.Node, f string) { r.duration(v, f, &h.Interval) },
		"timeout":  func(v *yaml.Node, f string) { r.duration(v, f, &h.Timeout) },
	})
	h.Named = seen["path"]
}

func (r *reader) balance(node *yaml.Node, field string, into *Balance) {
	switch b := Balance(node.Value); b {
	case RoundRobin, LeastRequests:
		*into = b
	default:
		r.add(node, field, "%q is no balancer; known: %s, %s", node.Value, LeastRequests, RoundRobin)
	}
}

func (r *reader) affinity(node *yaml.Node, at string, o *Owner) {
	a := &Affinity{Cookie: DefaultAffinityCookie}
	o.Affinity = a
	seen := r.fields(node, at, fieldReaders{
		"cookie":         func(v *yaml.Node, f string) { r.cookie(v, f, &a.Cookie) },
		"session_cookie": func(v *yaml.Node, f string) { r.cookie(v, f, &a.SessionCookie) },
		"home":           func(v *yaml.Node, f string) { r.text(v, f, &a.Home) },
	})
	if !seen["session_cookie"] {
		r.add(node, at+".session_cookie", "is missing; name the application's session cookie")
	}
}

func (r *reader) cookie(node *yaml.Node, field string, into *string) {
	if !r.text(node, field, into) {
		return
	}
	if !isToken(*into) {
		r.add(node, field, "%q is no cookie name", *into)
	}
}

func (r *reader) retries(node *yaml.Node, at string, into *Retries) {
	seen := r.fields(node, at, fieldReaders{
		"budget":         func(v *yaml.Node, f string) { r.whole(v, f, 0, 100, &into.Budget) },
		"min_per_second": func(v *yaml.Node, f string) { r.whole(v, f, 0, maxCount, &into.MinPerSecond) },
		"attempts":       func(v *yaml.Node, f string) { r.whole(v, f, 1, 10, &into.Attempts) },
	})
	switch {
	case seen["attempts"] && into.Attempts == 1 && len(seen) > 1:
		r.wrong(at+".attempts", "1 is no retry, so the other fields mean nothing; leave them out")
	case seen["budget"] && into.Budget == 0 && len(seen) > 1:
		r.wrong(at+".budget", "0 is no retry, so the other fields mean nothing; leave them out")
	}
}

func (r *reader) breaker(node *yaml.Node, at string, o *Owner) {
	b := &Breaker{
		Errors: DefaultBreakerErrors, Of: DefaultBreakerOf,
		Within: DefaultBreakerWithin, OpenFor: DefaultBreakerOpenFor,
	}
	o.Breaker = b
	r.fields(node, at, fieldReaders{
		"errors":   func(v *yaml.Node, f string) { r.whole(v, f, 1, 100, &b.Errors) },
		"of":       func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &b.Of) },
		"within":   func(v *yaml.Node, f string) { r.duration(v, f, &b.Within) },
		"open_for": func(v *yaml.Node, f string) { r.duration(v, f, &b.OpenFor) },
	})
}

func (r *reader) outliers(node *yaml.Node, at string, o *Owner) {
	out := &Outliers{
		Consecutive: DefaultOutlierFailures, EjectFor: DefaultOutlierEjectFor,
		MaxEjected: DefaultOutlierMaxEjected,
	}
	o.Outliers = out
	r.fields(node, at, fieldReaders{
		"consecutive": func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &out.Consecutive) },
		"eject_for":   func(v *yaml.Node, f string) { r.duration(v, f, &out.EjectFor) },
		"max_ejected": func(v *yaml.Node, f string) { r.whole(v, f, 1, 100, &out.MaxEjected) },
	})
}

func (r *reader) topology(node *yaml.Node, at string, o *Owner) {
	o.Topology = &Topology{}
	seen := r.fields(node, at, fieldReaders{
		"path": func(v *yaml.Node, f string) { r.path(v, f, &o.Topology.Path) },
		"port": func(v *yaml.Node, f string) { r.port(v, f, &o.Topology.Port) },
	})
	if node.Kind == yaml.MappingNode && !seen["path"] {
		r.add(node, at+".path", "is missing; write path: /topology")
	}
}

// isOwnCookie tells whether the gateway sets and reads the cookie itself; the
// application never sees it.
func (r *reader) isOwnCookie(name string) bool {
	return name == UserCookie || name == OverrideCookie || name == DefaultAffinityCookie ||
		slices.ContainsFunc(r.config.Owners, func(o Owner) bool { return o.Affinity != nil && o.Affinity.Cookie == name })
}

func (r *reader) hasOwner(name string) bool {
	return slices.ContainsFunc(r.config.Owners, func(o Owner) bool { return o.Name == name })
}

func (r *reader) knownOwners() string {
	known := make([]string, len(r.config.Owners))
	for i, o := range r.config.Owners {
		known[i] = o.Name
	}
	return strings.Join(known, ", ")
}
