package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads and checks a configuration. The name stands in the errors, which
// are of type Errors: every problem of the file at once. JSON is YAML too.
func Parse(name string, text []byte) (*Config, error) {
	c := &collector{file: name}
	root, err := document(text)
	if err != nil {
		c.add(&yaml.Node{Line: yamlLine(err)}, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, c.err()
	}
	r := reader{collector: c, config: &Config{Source: bytes.Clone(text)}, at: map[string]*yaml.Node{}}
	r.root(root)
	r.check()
	if err := c.err(); err != nil {
		return nil, err
	}
	return r.config, nil
}

func document(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, errors.New("the file is empty; it needs owners and routes")
	}
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("one document is read; remove what follows ---")
	}
	return resolve(doc.Content[0]), nil
}

var lineInError = regexp.MustCompile(`line (\d+)`)

// yamlLine finds the line in the parser's error: it has no field for it.
func yamlLine(err error) int {
	if m := lineInError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

// reader builds a Config, and remembers where each field stood for the checks
// that need the whole file.
type reader struct {
	*collector
	config *Config
	at     map[string]*yaml.Node
}

type fieldReaders = map[string]func(value *yaml.Node, field string)

func (r *reader) root(node *yaml.Node) {
	r.at[""] = node
	r.fields(node, "", fieldReaders{
		"revision": func(v *yaml.Node, f string) { r.number(v, f, &r.config.Revision) },
		"owners":   r.owners,
		"routes": func(v *yaml.Node, f string) {
			r.at[f] = v
			r.each(v, f, r.route)
		},
	})
	slices.SortFunc(r.config.Owners, func(a, b Owner) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) owners(node *yaml.Node, field string) {
	r.at[field] = node
	if node.Kind != yaml.MappingNode {
		r.add(node, field, "must map names to owners")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		at := join(field, key.Value)
		switch {
		case !isName(key.Value):
			r.add(key, at, "%q is no name; use letters, digits, - _ .", key.Value)
		case seen[key.Value]:
			r.add(key, at, "is given twice")
		default:
			seen[key.Value] = true
			r.owner(key, value, at)
		}
	}
}

func (r *reader) owner(key, node *yaml.Node, at string) {
	o := Owner{
		Name: key.Value, Balance: RoundRobin, Timeout: DefaultTimeout,
		Health: Health{Path: DefaultHealthPath, Interval: DefaultHealthInterval, Timeout: DefaultHealthTimeout},
	}
	r.at[at] = key
	r.fields(node, at, fieldReaders{
		"address": func(v *yaml.Node, f string) { r.http(v, f, &o.Address) },
		"replicas": func(v *yaml.Node, f string) {
			r.each(v, f, func(item *yaml.Node, f string) { r.replica(item, f, &o) })
		},
		"health":   func(v *yaml.Node, f string) { r.health(v, f, &o.Health) },
		"balance":  func(v *yaml.Node, f string) { r.balance(v, f, &o.Balance) },
		"affinity": func(v *yaml.Node, f string) { r.affinity(v, f, &o) },
		"timeout":  func(v *yaml.Node, f string) { r.duration(v, f, &o.Timeout) },
	})
	r.config.Owners = append(r.config.Owners, o)
}

func (r *reader) replica(node *yaml.Node, at string, o *Owner) {
	var p Replica
	r.fields(node, at, fieldReaders{
		"name": func(v *yaml.Node, f string) { r.text(v, f, &p.Name) },
		"url":  func(v *yaml.Node, f string) { r.http(v, f, &p.URL) },
	})
	switch {
	case !isName(p.Name):
		r.add(node, at+".name", "%q is no name; use letters, digits, - _ .", p.Name)
	case slices.ContainsFunc(o.Replicas, func(other Replica) bool { return other.Name == p.Name }):
		r.add(node, at+".name", "%q names another replica of %s already", p.Name, o.Name)
	case p.URL != nil:
		o.Replicas = append(o.Replicas, p)
		return
	case !slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Field == at+".url" }):
		r.add(node, at+".url", "is missing; write http://host:port")
	}
}

func (r *reader) health(node *yaml.Node, at string, h *Health) {
	r.fields(node, at, fieldReaders{
		"path": func(v *yaml.Node, f string) {
			r.text(v, f, &h.Path)
			h.Named = true
			if !strings.HasPrefix(h.Path, "/") || strings.ContainsAny(h.Path, " \r\n\t") {
				r.add(v, f, "%q must begin with / and hold no blanks", h.Path)
			}
		},
		"port": func(v *yaml.Node, f string) {
			r.text(v, f, &h.Port)
			if !isPort(h.Port) {
				r.add(v, f, "%q is no port; ports are 1 to 65535", h.Port)
			}
		},
		"interval": func(v *yaml.Node, f string) { r.duration(v, f, &h.Interval) },
		"timeout":  func(v *yaml.Node, f string) { r.duration(v, f, &h.Timeout) },
	})
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
	r.at[at+".home"], r.at[at] = node, node
	r.fields(node, at, fieldReaders{
		"cookie":         func(v *yaml.Node, f string) { r.cookie(v, f, &a.Cookie) },
		"session_cookie": func(v *yaml.Node, f string) { r.cookie(v, f, &a.SessionCookie) },
		"home": func(v *yaml.Node, f string) {
			r.at[f] = v
			r.text(v, f, &a.Home)
		},
	})
	if a.SessionCookie == "" {
		r.add(node, at+".session_cookie", "is missing; name the application's session cookie")
	}
}

func (r *reader) cookie(node *yaml.Node, field string, into *string) {
	r.text(node, field, into)
	if !isToken(*into) {
		r.add(node, field, "%q is no cookie name", *into)
	}
}

func (r *reader) route(node *yaml.Node, at string) {
	route := Route{}
	r.at[at] = node
	matched := false
	r.fields(node, at, fieldReaders{
		"match": func(v *yaml.Node, f string) {
			matched = true
			r.match(v, f, &route)
		},
		"owner": func(v *yaml.Node, f string) {
			r.at[f] = v
			r.text(v, f, &route.Owner)
		},
		"timeout":  func(v *yaml.Node, f string) { r.duration(v, f, &route.Timeout) },
		"max_body": func(v *yaml.Node, f string) { r.size(v, f, &route.MaxBody) },
	})
	if !matched {
		r.add(node, at+".match", `is missing; write match: {path: "/*"}`)
	}
	r.config.Routes = append(r.config.Routes, route)
}

func (r *reader) match(node *yaml.Node, at string, route *Route) {
	r.fields(node, at, fieldReaders{
		"path": func(v *yaml.Node, f string) {
			r.text(v, f, &route.Path)
			if reason := badPattern(route.Path); reason != "" {
				r.add(v, f, "%q %s", route.Path, reason)
			}
		},
		"methods": func(v *yaml.Node, f string) {
			r.each(v, f, func(item *yaml.Node, f string) { r.method(item, f, route) })
		},
	})
	if route.Path == "" {
		r.add(node, at+".path", `is missing; write "/*" for every path`)
	}
}

func (r *reader) method(node *yaml.Node, field string, route *Route) {
	switch m := node.Value; {
	case !isToken(m) || m != strings.ToUpper(m):
		r.add(node, field, "%q is no method; write it in capitals, as in GET", m)
	case slices.Contains(route.Methods, m):
		r.add(node, field, "%q is given twice", m)
	default:
		route.Methods = append(route.Methods, m)
	}
}

func names[V any](known map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

func isName(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:", c)
	}) < 0
}

func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("()<>@,;:\\\"/[]?={}", c)
	}) < 0
}

// badPattern says what is wrong with a path pattern, or "".
func badPattern(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "must begin with /"
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
