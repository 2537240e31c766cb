package config

import (
	"fmt"
	"slices"
	"strings"
)

// check looks at what needs the whole file: references, and contradictions.
func (r *reader) check() {
	if len(r.config.Owners) == 0 && r.at["owners"] == nil {
		r.add(r.at[""], "owners", "is missing; name at least one owner")
	}
	if len(r.config.Routes) == 0 && !slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Field == "routes" }) {
		r.add(r.at["routes"], "routes", `is missing or empty; write at least - {match: {path: "/*"}, owner: ...}`)
	}
	r.checkOwners()
	r.checkRoutes()
}

func (r *reader) checkOwners() {
	pinnedBy := map[string]string{}
	for i := range r.config.Owners {
		o := &r.config.Owners[i]
		at := "owners." + o.Name
		if o.Address == nil && len(o.Replicas) == 0 && !r.hasProblemUnder(at) {
			r.add(r.at[at], at, "needs replicas or an address")
		}
		if len(o.Replicas) > 0 {
			o.Address = nil // the list wins, as the format says
		}
		if o.Affinity == nil {
			continue
		}
		r.checkHome(o, at)
		if other, taken := pinnedBy[o.Affinity.Cookie]; taken {
			r.add(r.at[at+".affinity"], at+".affinity.cookie", "%q is the affinity cookie of %s already; give each owner its own", o.Affinity.Cookie, other)
		}
		pinnedBy[o.Affinity.Cookie] = o.Name
	}
}

func (r *reader) checkHome(o *Owner, at string) {
	home := o.Affinity.Home
	if home == "" || len(o.Replicas) == 0 {
		return // an address names its replicas when it is resolved
	}
	if !slices.ContainsFunc(o.Replicas, func(p Replica) bool { return p.Name == home }) {
		known := make([]string, len(o.Replicas))
		for i, p := range o.Replicas {
			known[i] = p.Name
		}
		r.add(r.at[at+".affinity.home"], at+".affinity.home", "%q is no replica of %s; known: %s", home, o.Name, strings.Join(known, ", "))
	}
}

func (r *reader) checkRoutes() {
	taken := map[string]int{}
	for i := range r.config.Routes {
		route := &r.config.Routes[i]
		at := fmt.Sprintf("routes[%d]", i)
		r.checkOwnerOf(route, at)
		for _, key := range matchKeys(route) {
			if other, twice := taken[key]; twice {
				r.add(r.at[at], at+".match", "matches the same as routes[%d]: %s", other, key)
				break
			}
			taken[key] = i
		}
	}
}

func (r *reader) checkOwnerOf(route *Route, at string) {
	i := slices.IndexFunc(r.config.Owners, func(o Owner) bool { return o.Name == route.Owner })
	if i >= 0 {
		if route.Timeout == 0 {
			route.Timeout = r.config.Owners[i].Timeout
		}
		return
	}
	known := make([]string, len(r.config.Owners))
	for i, o := range r.config.Owners {
		known[i] = o.Name
	}
	node := r.at[at+".owner"]
	if node == nil {
		r.add(r.at[at], at+".owner", "is missing; known: %s", strings.Join(known, ", "))
		return
	}
	r.add(node, at+".owner", "%q is no owner; known: %s", route.Owner, strings.Join(known, ", "))
}

// matchKeys names what a route takes, one key for each method, with the names of
// wildcards left out: {id} and {post} match the same.
func matchKeys(route *Route) []string {
	segments := strings.Split(route.Path, "/")
	for i, s := range segments {
		if isWildcard(s) {
			segments[i] = "{}"
		}
	}
	path := strings.Join(segments, "/")
	if len(route.Methods) == 0 {
		return []string{"any method " + path}
	}
	keys := make([]string, len(route.Methods))
	for i, m := range route.Methods {
		keys[i] = m + " " + path
	}
	return keys
}

func (r *reader) hasProblemUnder(at string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return strings.HasPrefix(p.Field, at+".") })
}
