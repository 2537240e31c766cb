package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RouteName is the name of a route that has none of its own: its methods and its
// pattern, as in "GET,HEAD /a/*".
func RouteName(methods []string, path string) string {
	if len(methods) == 0 {
		return path
	}
	return strings.Join(methods, ",") + " " + path
}

func (r *reader) route(node *yaml.Node, at string) {
	route := Route{Hold: Hold{MaxWait: DefaultHoldWait, MaxRequests: DefaultHoldRequests}}
	seen := r.fields(node, at, fieldReaders{
		"name":       func(v *yaml.Node, f string) { r.label(v, f, &route.Name) },
		"match":      func(v *yaml.Node, f string) { r.match(v, f, &route) },
		"owner":      func(v *yaml.Node, f string) { r.text(v, f, &route.Owner) },
		"resource":   func(v *yaml.Node, f string) { r.text(v, f, &route.Resource) },
		"timeout":    func(v *yaml.Node, f string) { r.duration(v, f, &route.Timeout) },
		"max_body":   func(v *yaml.Node, f string) { r.size(v, f, &route.MaxBody) },
		"canary":     func(v *yaml.Node, f string) { r.canary(v, f, &route) },
		"shadow":     func(v *yaml.Node, f string) { r.shadow(v, f, &route) },
		"hold":       func(v *yaml.Node, f string) { r.hold(v, f, &route.Hold) },
		"rate_limit": func(v *yaml.Node, f string) { route.RateLimit = r.rateLimit(v, f) },
	})
	if node.Kind == yaml.MappingNode && !seen["match"] {
		r.add(node, at+".match", `is missing; write match: {path: "/*"}`)
	}
	r.config.Routes = append(r.config.Routes, route)
}

func (r *reader) match(node *yaml.Node, at string, route *Route) {
	seen := r.fields(node, at, fieldReaders{
		"path": func(v *yaml.Node, f string) {
			if !r.text(v, f, &route.Path) {
				return
			}
			if reason := badPattern(route.Path); reason != "" {
				r.add(v, f, "%q %s", route.Path, reason)
			}
		},
		"methods": func(v *yaml.Node, f string) {
			r.each(v, f, func(item *yaml.Node, f string) { r.method(item, f, route) })
			if v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
				r.add(v, f, "is empty; leave it out for any method")
			}
		},
	})
	if node.Kind == yaml.MappingNode && !seen["path"] {
		r.add(node, at+".path", `is missing; write "/*" for every path`)
	}
}

func (r *reader) method(node *yaml.Node, field string, route *Route) {
	var m string
	if !r.text(node, field, &m) {
		return
	}
	switch {
	case !isToken(m) || m != strings.ToUpper(m):
		r.add(node, field, "%q is no method; write it in capitals, as in GET", m)
	case slices.Contains(route.Methods, m):
		r.add(node, field, "%q is given twice", m)
	default:
		route.Methods = append(route.Methods, m)
	}
}

func (r *reader) hold(node *yaml.Node, at string, into *Hold) {
	r.fields(node, at, fieldReaders{
		"max_wait":     func(v *yaml.Node, f string) { r.duration(v, f, &into.MaxWait) },
		"max_requests": func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &into.MaxRequests) },
	})
}

// badPattern says what is wrong with a path pattern, or "".
func badPattern(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "must begin with /"
	}
	if strings.ContainsFunc(p, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "has a blank or a character outside ASCII; canonical paths have them escaped, so write {name} for the segment"
	}
	if u, err := url.ParseRequestURI(strings.NewReplacer("{", "a", "}", "a").Replace(p)); err != nil || u.RawQuery != "" || u.ForceQuery {
		return "is no path; a pattern has no query"
	}
	if strings.ContainsAny(p, "%;\\#") {
		return "must not hold any of % ; \\ #: patterns are compared with canonical paths"
	}
	segments := strings.Split(p[1:], "/")
	for i, s := range segments {
		switch last := i == len(segments)-1; {
		case s == "" && !last:
			return "has an empty segment"
		case s == "." || s == "..":
			return "has a dot segment; canonical paths have none"
		case s == "*" && !last:
			return "has a * before its end; write {name} for one segment"
		case s != "*" && strings.Contains(s, "*"):
			return "has a * beside other text; a * stands alone, at the end"
		case strings.ContainsAny(s, "{}") && !isWildcard(s):
			return "has a brace beside other text; write {name} as a whole segment"
		}
	}
	return ""
}

func isWildcard(s string) bool {
	return len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' && !strings.ContainsAny(s[1:len(s)-1], "{}")
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
		keys[i] = fmt.Sprintf("%s %s", m, path)
	}
	return keys
}
