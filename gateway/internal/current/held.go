package current

import (
	"fmt"
	"slices"
	"strings"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

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
		if next.Routes[i].Path != r.Pattern || !slices.Equal(next.Routes[i].Methods, r.Methods) {
			return fmt.Errorf("%w: %s would take other requests; release it first", ErrHeld, r.Name)
		}
		for _, o := range next.Routes {
			if isNew(running, o.Name) && mayShare(r, o) {
				return fmt.Errorf("%w: %s, and the new route %s may take requests of it; release it first", ErrHeld, r.Name, o.Name)
			}
		}
	}
	return nil
}

func isNew(running *policy.Table, name string) bool {
	return !slices.ContainsFunc(running.Routes, func(r *policy.Route) bool { return r.Name == name })
}

// mayShare tells whether some request fits both routes.
func mayShare(r *policy.Route, o config.Route) bool {
	methods := len(r.Methods) == 0 || len(o.Methods) == 0 ||
		slices.ContainsFunc(r.Methods, func(m string) bool { return slices.Contains(o.Methods, m) })
	return methods && overlap(strings.Split(r.Pattern[1:], "/"), strings.Split(o.Path[1:], "/"))
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
