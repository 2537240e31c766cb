package main

import (
	"cmp"
	"fmt"
	"strings"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/upstream"
)

// chosen is how a canary chose between the route's two owners.
type chosen struct {
	Owner   string `json:"owner"`
	Percent string `json:"percent"`
	By      string `json:"by"`
	// Bucket is where the client stands, from 0 to 9999; null for a client that the
	// request does not identify.
	Bucket *int `json:"bucket"`
	In     bool `json:"in"`
	// Token is what became of a tester's token, if there is one.
	Token string `json:"token,omitempty"`
}

// choose finds the side that answers. Nothing is made up for a client without a
// user cookie: which bucket it will be in, nobody knows yet.
func (d *decision) choose(route *policy.Route, req *policy.Request, keys *policy.Keys, override []byte) {
	canary := route.Canary
	c := &chosen{Owner: canary.Owner.Name, Percent: percent(canary.Share), By: canary.By.String()}
	c.Token = aboutToken(route, req, override)
	d.Canary = c
	key, known := keys.Known(canary.By, req)
	if known {
		bucket := canary.Bucket(key)
		c.Bucket = &bucket
	}
	side := policy.Side{Owner: route.Owner}
	if known || c.Token != "" || canary.By.Kind != config.KeyUser {
		side = route.Side(req, keys)
	}
	c.In, d.Owner = side.Canary, side.Owner.Name
	switch {
	case side.Overridden:
		d.Why = "a tester's token chooses it"
	case known && side.Canary:
		d.Why = fmt.Sprintf("canary: bucket %d is below %d (%s by %s)", *c.Bucket, canary.Share, c.Percent, c.By)
	case known:
		d.Why = fmt.Sprintf("canary: bucket %d is not below %d (%s by %s)", *c.Bucket, canary.Share, c.Percent, c.By)
	case canary.By.Kind == config.KeyUser:
		d.Owner, d.Either = "", []string{route.Owner.Name, canary.Owner.Name}
		d.Why = fmt.Sprintf("canary: %s of new clients go to %s; the request has no %s, so it gets one, whose bucket decides",
			c.Percent, canary.Owner.Name, config.UserCookie)
	case canary.By.Kind == config.KeyAddress:
		d.Why = "canary: the client's address is not known here; say --client ADDRESS"
	default:
		d.Why = "canary: the request has no " + c.By + ", and such clients stay with the route's owner"
	}
}

// aboutToken says what a tester's token is worth, or "" when there is none.
func aboutToken(route *policy.Route, req *policy.Request, override []byte) string {
	token := req.Tester
	if len(token) == 0 {
		cookie, _ := cookieNamed(req.Cookies, config.OverrideCookie)
		token = []byte(cookie)
	}
	if len(token) == 0 {
		return ""
	}
	if len(override) == 0 {
		return "not checked: set CANARY_KEY to the gateway's"
	}
	owner, ok := policy.CheckOverride(override, token, req.Now)
	switch {
	case !ok:
		return "not valid: forged, over, or made with another key"
	case string(owner) != route.Owner.Name && string(owner) != route.Canary.Owner.Name:
		return fmt.Sprintf("valid, but %s answers nothing on this route", owner)
	}
	return fmt.Sprintf("valid for %s", owner)
}

// pinnedTo says which replica an affinity cookie names.
func pinnedTo(o config.Owner, pin string) string {
	for _, p := range o.Replicas {
		if upstream.Pin(o.Name, p.Name) == pin {
			return p.Name + ", which " + o.Affinity.Cookie + " names, while it is well"
		}
	}
	if len(o.Replicas) == 0 {
		return "the one that " + o.Affinity.Cookie + " names, while it is there and well"
	}
	return "any of " + o.Name + ": " + o.Affinity.Cookie + " names none that is there"
}

// text is the decision for people.
func (d *decision) text() string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-12s %s\n", name, value) }
	line("request", d.Method+" "+d.Path)
	if d.Canonical != "" {
		line("canonical", d.Canonical)
	}
	if len(d.Considered) > 0 {
		b.WriteString("\nroutes whose pattern takes the path, the first in order first\n")
	}
	for _, c := range d.Considered {
		mark := " "
		if c.Answers {
			mark = "*"
		}
		fmt.Fprintf(&b, "  %s %s  (%s %s)\n      %s\n", mark, c.Route, c.Methods, c.Path, c.Why)
	}
	if d.Others > 0 {
		fmt.Fprintf(&b, "  and %s of other paths\n", counted(d.Others, "route"))
	}
	b.WriteString("\n")
	if d.Refused != nil {
		line("refused", fmt.Sprintf("%d: %s", d.Refused.Status, d.Refused.Why))
		return b.String()
	}
	line("route", d.Route)
	line("answered by", cmp.Or(d.Owner, strings.Join(d.Either, " or ")))
	line("why", d.Why)
	if d.Canary != nil && d.Canary.Token != "" {
		line("token", d.Canary.Token)
	}
	b.WriteString("\nin force, in the order in which a request meets it\n")
	for _, f := range d.InForce {
		fmt.Fprintf(&b, "  %-18s %s\n", f.Policy, f.Says)
	}
	return b.String()
}
