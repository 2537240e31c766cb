package steps

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *stepReader) actions(n *yaml.Node, field string) []Action {
	var all []Action
	r.items(n, field, func(n *yaml.Node) {
		var a Action
		verbs := 0
		known := r.actionFields(&a, &verbs)
		r.fields(n, "an action", known)
		r.oneVerb(n, verbs)
		all = append(all, a)
	})
	return all
}

// Actions reads actions that somebody gives by hand, each as a line of a step has it,
// such as "scale: {monolith: 2}", and checks them as a step's.
func (p Path) Actions(lines []string) ([]Action, error) {
	var all []Action
	for _, line := range lines {
		r := stepReader{reader: reader{file: strconv.Quote(line)}, processes: p.Processes}
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(line), &doc); err != nil || len(doc.Content) == 0 {
			return nil, fmt.Errorf("%q is no action: write one as a step does, such as scale: {monolith: 2}", line)
		}
		all = append(all, r.actions(&yaml.Node{Kind: yaml.SequenceNode, Content: doc.Content}, "actions")...)
		if r.err != nil {
			return nil, r.err
		}
		if err := p.checkAction(all[len(all)-1]); err != nil {
			return nil, err
		}
	}
	return all, p.checkMoves(all)
}

func (r *stepReader) oneVerb(n *yaml.Node, verbs int) {
	if verbs != 1 {
		r.fail(n, "an action does %d things: write exactly one of %s", verbs, strings.Join(verbNames(), ", "))
	}
}

// verbNames are all verbs, in the order of their declaration.
func verbNames() []string {
	var names []string
	for _, v := range []Verb{Start, Stop, Scale, Restart, Kill, Migrate, Sessions, UserCache, Gateway, Entry, Tell, Ramp, Shadow, Hold, Release,
		Await, CatchUp, Backfill, Reconcile, Handover, Discard} {
		names = append(names, string(v))
	}
	return names
}

// actionFields are the fields that an action may have; each verb found is counted.
func (r *stepReader) actionFields(a *Action, verbs *int) map[string]func(*yaml.Node) {
	fields := map[string]func(*yaml.Node){
		"because":   func(n *yaml.Node) { a.Because = r.text(n, "because") },
		"mark":      func(n *yaml.Node) { a.Mark = r.text(n, "mark") },
		"signs_out": func(n *yaml.Node) { a.SignsOut = r.yes(n, "signs_out") },
	}
	verb := func(v Verb, read func(*yaml.Node)) {
		fields[string(v)] = func(n *yaml.Node) { *verbs++; a.Verb = v; read(n) }
	}
	process := func(n *yaml.Node) { a.Process = r.processName(n, string(a.Verb)) }
	host := func(n *yaml.Node) { a.Process = r.host(n, string(a.Verb)) }
	verb(Start, process)
	verb(Stop, process)
	verb(Restart, host)
	verb(Migrate, host)
	verb(Entry, host)
	verb(Sessions, func(n *yaml.Node) { a.Value = r.oneOf(n, "sessions", modes...) })
	verb(UserCache, func(n *yaml.Node) { a.Value = r.oneOf(n, "user_cache", "off", "redis") })
	verb(Tell, func(n *yaml.Node) { a.Environment = r.environment(n) })
	verb(Gateway, func(n *yaml.Node) { a.Value = r.text(n, "gateway") })
	r.moveFields(a, verb)
	r.transferFields(a, verb)
	verb(Kill, func(n *yaml.Node) { a.Process, a.Replica = r.victim(n) })
	verb(Scale, func(n *yaml.Node) {
		runs := r.runs(n)
		if len(runs) != 1 {
			r.fail(n, "scale names not exactly one process: write {monolith: 3}")
			return
		}
		a.Process, a.Replicas = runs[0].Process, runs[0].Replicas
		if r.err == nil && !r.processes[a.Process].Host() {
			r.fail(n, "scale names %q, which is infrastructure: name a host", a.Process)
		}
	})
	return fields
}

// victim is a process (each replica in turn), infrastructure among them, or one
// replica such as monolith-1.
func (r *stepReader) victim(n *yaml.Node) (process, replica string) {
	name := r.text(n, "kill")
	if _, ok := r.processes[name]; ok {
		return name, ""
	}
	if i := strings.LastIndex(name, "-"); i > 0 {
		if p, ok := r.processes[name[:i]]; ok && p.Host() {
			return name[:i], name
		}
	}
	r.fail(n, "kill is %q: name a process, or a replica of a host such as monolith-1", name)
	return "", ""
}

func (r *stepReader) demo(n *yaml.Node) Demo {
	var d Demo
	r.fields(n, "a demo", map[string]func(*yaml.Node){
		"name": func(n *yaml.Node) { d.Name = r.text(n, "name") },
		"at":   func(n *yaml.Node) { d.At = r.text(n, "at") },
		"through": func(n *yaml.Node) {
			if d.Through = r.text(n, "through"); d.Through != RoundRobin {
				d.Through = r.host(n, "through")
			}
		},
		"do": func(n *yaml.Node) { r.items(n, "do", func(n *yaml.Node) { d.Do = append(d.Do, r.act(n)) }) },
	})
	if d.Name == "" || len(d.Do) == 0 {
		r.fail(n, "a demo needs a name and a do list")
	}
	return d
}

func (r *stepReader) act(n *yaml.Node) Act {
	var act Act
	var a Action
	verbs, others := 0, 0
	fields := r.actionFields(&a, &verbs)
	other := func(name string, read func(*yaml.Node)) {
		fields[name] = func(n *yaml.Node) { others++; read(n) }
	}
	other("sign_in", func(n *yaml.Node) { act.SignIn = r.number(n, "sign_in", 1, 200) })
	other("ask", func(n *yaml.Node) { act.Ask = r.number(n, "ask", 1, 100) })
	other("read", func(n *yaml.Node) { act.Read = r.number(n, "read", 1, 1000) })
	other("stale", func(n *yaml.Node) { act.Stale = r.number(n, "stale", 1, 1000) })
	other("measure", func(n *yaml.Node) {
		act.Measure = r.oneOf(n, "measure", Imbalance, Waits, LastRamp, LastReading, LastStale, LastHandover)
	})
	other("fault", func(n *yaml.Node) { act.Fault = r.fault(n) })
	other("expect", func(n *yaml.Node) {
		act.Expect = r.oneOf(n, "expect", EveryoneSignedIn, EveryoneSignedOut, SignedOutAtEveryTurn, OnlyUsersOfKilled,
			PagesWithComments, PagesWithoutComments)
	})
	r.fields(n, "a line of a demo", fields)
	if verbs+others != 1 {
		r.fail(n, "a line of a demo does %d things: write exactly one", verbs+others)
	}
	if verbs == 1 {
		act.Action = &a
	}
	if a.Verb == Tell {
		r.fail(n, "a demo changes the environment, which would stay so after it: write the line in forward or back")
	}
	return act
}

func (r *stepReader) fault(n *yaml.Node) *Fault {
	var f Fault
	r.fields(n, "fault", map[string]func(*yaml.Node){
		"process": func(n *yaml.Node) { f.Process = r.host(n, "process") },
		"delay":   func(n *yaml.Node) { f.Delay = r.duration(n, "delay") },
		"for":     func(n *yaml.Node) { f.For = r.host(n, "for") },
	})
	if f.Process == "" || f.Delay == 0 {
		r.fail(n, "fault needs a process and a delay: write {process: monolith-next, delay: 300ms}")
	}
	return &f
}
