package current

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/policy"
)

// Wanted is what a hold is asked for: routes by their names, and those of a resource.
type Wanted struct {
	Routes   []string
	Resource string // "" is none
	// Label says whose hold it is and what for, so that a holder that died and came
	// back finds its own.
	Label string
	For   time.Duration
}

// Hold closes the gates of routes that are in force, as hold.Gates does, between two
// changes of configuration: neither may overtake the other. It returns ErrNoRoute, or
// an error of hold.Gates.
func (c *Current) Hold(wanted Wanted) (*hold.Hold, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	running, routes := c.snapshot.Load(), slices.Clone(wanted.Routes)
	if running == nil {
		return nil, fmt.Errorf("nothing is in force, so %v %w", routes, ErrNoRoute)
	}
	for _, name := range routes {
		if !slices.ContainsFunc(running.Table.Routes, func(r *policy.Route) bool { return r.Name == name }) {
			return nil, fmt.Errorf("%q %w", name, ErrNoRoute)
		}
	}
	if wanted.Resource != "" {
		its := running.Table.Config.RoutesOf(wanted.Resource)
		if len(its) == 0 {
			return nil, fmt.Errorf("nothing with resource %q %w", wanted.Resource, ErrNoRoute)
		}
		routes = append(routes, its...)
	}
	return c.lasting.Holds.HoldFor(hold.About{Resource: wanted.Resource, Label: wanted.Label}, routes, wanted.For)
}

// keepsHeld tells whether a configuration leaves the requests of every held route
// behind its gate. Who moves something behind a hold changes who answers the route;
// were the route renamed, or another put before it, requests would pass meanwhile.
func (c *Current) keepsHeld(running *policy.Table, next *config.Config) error {
	for _, r := range running.Routes {
		if !c.lasting.Holds.Gate(r.Name).Figures().Held {
			continue
		}
		i := slices.IndexFunc(next.Routes, func(o config.Route) bool { return o.Name == r.Name })
		if i < 0 {
			return fmt.Errorf("%w: %s would be gone or have another name; release it first", ErrHeld, r.Name)
		}
		if !matchesSame(r, next.Routes[i]) {
			return fmt.Errorf("%w: %s would take other requests; release it first", ErrHeld, r.Name)
		}
		for _, o := range next.Routes {
			stands := slices.ContainsFunc(running.Routes, func(r *policy.Route) bool { return matchesSame(r, o) })
			if !stands && takesBefore(o, r) {
				return fmt.Errorf("%w: %s, and %s would take some of its requests; release it first", ErrHeld, r.Name, o.Name)
			}
		}
	}
	return nil
}

// matchesSame tells whether two routes take the same requests.
func matchesSame(r *policy.Route, o config.Route) bool {
	return r.Pattern == o.Path && slices.Equal(slices.Sorted(slices.Values(r.Methods)), slices.Sorted(slices.Values(o.Methods)))
}

// takesBefore tells whether some request fits both routes and goes to the first.
func takesBefore(o config.Route, r *policy.Route) bool {
	methods := len(r.Methods) == 0 || len(o.Methods) == 0 ||
		slices.ContainsFunc(r.Methods, func(m string) bool { return slices.Contains(o.Methods, m) })
	return methods && overlap(segments(r.Pattern), segments(o.Path)) && rank(o.Path, o.Methods) > rank(r.Pattern, r.Methods)
}

func segments(pattern string) []string { return strings.Split(pattern[1:], "/") }

// rank orders patterns that take one request, as package policy finds them: from the
// left a literal goes before a wildcard, that before the end, that before a tail; and
// of two alike the one that names the method.
func rank(pattern string, methods []string) string {
	var b strings.Builder
	for _, s := range segments(pattern) {
		switch {
		case s == "*":
			b.WriteByte('a')
		case strings.HasPrefix(s, "{"):
			b.WriteByte('c')
		default:
			b.WriteByte('d')
		}
	}
	if !strings.HasSuffix(pattern, "/*") {
		b.WriteByte('b')
	}
	if len(methods) > 0 {
		b.WriteByte('!')
	}
	return b.String()
}

func overlap(a, b []string) bool {
	switch {
	case len(a) > 0 && a[0] == "*", len(b) > 0 && b[0] == "*":
		return true
	case len(a) == 0 || len(b) == 0:
		// /a/* takes /a too.
		return len(a) == len(b)
	}
	fits := a[0] == b[0] || strings.HasPrefix(a[0], "{") || strings.HasPrefix(b[0], "{")
	if fits && (len(a) == 1 && len(b) == 2 && b[1] == "*" || len(b) == 1 && len(a) == 2 && a[1] == "*") {
		return true
	}
	return fits && overlap(a[1:], b[1:])
}
