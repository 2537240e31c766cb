package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// check looks at what needs the whole file: references, and contradictions.
func (r *reader) check() {
	if r.at[""].Kind != yaml.MappingNode {
		return
	}
	if r.at["owners"] == nil || len(r.config.Owners) == 0 && !r.hasProblemUnder("owners") {
		r.wrong("owners", "is missing or empty; name at least one owner")
	}
	if r.at["routes"] == nil || len(r.config.Routes) == 0 && !r.hasProblemUnder("routes") {
		r.wrong("routes", `is missing or empty; write at least - {match: {path: "/*"}, owner: ...}`)
	}
	r.checkOwners()
	r.checkIdentity()
	r.checkResources()
	r.checkRoutes()
	r.checkKeys()
}

func (r *reader) checkOwners() {
	pinnedBy := map[string]string{}
	for i := range r.config.Owners {
		o := &r.config.Owners[i]
		at := "owners." + o.Name
		if o.Address == nil && len(o.Replicas) == 0 && !r.hasProblemUnder(at) {
			r.wrong(at, "needs replicas or an address")
		}
		if len(o.Replicas) > 0 {
			o.Address = nil // the list wins, as the format says
		}
		if o.Affinity == nil {
			continue
		}
		r.checkAffinity(o, at+".affinity")
		if other, taken := pinnedBy[o.Affinity.Cookie]; taken {
			r.wrong(at+".affinity.cookie", "%q is the affinity cookie of %s already; give each owner its own", o.Affinity.Cookie, other)
		}
		pinnedBy[o.Affinity.Cookie] = o.Name
	}
}

func (r *reader) checkAffinity(o *Owner, at string) {
	a := o.Affinity
	if a.Cookie == UserCookie || a.Cookie == OverrideCookie {
		r.wrong(at+".cookie", "%q is another cookie of the gateway's own; choose another name", a.Cookie)
	}
	if r.isOwnCookie(a.SessionCookie) {
		r.wrong(at+".session_cookie", "%q is a cookie of the gateway's own; name the application's", a.SessionCookie)
	}
	if a.Home == "" || len(o.Replicas) == 0 {
		return // an address names its replicas when it is resolved
	}
	if !slices.ContainsFunc(o.Replicas, func(p Replica) bool { return p.Name == a.Home }) {
		known := make([]string, len(o.Replicas))
		for i, p := range o.Replicas {
			known[i] = p.Name
		}
		r.wrong(at+".home", "%q is no replica of %s; known: %s", a.Home, o.Name, strings.Join(known, ", "))
	}
}

func (r *reader) checkRoutes() {
	matched, named := map[string]int{}, map[string]int{}
	for i := range r.config.Routes {
		route := &r.config.Routes[i]
		at := fmt.Sprintf("routes[%d]", i)
		if r.at[at].Kind != yaml.MappingNode {
			continue
		}
		r.checkOwnerOf(route, at)
		r.checkCanary(route, at+".canary")
		r.checkShadow(route, at+".shadow")
		r.settle(route)
		if r.checkMatch(route, at, i, matched) {
			r.checkName(route, at, i, named)
		}
	}
}

// checkMatch tells whether no route before takes the same.
func (r *reader) checkMatch(route *Route, at string, i int, taken map[string]int) bool {
	if route.Path == "" {
		return true
	}
	for _, key := range matchKeys(route) {
		if other, twice := taken[key]; twice {
			r.wrong(at+".match", "matches the same as routes[%d]: %s", other, key)
			return false
		}
		taken[key] = i
	}
	return true
}

func (r *reader) checkName(route *Route, at string, i int, taken map[string]int) {
	if route.Name == "" && r.at[at+".name"] == nil && route.Path != "" {
		route.Name = RouteName(route.Methods, route.Path)
		if len(route.Name) > maxName {
			r.wrong(at+".name", "is missing; methods and path make a name of %d bytes, and %d is the most: give it one", len(route.Name), maxName)
		}
	}
	if route.Name == "" {
		return // its problem is told already
	}
	if route.Name == NameOfNoRoute {
		r.wrong(at+".name", "%q is what figures call requests that no route takes; choose another name", route.Name)
		return
	}
	if other, twice := taken[route.Name]; twice {
		r.wrong(at+".name", "%q is the name of routes[%d] already", route.Name, other)
		return
	}
	taken[route.Name] = i
}

func (r *reader) checkOwnerOf(route *Route, at string) {
	if r.at[at+".resource"] != nil {
		r.checkResourceOf(route, at)
		return
	}
	if r.at[at+".owner"] == nil {
		r.wrong(at+".owner", "is missing; known: %s", r.knownOwners())
		return
	}
	if r.refersTo(route.Owner, at+".owner") {
		r.checkTimeouts(route)
	}
}

// checkResourceOf gives a route the owner of its resource.
func (r *reader) checkResourceOf(route *Route, at string) {
	if r.at[at+".owner"] != nil {
		r.wrong(at+".owner", "beside resource means nothing: the resource's owner answers; leave one out")
		return
	}
	res := r.config.Resource(route.Resource)
	switch {
	case r.hasProblem(at + ".resource"):
	case res == nil:
		r.wrong(at+".resource", "%q is no resource; known: %s", route.Resource, r.knownResources())
	case r.hasOwner(res.Owner):
		route.Owner = res.Owner
		r.checkTimeouts(route)
	}
}

// checkTimeouts gives a route without a timeout those of its owners.
func (r *reader) checkTimeouts(route *Route) {
	own := route.Timeout
	for i := range r.config.Owners {
		o := &r.config.Owners[i]
		if o.Name == route.Owner {
			route.Timeout = cmp.Or(own, o.Timeout)
		}
		if route.Canary != nil && o.Name == route.Canary.Owner {
			route.Canary.Timeout = cmp.Or(own, o.Timeout)
		}
	}
}

// refersTo tells whether the field names an owner. What isn't a text was told
// already.
func (r *reader) refersTo(owner, field string) bool {
	if r.hasOwner(owner) {
		return true
	}
	if r.at[field] != nil && !r.hasProblem(field) {
		r.wrong(field, "%q is no owner; known: %s", owner, r.knownOwners())
	}
	return false
}

func (r *reader) checkCanary(route *Route, at string) {
	if route.Canary == nil || !r.refersTo(route.Canary.Owner, at+".owner") {
		return
	}
	if route.Canary.Owner == route.Owner && route.Resource == "" {
		r.wrong(at+".owner", "%q answers the route anyway; name another owner", route.Owner)
	}
}

func (r *reader) checkShadow(route *Route, at string) {
	if route.Shadow == nil {
		return
	}
	if len(route.Methods) > 0 && !slices.Contains(route.Methods, "GET") && !slices.Contains(route.Methods, "HEAD") {
		r.wrong(at, "only GET and HEAD are copied, and the route takes neither; leave it out")
	}
	if r.refersTo(route.Shadow.Owner, at+".owner") && route.Shadow.Owner == route.Owner && route.Resource == "" {
		r.wrong(at+".owner", "%q answers the route itself; name another owner", route.Owner)
	}
	if route.Shadow.Pass.Identity && r.config.Identity == nil {
		r.wrong(at+".pass.identity", "needs who is asked; write identity: {owner: ...} at the top of the file")
	}
}

func (r *reader) hasProblem(field string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Field == field })
}

func (r *reader) hasProblemUnder(at string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool {
		return p.Field == at || strings.HasPrefix(p.Field, at+".") || strings.HasPrefix(p.Field, at+"[")
	})
}
