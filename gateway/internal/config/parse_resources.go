package config

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (r *reader) identity(node *yaml.Node, at string) {
	i := &Identity{Path: DefaultIdentityPath, Timeout: DefaultIdentityTimeout, Life: DefaultIdentityLife}
	r.config.Identity = i
	seen := r.fields(node, at, fieldReaders{
		"owner":   func(v *yaml.Node, f string) { r.text(v, f, &i.Owner) },
		"path":    func(v *yaml.Node, f string) { r.path(v, f, &i.Path) },
		"timeout": func(v *yaml.Node, f string) { r.duration(v, f, &i.Timeout) },
		"life":    func(v *yaml.Node, f string) { r.life(v, f, &i.Life) },
	})
	if node.Kind == yaml.MappingNode && !seen["owner"] {
		r.add(node, at+".owner", "is missing; name the owner that knows whom a session belongs to")
	}
}

// The bounds of Identity.Life. The clocks of two hosts differ by some of the shortest;
// who signs out, or loses a role, keeps it for the longest.
const (
	shortestLife = 5 * time.Second
	longestLife  = 5 * time.Minute
)

func (r *reader) life(node *yaml.Node, field string, into *time.Duration) {
	var d time.Duration
	r.duration(node, field, &d)
	if d == 0 {
		return
	}
	if d < shortestLife || d > longestLife {
		r.add(node, field, "%s must be from %s to %s: a request on its way, and no more", d, shortestLife, longestLife)
		return
	}
	*into = d
}

func (r *reader) resources(node *yaml.Node, field string) {
	if node.Kind != yaml.MappingNode {
		r.add(node, field, "must map names to resources, as in comments: {owner: monolith, epoch: 1}")
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		at := join(field, key.Value)
		switch {
		case !IsName(key.Value):
			r.add(key, at, "%q is no name; use letters, digits, - _ .", key.Value)
		case r.config.Resource(key.Value) != nil:
			r.add(key, at, "is given twice")
		default:
			r.at[at] = key
			r.resource(key.Value, value, at)
		}
	}
	slices.SortFunc(r.config.Resources, func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) resource(name string, node *yaml.Node, at string) {
	res := Resource{Name: name}
	seen := r.fields(node, at, fieldReaders{
		"owner": func(v *yaml.Node, f string) { r.text(v, f, &res.Owner) },
		"epoch": func(v *yaml.Node, f string) { r.epoch(v, f, &res.Epoch) },
	})
	r.config.Resources = append(r.config.Resources, res)
	if node.Kind != yaml.MappingNode {
		return
	}
	if !seen["owner"] {
		r.add(node, at+".owner", "is missing; name the owner that has it")
	}
	if !seen["epoch"] {
		r.add(node, at+".epoch", "is missing; write epoch: 1 before the first move")
	}
}

func (r *reader) epoch(node *yaml.Node, field string, into *int64) {
	n, ok := wholeNumber(node)
	if !ok || n < 1 {
		r.add(node, field, "%q must be a whole number above 0; each move makes it one more at least", node.Value)
		return
	}
	*into = n
}

// checkIdentity looks at who is asked and who is told.
func (r *reader) checkIdentity() {
	i := r.config.Identity
	if i != nil {
		r.refersTo(i.Owner, "identity.owner")
		if r.config.Clients.SessionCookie == "" && !r.hasProblem("clients.session_cookie") {
			r.wrong("identity", "needs clients.session_cookie: it is by this cookie that the owner knows who asks")
		}
	}
	for _, o := range r.config.Owners {
		if o.Identity && i == nil {
			r.wrong("owners."+o.Name+".identity", "needs who is asked; write identity: {owner: ...} at the top of the file")
		}
	}
}

// checkResources looks at who owns what.
func (r *reader) checkResources() {
	for _, res := range r.config.Resources {
		r.refersTo(res.Owner, "resources."+res.Name+".owner")
	}
}

func (r *reader) knownResources() string {
	if len(r.config.Resources) == 0 {
		return "none; write resources: {comments: {owner: ..., epoch: 1}} at the top of the file"
	}
	known := make([]string, len(r.config.Resources))
	for i, res := range r.config.Resources {
		known[i] = res.Name
	}
	return strings.Join(known, ", ")
}

// settle lets what the resource's owner makes of no use rest.
func (r *reader) settle(route *Route) {
	if route.Resource == "" {
		return
	}
	if route.Canary != nil && route.Canary.Owner == route.Owner {
		route.Canary, route.Resting.Canary = nil, route.Canary
	}
	if route.Shadow != nil && route.Shadow.Owner == route.Owner {
		route.Shadow, route.Resting.Shadow = nil, route.Shadow
	}
}
