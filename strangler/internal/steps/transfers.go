package steps

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Transfer is what the verbs backfill, reconcile and handover need to know.
type Transfer struct {
	Resource string `json:"resource"`
	// Rate is how many rows a second are sent at most (backfill); 0 is as fast as the
	// owner's own bound has it.
	Rate int `json:"rate,omitempty"`
	// Times is how often both sides are compared, one after another (reconcile).
	Times int `json:"times,omitempty"`
	// To is the process that is to own the resource (handover).
	To string `json:"to,omitempty"`
	// Holds are routes that wait beside those of the resource (handover): pages that
	// write it.
	Holds []string `json:"holds,omitempty"`
	// Unchecked leaves out the comparison before (handover). A step can't say so.
	Unchecked bool `json:"unchecked,omitempty"`
	// Within bounds how long it may take; 0 is what the target has.
	Within time.Duration `json:"within,omitempty"`
}

func (a Action) transferString() string {
	t := a.Transfer
	switch a.Verb {
	case Backfill:
		if t.Rate > 0 {
			return fmt.Sprintf("backfill %s, up to %d rows a second", t.Resource, t.Rate)
		}
		return "backfill " + t.Resource
	case Reconcile:
		if t.Times > 1 {
			return fmt.Sprintf("reconcile %s, %d times", t.Resource, t.Times)
		}
		return "reconcile " + t.Resource
	default:
		text := fmt.Sprintf("hand %s over to %s", t.Resource, t.To)
		if len(t.Holds) > 0 {
			text += ", holding " + strings.Join(t.Holds, ", ") + " too"
		}
		return text
	}
}

// MovesState tells whether the action changes what the databases hold in a way that
// a fresh start has to do as well.
func (a Action) MovesState() bool { return a.Verb == Backfill || a.Verb == Handover }

// transferFields are the verbs that move a resource's data and ownership.
func (r *stepReader) transferFields(a *Action, verb func(Verb, func(*yaml.Node))) {
	transfer := func(read func(*yaml.Node) Transfer) func(*yaml.Node) {
		return func(n *yaml.Node) { t := read(n); a.Transfer = &t }
	}
	verb(Backfill, transfer(r.backfill))
	verb(Reconcile, transfer(r.reconcile))
	verb(Handover, transfer(r.handover))
	verb(Discard, func(n *yaml.Node) {
		a.Process = r.host(n, "discard")
		if r.err == nil && len(r.processes[a.Process].Discard) == 0 {
			r.fail(n, "discard is %q, which processes.yaml gives no discard command: add it there", a.Process)
		}
	})
	verb(CatchUp, func(n *yaml.Node) { a.Hosts = r.listeners(n) })
	verb(Await, func(n *yaml.Node) { a.Seams = r.table(n, "await", r.seam("await")) })
}

func (r *stepReader) backfill(n *yaml.Node) Transfer {
	var t Transfer
	r.fields(n, "backfill", map[string]func(*yaml.Node){
		"resource": func(n *yaml.Node) { t.Resource = r.resource(n) },
		"rate":     func(n *yaml.Node) { t.Rate = r.number(n, "rate", 1, 10_000_000) },
		"within":   func(n *yaml.Node) { t.Within = r.duration(n, "within") },
	})
	if t.Resource == "" {
		r.fail(n, "backfill needs a resource: write {resource: comments}")
	}
	return t
}

func (r *stepReader) reconcile(n *yaml.Node) Transfer {
	t := Transfer{Times: 1}
	r.fields(n, "reconcile", map[string]func(*yaml.Node){
		"resource": func(n *yaml.Node) { t.Resource = r.resource(n) },
		"times":    func(n *yaml.Node) { t.Times = r.number(n, "times", 1, 10) },
		"within":   func(n *yaml.Node) { t.Within = r.duration(n, "within") },
	})
	if t.Resource == "" {
		r.fail(n, "reconcile needs a resource: write {resource: comments}")
	}
	return t
}

func (r *stepReader) handover(n *yaml.Node) Transfer {
	var t Transfer
	var to *yaml.Node
	r.fields(n, "handover", map[string]func(*yaml.Node){
		"resource": func(n *yaml.Node) { t.Resource = r.resource(n) },
		"to":       func(n *yaml.Node) { to = n },
		"holds":    func(n *yaml.Node) { t.Holds = r.routes(n, "holds") },
		"within":   func(n *yaml.Node) { t.Within = r.duration(n, "within") },
	})
	if t.Resource == "" || to == nil {
		r.fail(n, "handover needs a resource and to: write {resource: comments, to: monolith}")
		return t
	}
	t.To = r.side(to, "to", t.Resource)
	return t
}

// listeners are hosts that tell one another of what is written, as [comments, monolith].
func (r *stepReader) listeners(n *yaml.Node) (names []string) {
	r.items(n, "catch_up", func(n *yaml.Node) {
		name := r.host(n, "catch_up")
		if slices.Contains(names, name) {
			r.fail(n, "catch_up names %q twice: remove one", name)
		}
		names = append(names, name)
	})
	if len(names) == 0 {
		r.fail(n, "catch_up is empty: write [comments, monolith]")
	}
	return names
}
