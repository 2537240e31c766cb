package steps

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Table holds a text for each of some names, by process: environment variables with
// their values, or seams.
type Table map[string]map[string]string

// String is the table as a line of a plan: "monolith STORES=features".
func (t Table) String() string {
	var all []string
	for _, process := range sorted(t) {
		for _, name := range sorted(t[process]) {
			all = append(all, fmt.Sprintf("%s %s=%s", process, name, t[process][name]))
		}
	}
	return strings.Join(all, ", ")
}

// With returns the table with what other says written over it. Neither is changed.
func (t Table) With(other Table) Table {
	all := Table{}
	for _, from := range []Table{t, other} {
		for process, names := range from {
			if all[process] == nil {
				all[process] = map[string]string{}
			}
			maps.Copy(all[process], names)
		}
	}
	return all
}

// table reads hosts with names and values; each value is read by one.
func (r *stepReader) table(n *yaml.Node, field string, one func(process string, name, value *yaml.Node) string) Table {
	all := Table{}
	r.pairs(n, field, func(key, value *yaml.Node) {
		process := r.host(key, field)
		if all[process] != nil {
			r.fail(key, "%s names %q twice: remove one", field, process)
		}
		all[process] = map[string]string{}
		r.pairs(value, field+"."+process, func(name, value *yaml.Node) {
			if _, twice := all[process][name.Value]; twice {
				r.fail(name, "%s.%s names %q twice: remove one", field, process, name.Value)
			}
			all[process][name.Value] = one(process, name, value)
		})
		if len(all[process]) == 0 {
			r.fail(key, "%s.%s is empty: write {NAME: value}", field, process)
		}
	})
	if len(all) == 0 {
		r.fail(n, "%s is empty: write {monolith: {NAME: value}}", field)
	}
	return all
}

// environment changes variables that processes.yaml names, no others: so each has a
// value before the first step that changes it, to which the way back leads, and a name
// that is misspelled is found here and not by a program that never looks at it.
func (r *stepReader) environment(n *yaml.Node) Table {
	return r.table(n, "environment", func(process string, name, value *yaml.Node) string {
		known := r.processes[process].Environment
		if _, ok := known[name.Value]; !ok {
			r.fail(name, "environment.%s.%s: processes.yaml gives %s no such variable: add it there, with the value of the first step, or use one of %s",
				process, name.Value, process, strings.Join(sorted(known), ", "))
		}
		return r.environmentValue(value, name.Value)
	})
}

func (r *stepReader) seams(n *yaml.Node) Table {
	return r.table(n, "seams", r.seam("seams"))
}

func (r *stepReader) seam(field string) func(process string, name, value *yaml.Node) string {
	return func(process string, name, value *yaml.Node) string {
		return r.text(value, field+"."+process+"."+name.Value)
	}
}

// tell notes what replicas are told from now on, and who runs on with what was said
// before.
func (o *outcome) tell(processes map[string]Process, t Table) {
	for process, names := range t {
		for name, value := range names {
			key := process + " " + name
			is, changed := o.environment[key]
			if !changed {
				is = processes[process].Environment[name]
			}
			if is == value {
				continue
			}
			if o.environment[key] = value; value == processes[process].Environment[name] {
				delete(o.environment, key)
			}
			if o.replicas[process] > 0 {
				o.stale[process] = true
			}
		}
	}
}

// lines are what differs from processes.yaml, for a message.
func (o outcome) lines() string {
	if len(o.environment) == 0 {
		return "what processes.yaml says"
	}
	var all []string
	for _, key := range sorted(o.environment) {
		all = append(all, key+"="+o.environment[key])
	}
	return strings.Join(all, ", ")
}

func (o outcome) staleNames() string {
	return strings.Join(slices.Sorted(maps.Keys(o.stale)), ", ")
}
