package steps

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/ramp"
)

// Move is what the verbs ramp, shadow, hold and release need to know.
type Move struct {
	Routes []string `json:"routes"` // ramp and shadow have one
	// To is the share to reach, by Steps, each of which is watched for Hold.
	To    ramp.Share   `json:"to,omitempty"`
	Steps []ramp.Share `json:"steps,omitempty"`
	// For is how long a share is watched (ramp), how long the answers may take to
	// come (shadow), and how long it may take until nothing is under way (hold).
	For time.Duration `json:"for,omitempty"`
	// Answers is how many the canary must have given at each share (ramp), or how
	// many must have been compared (shadow).
	Answers int         `json:"answers,omitempty"`
	TooFew  ramp.Choice `json:"too_few,omitempty"`
	// Floor is what the canary's percentiles may be longer by, whatever their ratio
	// (ramp); 0 is what the command has.
	Floor time.Duration `json:"floor,omitempty"`
	// Worse says that the ramp must be stopped because the canary is worse: a demo's
	// red half.
	Worse bool `json:"worse,omitempty"`
}

// Route is the one that ramp and shadow are about.
func (m Move) Route() string { return m.Routes[0] }

func (a Action) moveString() string {
	m := a.Move
	switch a.Verb {
	case Ramp:
		if len(m.Steps) == 0 {
			return fmt.Sprintf("ramp %s to %s", m.Route(), m.To)
		}
		var by []string
		for _, s := range ramp.Shares(m.Steps, m.To) {
			by = append(by, s.String())
		}
		return fmt.Sprintf("ramp %s by %s, each watched for %s", m.Route(), strings.Join(by, ", "), m.For)
	case Shadow:
		return fmt.Sprintf("compare %d answers of %s in the shadow", m.Answers, m.Route())
	case Hold:
		return "hold " + strings.Join(m.Routes, ", ")
	default:
		return "release " + strings.Join(m.Routes, ", ")
	}
}

// moveFields are the verbs that move users between owners.
func (r *stepReader) moveFields(a *Action, verb func(Verb, func(*yaml.Node))) {
	move := func(read func(*yaml.Node) Move) func(*yaml.Node) {
		return func(n *yaml.Node) { m := read(n); a.Move = &m }
	}
	verb(Ramp, move(r.ramp))
	verb(Shadow, move(r.shadow))
	verb(Hold, move(r.hold))
	verb(Release, move(func(n *yaml.Node) Move { return Move{Routes: r.routes(n, "release")} }))
}

func (r *stepReader) ramp(n *yaml.Node) Move {
	m := Move{TooFew: ramp.GoBack, Answers: int(ramp.Defaults().MinRequests)}
	to := false
	r.fields(n, "ramp", map[string]func(*yaml.Node){
		"route": func(n *yaml.Node) { m.Routes = []string{r.text(n, "route")} },
		"to":    func(n *yaml.Node) { to = true; m.To = r.share(n, "to") },
		"steps": func(n *yaml.Node) {
			r.items(n, "steps", func(n *yaml.Node) { m.Steps = append(m.Steps, r.share(n, "steps")) })
			if !slices.IsSorted(m.Steps) {
				r.fail(n, "steps don't rise: write [1, 25]")
			}
		},
		"hold":    func(n *yaml.Node) { m.For = r.duration(n, "hold") },
		"answers": func(n *yaml.Node) { m.Answers = r.number(n, "answers", 1, 1_000_000) },
		"too_few": func(n *yaml.Node) {
			m.TooFew = ramp.Choice(r.oneOf(n, "too_few", string(ramp.GoBack), string(ramp.Stay), string(ramp.GoOn)))
		},
		"floor": func(n *yaml.Node) { m.Floor = r.duration(n, "floor") },
		"worse": func(n *yaml.Node) { m.Worse = r.yes(n, "worse") },
	})
	if len(m.Routes) == 0 || !to || m.To > 0 && m.For == 0 {
		r.fail(n, "ramp needs a route, to and hold: write {route: reads, to: 100, steps: [1, 25], hold: 30s}; to: 0 needs no hold")
	}
	return m
}

func (r *stepReader) shadow(n *yaml.Node) Move {
	var m Move
	r.fields(n, "shadow", map[string]func(*yaml.Node){
		"route":   func(n *yaml.Node) { m.Routes = []string{r.text(n, "route")} },
		"answers": func(n *yaml.Node) { m.Answers = r.number(n, "answers", 1, 1_000_000) },
		"within":  func(n *yaml.Node) { m.For = r.duration(n, "within") },
	})
	if len(m.Routes) == 0 || m.Answers == 0 || m.For == 0 {
		r.fail(n, "shadow needs a route, answers and within: write {route: reads, answers: 100, within: 1m}")
	}
	return m
}

// longestHold is as long as a gateway lets one hold for at once.
const longestHold = time.Minute

func (r *stepReader) hold(n *yaml.Node) Move {
	var m Move
	r.fields(n, "hold", map[string]func(*yaml.Node){
		"routes": func(n *yaml.Node) { m.Routes = r.routes(n, "routes") },
		"for":    func(n *yaml.Node) { m.For = r.duration(n, "for") },
	})
	if len(m.Routes) == 0 || m.For == 0 || m.For > longestHold {
		r.fail(n, "hold needs routes and for, up to %s: write {routes: [writes], for: 10s}", longestHold)
	}
	return m
}

// routes is a name or a list of them.
func (r *stepReader) routes(n *yaml.Node, field string) []string {
	if n.Kind == yaml.ScalarNode {
		return []string{r.text(n, field)}
	}
	return r.texts(n, field)
}

func (r *stepReader) share(n *yaml.Node, field string) ramp.Share {
	s, err := ramp.ParseShare(n.Value)
	if err != nil {
		r.fail(n, "%s: %v", field, err)
	}
	return s
}

func (r *reader) duration(n *yaml.Node, field string) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d <= 0 {
		r.fail(n, "%s is %s: write a duration above 0, such as 10s", field, describe(n))
	}
	return d
}

// checkMoves finds routes that no gateway.yaml has, and holds that nobody ends.
func (p Path) checkMoves(list []Action) error {
	var held []string
	for _, a := range list {
		if a.Verb == Handover {
			for _, name := range a.Transfer.Holds {
				if err := p.knowsRoute(name); err != nil {
					return fmt.Errorf("action %q: %w", a, err)
				}
			}
		}
		if a.Move == nil {
			continue
		}
		for _, name := range a.Move.Routes {
			if err := p.knowsRoute(name); err != nil {
				return fmt.Errorf("action %q: %w", a, err)
			}
		}
		switch {
		case a.Verb == Hold && held != nil:
			return fmt.Errorf("action %q: %s is held already: release it first", a, strings.Join(held, ", "))
		case a.Verb == Hold:
			held = a.Move.Routes
		case a.Verb == Release && !slices.Equal(held, a.Move.Routes):
			return fmt.Errorf("action %q: that is not what is held (%s)", a, strings.Join(held, ", "))
		case a.Verb == Release:
			held = nil
		}
	}
	if held != nil {
		return fmt.Errorf("%s is held and never released: write {release: [%s]} after it", strings.Join(held, ", "), strings.Join(held, ", "))
	}
	return nil
}

func (p Path) knowsRoute(name string) error {
	var known []string
	for _, s := range p.Steps {
		for _, file := range s.gatewayFiles() {
			names, err := ramp.RouteNames(file)
			if err != nil {
				return err
			}
			known = append(known, names...)
		}
	}
	if slices.Contains(known, name) {
		return nil
	}
	slices.Sort(known)
	return fmt.Errorf("no gateway.yaml has a route %q: there are %s", name, strings.Join(slices.Compact(known), ", "))
}
