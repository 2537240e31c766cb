package config

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *reader) clients(node *yaml.Node, at string) {
	c := &r.config.Clients
	r.fields(node, at, fieldReaders{
		"trusted_proxies": func(v *yaml.Node, f string) { r.each(v, f, r.proxy) },
		"session_cookie":  func(v *yaml.Node, f string) { r.cookie(v, f, &c.SessionCookie) },
		"rate_limit":      func(v *yaml.Node, f string) { c.RateLimit = r.rateLimit(v, f) },
	})
}

// proxy reads a network, or one address as the network of itself.
func (r *reader) proxy(node *yaml.Node, field string) {
	var s string
	if !r.text(node, field, &s) {
		return
	}
	network, err := netip.ParsePrefix(s)
	if address, bad := netip.ParseAddr(s); bad == nil {
		network, err = netip.PrefixFrom(address.WithZone(""), address.BitLen()), nil
	}
	trusted := &r.config.Clients.TrustedProxies
	switch {
	case err != nil || strings.Contains(s, "%"):
		r.add(node, field, "%q is no network; write it as in 10.0.0.0/8, or one address", s)
	case network.Addr().Is4In6():
		r.add(node, field, "%q is an IPv4 address within IPv6; write it as IPv4", s)
	case network != network.Masked():
		r.add(node, field, "%q has bits behind its mask; write %s", s, network.Masked())
	case slices.Contains(*trusted, network):
		r.add(node, field, "%q is given twice", s)
	default:
		*trusted = append(*trusted, network)
	}
}

func (r *reader) canary(node *yaml.Node, at string, route *Route) {
	c := &Canary{By: Key{Kind: KeyUser}}
	route.Canary = c
	seen := r.fields(node, at, fieldReaders{
		"owner":   func(v *yaml.Node, f string) { r.text(v, f, &c.Owner) },
		"percent": func(v *yaml.Node, f string) { r.percent(v, f, &c.Share) },
		"by":      func(v *yaml.Node, f string) { r.key(v, f, &c.By) },
		"salt":    func(v *yaml.Node, f string) { r.label(v, f, &c.Salt) },
	})
	if !seen["salt"] {
		c.Salt = c.Owner
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	if !seen["owner"] {
		r.add(node, at+".owner", "is missing; name the owner that a share of the clients goes to")
	}
	if !seen["percent"] {
		r.add(node, at+".percent", "is missing; write percent: 0 to send nobody but testers")
	}
}

func (r *reader) rateLimit(node *yaml.Node, at string) *RateLimit {
	l := &RateLimit{By: Key{Kind: KeyAddress}}
	seen := r.fields(node, at, fieldReaders{
		"requests": func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &l.Requests) },
		"per":      func(v *yaml.Node, f string) { r.duration(v, f, &l.Per) },
		"burst":    func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &l.Burst) },
		"by":       func(v *yaml.Node, f string) { r.key(v, f, &l.By) },
	})
	if !seen["burst"] {
		l.Burst = l.Requests
	}
	if node.Kind != yaml.MappingNode {
		return l
	}
	if !seen["requests"] {
		r.add(node, at+".requests", "is missing; write how many requests one client may make, as in 20")
	}
	if !seen["per"] {
		r.add(node, at+".per", "is missing; write in which time, as in 1s")
	}
	return l
}

func (r *reader) shadow(node *yaml.Node, at string, route *Route) {
	s := &Shadow{
		Sample: DefaultShadowSample, Queue: DefaultShadowQueue, Timeout: DefaultShadowTimeout,
		Compare: Compare{Body: CompareJSON, MaxBody: DefaultCompareBody},
	}
	route.Shadow = s
	seen := r.fields(node, at, fieldReaders{
		"owner":   func(v *yaml.Node, f string) { r.text(v, f, &s.Owner) },
		"percent": func(v *yaml.Node, f string) { r.percent(v, f, &s.Sample) },
		"queue":   func(v *yaml.Node, f string) { r.whole(v, f, 1, maxCount, &s.Queue) },
		"timeout": func(v *yaml.Node, f string) { r.duration(v, f, &s.Timeout) },
		"pass":    func(v *yaml.Node, f string) { r.pass(v, f, &s.Pass) },
		"compare": func(v *yaml.Node, f string) { r.compare(v, f, &s.Compare) },
	})
	if node.Kind == yaml.MappingNode && !seen["owner"] {
		r.add(node, at+".owner", "is missing; name the owner that gets the copies")
	}
}

func (r *reader) pass(node *yaml.Node, at string, into *Credentials) {
	r.fields(node, at, fieldReaders{
		"identity": func(v *yaml.Node, f string) { r.yes(v, f, &into.Identity) },
		"headers":  func(v *yaml.Node, f string) { r.headers(v, f, &into.Headers, whyNotForwarded) },
		"cookies": func(v *yaml.Node, f string) {
			r.each(v, f, func(item *yaml.Node, f string) {
				var name string
				r.cookie(item, f, &name)
				if name == "" {
					return
				}
				if slices.Contains(into.Cookies, name) {
					r.add(item, f, "%q is given twice", name)
				}
				into.Cookies = append(into.Cookies, name)
				r.keys = append(r.keys, keyAt{field: f, key: Key{KeyCookie, name}})
			})
		},
	})
}

// headers reads a list of header names; refuse says why one can't be among them.
func (r *reader) headers(node *yaml.Node, at string, into *[]string, refuse func(string) string) {
	r.each(node, at, func(item *yaml.Node, f string) {
		var name string
		if !r.text(item, f, &name) {
			return
		}
		same := func(other string) bool { return strings.EqualFold(other, name) }
		switch reason := refuse(name); {
		case !isToken(name):
			r.add(item, f, "%q is no header name", name)
		case reason != "":
			r.add(item, f, "%q %s", name, reason)
		case slices.ContainsFunc(*into, same):
			r.add(item, f, "%q is given twice", name)
		default:
			*into = append(*into, name)
		}
	})
}

func (r *reader) compare(node *yaml.Node, at string, into *Compare) {
	seen := r.fields(node, at, fieldReaders{
		"headers":   func(v *yaml.Node, f string) { r.headers(v, f, &into.Headers, whyNotCompared) },
		"body":      func(v *yaml.Node, f string) { r.bodyComparison(v, f, &into.Body) },
		"max_body":  func(v *yaml.Node, f string) { r.size(v, f, &into.MaxBody) },
		"ignore":    func(v *yaml.Node, f string) { r.pointers(v, f, &into.Ignore) },
		"unordered": func(v *yaml.Node, f string) { r.pointers(v, f, &into.Unordered) },
		"tolerate":  func(v *yaml.Node, f string) { r.tolerate(v, f, into) },
		"again":     func(v *yaml.Node, f string) { r.duration(v, f, &into.Again) },
	})
	for _, field := range []string{"ignore", "unordered", "tolerate"} {
		if seen[field] && into.Body != CompareJSON {
			r.wrong(at+"."+field, "means nothing with body: %s; write body: json, or leave it out", into.Body)
		}
	}
	if seen["max_body"] && into.Body == CompareNone {
		r.wrong(at+".max_body", "means nothing with body: none; leave it out")
	}
	for i, p := range into.Ignore {
		if _, tolerated := into.Tolerate[p]; tolerated || slices.Contains(into.Unordered, p) {
			r.wrong(at+".ignore["+strconv.Itoa(i)+"]", "%q is ignored, so what unordered or tolerate says of it means nothing; leave one out", p)
		}
		if p == "" {
			r.wrong(at+".ignore["+strconv.Itoa(i)+"]", `"" is the whole body; write body: none instead`)
		}
	}
}

func (r *reader) bodyComparison(node *yaml.Node, field string, into *BodyComparison) {
	switch b := BodyComparison(node.Value); b {
	case CompareJSON, CompareHash, CompareNone:
		*into = b
	default:
		r.add(node, field, "%q is no comparison; known: %s, %s, %s", node.Value, CompareHash, CompareJSON, CompareNone)
	}
}

func (r *reader) pointers(node *yaml.Node, at string, into *[]string) {
	r.each(node, at, func(item *yaml.Node, f string) {
		var p string
		if !r.text(item, f, &p) {
			return
		}
		switch {
		case !isPointer(p):
			r.add(item, f, "%q is no JSON Pointer; write it as in /items/*/id", p)
		case slices.Contains(*into, p):
			r.add(item, f, "%q is given twice", p)
		}
		*into = append(*into, p)
	})
}

func (r *reader) tolerate(node *yaml.Node, at string, into *Compare) {
	if node.Kind != yaml.MappingNode {
		r.add(node, at, "must map JSON Pointers to numbers, as in /score: 0.01")
		return
	}
	into.Tolerate = map[string]float64{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		_, twice := into.Tolerate[key.Value]
		by, ok := tolerance(value)
		field := join(at, key.Value)
		switch {
		case !isPointer(key.Value):
			r.add(key, field, "%q is no JSON Pointer; write it as in /items/*/score", key.Value)
		case twice:
			r.add(key, field, "is given twice")
		case !ok:
			r.add(value, field, "%q must be a number above 0, as in 0.01", value.Value)
		default:
			into.Tolerate[key.Value] = by
		}
	}
}

func tolerance(node *yaml.Node) (float64, bool) {
	tag := node.ShortTag()
	by, err := strconv.ParseFloat(node.Value, 64)
	ok := node.Kind == yaml.ScalarNode && (tag == "!!int" || tag == "!!float")
	return by, ok && err == nil && by > 0 && !math.IsInf(by, 0)
}

// isPointer tells whether s is a JSON Pointer (RFC 6901, section 3).
func isPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i, c := range s {
		if c == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}
