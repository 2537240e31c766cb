package current

import (
	"fmt"
	"slices"
	"time"

	"banyan.dev/gateway/internal/config"
)

// remembered is how many changes History tells of.
const remembered = 50

// Change is a configuration that was taken over, or refused.
type Change struct {
	At     time.Time
	Source string // file or api
	// Revision is 0 for one that was refused.
	Revision int64
	// Refused is why, for one that was.
	Refused string
	// What changed, a line for each route and owner; empty for the first one.
	What []string
}

// History is the last changes, the newest first.
func (c *Current) History() []Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.history)
	slices.Reverse(out)
	return out
}

// note is called with the lock held.
func (c *Current) note(change Change) {
	c.history = append(c.history, change)
	if extra := len(c.history) - remembered; extra > 0 {
		c.history = slices.Delete(c.history, 0, extra)
	}
}

func change(next, running *Snapshot) Change {
	out := Change{At: next.Since, Source: next.Source, Revision: next.Revision}
	if running != nil {
		out.What = Differences(running.Table.Config, next.Table.Config)
	}
	return out
}

// Differences says what a configuration changes about another's routes and owners,
// a line for each.
func Differences(from, to *config.Config) []string {
	var lines []string
	for _, r := range to.Routes {
		i := slices.IndexFunc(from.Routes, func(o config.Route) bool { return o.Name == r.Name })
		if i < 0 {
			lines = append(lines, fmt.Sprintf("%s: new, answered by %s", r.Name, answering(r)))
			continue
		}
		if was, is := answering(from.Routes[i]), answering(r); was != is {
			lines = append(lines, fmt.Sprintf("%s: %s, was %s", r.Name, is, was))
		}
	}
	for _, r := range from.Routes {
		if !slices.ContainsFunc(to.Routes, func(o config.Route) bool { return o.Name == r.Name }) {
			lines = append(lines, r.Name+": gone")
		}
	}
	return append(append(lines, resources(from, to)...), owners(from, to)...)
}

func resources(from, to *config.Config) []string {
	var lines []string
	for _, is := range to.Resources {
		switch was := from.Resource(is.Name); {
		case was == nil:
			lines = append(lines, fmt.Sprintf("resource %s: new, %s's in epoch %d", is.Name, is.Owner, is.Epoch))
		case *was != is:
			lines = append(lines, fmt.Sprintf("resource %s: %s's in epoch %d, was %s's in epoch %d", is.Name, is.Owner, is.Epoch, was.Owner, was.Epoch))
		}
	}
	for _, was := range from.Resources {
		if to.Resource(was.Name) == nil {
			lines = append(lines, fmt.Sprintf("resource %s: gone", was.Name))
		}
	}
	return lines
}

// answering is who answers a route: "monolith", or "monolith 95 %, comments 5 %".
func answering(r config.Route) string {
	text := r.Owner
	if r.Canary != nil {
		text = fmt.Sprintf("%s %s, %s %s", r.Owner, percent(config.WholeShare-r.Canary.Share), r.Canary.Owner, percent(r.Canary.Share))
	}
	if r.Shadow != nil {
		text += ", shadowed by " + r.Shadow.Owner
	}
	return text
}

func percent(share int) string { return fmt.Sprintf("%g %%", float64(share)/100) }

func owners(from, to *config.Config) []string {
	var lines []string
	for _, o := range to.Owners {
		i := slices.IndexFunc(from.Owners, func(other config.Owner) bool { return other.Name == o.Name })
		switch {
		case i < 0:
			lines = append(lines, fmt.Sprintf("owner %s: new", o.Name))
		case len(from.Owners[i].Replicas) != len(o.Replicas):
			lines = append(lines, fmt.Sprintf("owner %s: %d replicas, was %d", o.Name, len(o.Replicas), len(from.Owners[i].Replicas)))
		case (from.Owners[i].Affinity == nil) != (o.Affinity == nil):
			lines = append(lines, fmt.Sprintf("owner %s: affinity %s", o.Name, onOff(o.Affinity != nil)))
		}
	}
	for _, o := range from.Owners {
		if !slices.ContainsFunc(to.Owners, func(other config.Owner) bool { return other.Name == o.Name }) {
			lines = append(lines, fmt.Sprintf("owner %s: gone", o.Name))
		}
	}
	return lines
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
