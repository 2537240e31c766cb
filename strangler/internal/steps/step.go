package steps

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

var modes = []string{"memory", "dual", "redis", "back", "load"}

// stepReader reads one step.yaml; it knows the processes that may be named.
type stepReader struct {
	reader
	processes map[string]Process
}

func (r *stepReader) step(content []byte) Step {
	var s Step
	r.document(content, map[string]func(*yaml.Node){
		"title":       func(n *yaml.Node) { s.Title = r.text(n, "title") },
		"hurts":       func(n *yaml.Node) { s.Hurts = r.text(n, "hurts") },
		"changes":     func(n *yaml.Node) { s.Changes = r.text(n, "changes") },
		"runs":        func(n *yaml.Node) { s.Runs = r.runs(n) },
		"entry":       func(n *yaml.Node) { s.Entry = r.host(n, "entry") },
		"sessions":    func(n *yaml.Node) { s.Sessions = r.oneOf(n, "sessions", "memory", "redis", "postgres") },
		"user_cache":  func(n *yaml.Node) { s.UserCache = r.oneOf(n, "user_cache", "off", "redis") },
		"environment": func(n *yaml.Node) { s.Environment = r.environment(n) },
		"owners":      func(n *yaml.Node) { s.Owners = r.owners(n, "owners") },
		"forward":     func(n *yaml.Node) { s.Forward = r.actions(n, "forward") },
		"back":        func(n *yaml.Node) { s.Back = r.actions(n, "back") },
		"checks": func(n *yaml.Node) {
			r.items(n, "checks", func(n *yaml.Node) { s.Checks = append(s.Checks, r.check(n)) })
		},
		"demos": func(n *yaml.Node) { r.items(n, "demos", func(n *yaml.Node) { s.Demos = append(s.Demos, r.demo(n)) }) },
	})
	for _, later := range r.later {
		later(r.processes)
	}
	r.complete(s)
	return s
}

// complete says which field is missing, as the walk would otherwise find out late.
func (r *stepReader) complete(s Step) {
	top := &yaml.Node{Line: 1}
	for _, f := range []struct{ name, value string }{
		{"title", s.Title}, {"hurts", s.Hurts}, {"changes", s.Changes},
		{"entry", s.Entry}, {"sessions", s.Sessions}, {"user_cache", s.UserCache},
	} {
		if f.value == "" {
			r.fail(top, "field %q is missing: add it", f.name)
		}
	}
	if len(s.Runs) == 0 {
		r.fail(top, "field %q is missing: say what runs", "runs")
	}
	if s.Entry != "" && s.Replicas(s.Entry) == 0 {
		r.fail(top, "entry is %q, which does not run in this step: add it to runs", s.Entry)
	}
	for _, d := range s.Demos {
		r.reachable(top, s, d)
	}
}

func (r *stepReader) reachable(top *yaml.Node, s Step, d Demo) {
	if d.At == AtEnd {
		return
	}
	for _, m := range s.Marks() {
		if m == d.At {
			return
		}
	}
	r.fail(top, "demo %q is at %q, but no action has that mark: use one of %q", d.Name, d.At, s.Marks())
}

func (r *stepReader) runs(n *yaml.Node) []Run {
	var all []Run
	r.pairs(n, "runs", func(key, value *yaml.Node) {
		r.known(key, key.Value)
		all = append(all, Run{Process: key.Value, Replicas: r.number(value, "runs."+key.Value, 1, 20)})
	})
	return all
}

func (r *stepReader) known(n *yaml.Node, name string) {
	if _, ok := r.processes[name]; !ok {
		r.fail(n, "there is no process %q: use one of %s (processes.yaml)", name, strings.Join(sorted(r.processes), ", "))
	}
}

func (r *stepReader) processName(n *yaml.Node, field string) string {
	name := r.text(n, field)
	r.known(n, name)
	return name
}

func (r *stepReader) host(n *yaml.Node, field string) string {
	name := r.processName(n, field)
	if r.err == nil && !r.processes[name].Host() {
		r.fail(n, "%s is %q, which is infrastructure: name a host", field, name)
	}
	return name
}

func (r *stepReader) check(n *yaml.Node) Check {
	var c Check
	kinds := 0
	one := func(read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) { kinds++; read(n) }
	}
	r.fields(n, "a check", map[string]func(*yaml.Node){
		"name":        func(n *yaml.Node) { c.Name = r.text(n, "name") },
		"seen_within": func(n *yaml.Node) { c.SeenWithin = r.duration(n, "seen_within") },
		"journeys":    one(func(n *yaml.Node) { c.Journeys = r.host(n, "journeys") }),
		"sessions":    one(func(n *yaml.Node) { c.Sessions = r.oneOf(n, "sessions", "memory", "redis", "postgres") }),
		"affinity":    one(func(n *yaml.Node) { c.Affinity = r.oneOf(n, "affinity", "on", "off") }),
		"seams":       one(func(n *yaml.Node) { c.Seams = r.seams(n) }),
		"owners":      one(func(n *yaml.Node) { c.Owners = r.owners(n, "owners") }),
		"reconcile":   one(func(n *yaml.Node) { c.Reconcile = r.resource(n) }),
		"same":        one(func(n *yaml.Node) { c.Same = r.pair(n) }),
		"answering": one(func(n *yaml.Node) {
			if runs := r.runs(n); len(runs) == 1 {
				c.Answering = runs[0]
				return
			}
			r.fail(n, "answering names not exactly one process: write {monolith: 3}")
		}),
	})
	if c.SeenWithin > 0 && c.Journeys == "" {
		r.fail(n, "seen_within is for journeys: leave it out, or play them")
	}
	if c.Name == "" || kinds != 1 {
		r.fail(n, "a check needs a name and one of answering, affinity, journeys, owners, reconcile, same, seams, sessions")
	}
	return c
}

func (r *stepReader) pair(n *yaml.Node) Pair {
	var p Pair
	r.fields(n, "same", map[string]func(*yaml.Node){
		"direct":  func(n *yaml.Node) { p.Direct = r.host(n, "direct") },
		"through": func(n *yaml.Node) { p.Through = r.host(n, "through") },
	})
	if p.Direct == "" || p.Through == "" {
		r.fail(n, "same names not two hosts: write {direct: monolith, through: gateway}")
	}
	return p
}
