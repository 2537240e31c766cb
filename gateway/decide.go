package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// decision is what becomes of a request, and why.
type decision struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	// Canonical is the path that is routed and forwarded.
	Canonical  string      `json:"canonical,omitempty"`
	Refused    *refused    `json:"refused,omitempty"`
	Considered []candidate `json:"considered,omitempty"`
	// Others is how many routes' patterns don't take the path.
	Others int    `json:"others"`
	Route  string `json:"route,omitempty"`
	// Owner answers; "" when the request doesn't tell which one of Either.
	Owner  string   `json:"owner,omitempty"`
	Either []string `json:"either,omitempty"`
	Why    string   `json:"why,omitempty"`
	// Canary is how the route's two owners were chosen between.
	Canary  *chosen `json:"canary,omitempty"`
	InForce []fact  `json:"in_force,omitempty"`
}

// refused is the gateway's own answer.
type refused struct {
	Status int    `json:"status"`
	Why    string `json:"why"`
}

// candidate is a route whose pattern takes the path.
type candidate struct {
	Route   string `json:"route"`
	Methods string `json:"methods"`
	Path    string `json:"path"`
	Answers bool   `json:"answers"`
	Why     string `json:"why"`
}

// fact is one policy that holds for the request.
type fact struct {
	Policy string `json:"policy"`
	Says   string `json:"says"`
}

// decide asks the policies as the data plane does: canonical path, internal paths,
// route, side.
func decide(c *config.Config, a asked, req *policy.Request, override []byte) *decision {
	d := &decision{Method: a.method, Path: a.target}
	raw, _, _ := strings.Cut(a.target, "?")
	if !strings.HasPrefix(raw, "/") || strings.Contains(a.target, "#") {
		return d.refuse(400, "the request target must be a path that begins with /, without a fragment")
	}
	path, err := policy.Canonical(nil, []byte(raw))
	if err != nil {
		return d.refuse(400, err.Error())
	}
	req.Path, d.Canonical = path, string(path)
	if a.method == "CONNECT" || a.method == "TRACE" {
		return d.refuse(501, "the method is not supported by the gateway")
	}
	if policy.IsInternal(path) {
		return d.refuse(404, "the path is internal: /livez, /readyz, /metrics, /internal, /debug and /_strangler are never routed from outside")
	}
	table := policy.New(c)
	table.Trust(override)
	route := table.Match(req)
	d.consider(table, req, route)
	if route == nil {
		return d.refuse(404, "no route takes this path and method")
	}
	d.answer(c, table, route, req, override)
	return d
}

func (d *decision) refuse(status int, why string) *decision {
	d.Refused = &refused{status, why}
	return d
}

// consider tells of each route whose pattern takes the path why it answers, or
// doesn't.
func (d *decision) consider(table *policy.Table, req *policy.Request, winner *policy.Route) {
	for _, r := range table.InOrder() {
		if !r.TakesPath(req.Path) {
			d.Others++
			continue
		}
		c := candidate{Route: r.Name, Methods: methods(r.Methods), Path: r.Pattern, Answers: r == winner}
		switch {
		case r == winner:
			c.Why = "the most specific pattern that takes " + string(req.Method)
		case !r.TakesMethod(string(req.Method)):
			c.Why = "does not take " + string(req.Method)
		default:
			c.Why = lessSpecific(r.Pattern, winner.Pattern)
		}
		d.Considered = append(d.Considered, c)
	}
}

// lessSpecific says what makes a pattern come after another one that takes the same
// path. Which one comes first the table has decided.
func lessSpecific(loser, winner string) string {
	after, first := strings.Split(loser[1:], "/"), strings.Split(winner[1:], "/")
	for i, segment := range after {
		switch {
		case i >= len(first):
			return fmt.Sprintf("%q ends where this one still has /%s", winner, segment)
		case segment == first[i], isWildcard(segment) && isWildcard(first[i]):
			continue
		case segment == "*":
			return fmt.Sprintf("* takes any rest, where the other one names %s", first[i])
		default:
			return fmt.Sprintf("%s takes any segment, where the other one names %s", segment, first[i])
		}
	}
	return "the same pattern, and the other one names the method"
}

func isWildcard(segment string) bool { return strings.HasPrefix(segment, "{") }

// answer says who answers and what holds on the way.
func (d *decision) answer(c *config.Config, table *policy.Table, route *policy.Route, req *policy.Request, override []byte) {
	d.Route, d.Owner, d.Why = route.Name, route.Owner.Name, "the route's owner"
	var keys policy.Keys
	keys.Reset(table)
	if route.Canary != nil {
		d.choose(route, req, &keys, override)
	}
	d.inForce(c, route, req, &keys)
}

// inForce lists the policies in the order in which a request meets them.
func (d *decision) inForce(c *config.Config, route *policy.Route, req *policy.Request, keys *policy.Keys) {
	r := c.Routes[route.Index]
	name := cmp.Or(d.Owner, r.Owner)
	owner := c.Owners[slices.IndexFunc(c.Owners, func(o config.Owner) bool { return o.Name == name })]
	body := "any length"
	if r.MaxBody > 0 {
		body = "up to " + size(r.MaxBody) + "; longer ones get 413"
	}
	if r.Resource != "" {
		kept := int64(config.BufferedBody)
		if r.MaxBody > 0 {
			kept = min(r.MaxBody, config.LongestBuffered)
		}
		body += "; up to " + size(kept) + " can follow the resource"
	}
	d.says("body", body)
	d.limit("limit, all routes", c.Clients.RateLimit, req, keys)
	d.limit("limit, this route", r.RateLimit, req, keys)
	if has := c.Resource(r.Resource); has != nil {
		d.says("resource", fmt.Sprintf("%s, which is %s's in epoch %d; whoever has it answers", has.Name, has.Owner, has.Epoch))
	}
	d.says("while held", fmt.Sprintf("waits %s at most, %d requests at once; then 503", r.Hold.MaxWait, r.Hold.MaxRequests))
	d.protection(owner)
	d.identity(c, owner, req)
	d.affinity(owner, req)
	d.says("timeout", r.Timeout.String())
	if s := r.Shadow; s != nil {
		d.says("shadow", d.copied(s))
	}
}

// copied says whether a shadow gets copies of such requests.
func (d *decision) copied(s *config.Shadow) string {
	switch {
	case d.Method != "GET" && d.Method != "HEAD":
		return "not copied: " + d.Method + " is not safe to send twice"
	case d.Canary != nil && d.Canary.In:
		return "not copied: only what the route's owner answers is"
	}
	return fmt.Sprintf("%s of the requests are copied to %s, without bodies and without credentials but those passed", percent(s.Sample), s.Owner)
}

func (d *decision) says(policy, what string) { d.InForce = append(d.InForce, fact{policy, what}) }

func (d *decision) limit(name string, l *config.RateLimit, req *policy.Request, keys *policy.Keys) {
	if l == nil {
		return
	}
	says := fmt.Sprintf("%d per %s, bursts of %d, by %s", l.Requests, l.Per, l.Burst, l.By)
	if _, known := keys.Known(l.By, req); !known && l.By.Kind != config.KeyAddress {
		says += "; this client has none, and is known by its address"
	}
	d.says(name, says)
}

func (d *decision) protection(o config.Owner) {
	if o.MaxInFlight > 0 {
		d.says("in flight", fmt.Sprintf("%d at once for %s; more get 503", o.MaxInFlight, o.Name))
	}
	if b := o.Breaker; b != nil {
		d.says("breaker", fmt.Sprintf("opens for %s when %d %% of at least %d requests within %s fail", b.OpenFor, b.Errors, b.Of, b.Within))
	}
	switch r := o.Retries; {
	case !policy.IsIdempotent([]byte(d.Method)):
		d.says("retries", "none once bytes were sent: "+d.Method+" may not be repeated")
	case r.Attempts == 1 || r.Budget == 0:
		d.says("retries", "none")
	default:
		d.says("retries", fmt.Sprintf("sent %d times at most, within %d retries for each 100 requests and %d a second", r.Attempts, r.Budget, r.MinPerSecond))
	}
}

// identity says whether the owner is told who asks.
func (d *decision) identity(c *config.Config, o config.Owner, req *policy.Request) {
	if !o.Identity {
		return
	}
	if len(policy.New(c).AppendSession(nil, req.Cookies)) == 0 {
		d.says("identity", "nobody's: the request has no "+c.Clients.SessionCookie)
		return
	}
	d.says("identity", fmt.Sprintf("%s is asked whose session it is, within %s; without an answer 503", c.Identity.Owner, c.Identity.Timeout))
}

func (d *decision) affinity(o config.Owner, req *policy.Request) {
	a := o.Affinity
	if a == nil {
		d.says("replica", "any of "+o.Name+", "+string(o.Balance))
		return
	}
	value, pinned := cookieNamed(req.Cookies, a.Cookie)
	session := slices.ContainsFunc([]string{"", "__Host-", "__Secure-"}, func(prefix string) bool {
		_, has := cookieNamed(req.Cookies, prefix+a.SessionCookie)
		return has
	})
	switch {
	case pinned:
		d.says("replica", pinnedTo(o, value))
	case session && a.Home != "":
		d.says("replica", a.Home+", the home of sessions without "+a.Cookie)
	default:
		d.says("replica", "any of "+o.Name+"; "+a.Cookie+" is set when an answer sets "+a.SessionCookie)
	}
}

// cookieNamed returns the first cookie of that name.
func cookieNamed(headers [][]byte, name string) (string, bool) {
	for _, header := range headers {
		for pair := range bytes.SplitSeq(header, []byte{';'}) {
			if n, value, _ := strings.Cut(string(bytes.TrimSpace(pair)), "="); strings.TrimSpace(n) == name {
				return strings.TrimSpace(value), true
			}
		}
	}
	return "", false
}
