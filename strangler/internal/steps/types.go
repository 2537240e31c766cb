package steps

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Path is the whole way, in order.
type Path struct {
	Root      string // the repository
	Steps     []Step
	Processes map[string]Process
}

// Process is how something that runs is started.
type Process struct {
	Name           string
	Infrastructure string            // postgres, redis, kafka or mail; empty for a host
	Package        string            // the Go package of a host, from the root
	Migrate        []string          // arguments that bring its database to the newest schema
	Seed           []string          // arguments, before the flags, that fill it
	Role           []string          // arguments, before email and role, that give somebody a role
	Validate       []string          // arguments, before a file, that check a gateway.yaml
	Discard        []string          // arguments that empty its database, when it is given up
	Resources      map[string]string // what it may own: OwnsAtFirst or FollowsAtFirst, by resource
	Environment    map[string]string // with ${...} for what the target knows
}

// Host tells whether it is a program of this repository.
func (p Process) Host() bool { return p.Package != "" }

// Reads tells whether its environment names what, such as settings.file.
func (p Process) Reads(what string) bool {
	for _, v := range p.Environment {
		if strings.Contains(v, "${"+what+"}") {
			return true
		}
	}
	return false
}

// Step is one folder of the path: an end state, the way to it and the way back.
type Step struct {
	Name      string // the folder's
	Title     string
	Hurts     string // what hurts before it
	Changes   string
	Runs      []Run // in the order of starting
	Entry     string
	Sessions  string
	UserCache string
	// Environment is what processes are told otherwise than processes.yaml says. As
	// all of an end state it stands in each step: none is inherited.
	Environment Table
	// Owners are the processes that own resources, where that is not who did at first.
	Owners  map[string]string
	Gateway []byte // gateway.yaml, empty without one
	// Variants are the folder's gateway.NAME.yaml by NAME: other routes for a while,
	// such as those of a canary.
	Variants map[string][]byte
	Forward  []Action
	Back     []Action
	Checks   []Check
	Demos    []Demo
}

// Run is so many replicas of a process.
type Run struct {
	Process  string
	Replicas int
}

// Replicas of a process in the step's end state.
func (s Step) Replicas(process string) int {
	for _, r := range s.Runs {
		if r.Process == process {
			return r.Replicas
		}
	}
	return 0
}

// Verb is what an action does.
type Verb string

// The verbs that a forward, back or do list may use.
const (
	Start     Verb = "start"       // a process, with the replicas of the step's end state
	Stop      Verb = "stop"        // all replicas of a process
	Scale     Verb = "scale"       // a process to so many replicas, telling the others and the gateway
	Restart   Verb = "restart"     // one replica after another
	Kill      Verb = "kill"        // one replica, or each of a process in turn, with SIGKILL; then start it again, with its data
	Migrate   Verb = "migrate"     // the database of a host
	Sessions  Verb = "sessions"    // to the mode, by every mode between, waiting for all replicas
	UserCache Verb = "user_cache"  // off or redis
	Gateway   Verb = "gateway"     // takes the gateway.yaml of a step, or its variant: STEP/NAME
	Entry     Verb = "entry"       // users come by this process from now on
	Tell      Verb = "environment" // what replicas are told that start from now on
	Ramp      Verb = "ramp"        // a route's canary to a share, taken back when it is worse
	Shadow    Verb = "shadow"      // waits until so many answers were compared, and none differed
	Hold      Verb = "hold"        // new requests of routes wait; returns when none is under way
	Release   Verb = "release"     // what is held goes on
	Await     Verb = "await"       // waits until every replica reports these seams
	CatchUp   Verb = "catch_up"    // waits until what was told is sent and applied by these hosts
	Backfill  Verb = "backfill"    // sends a resource's rows to who follows, and waits until all are there
	Reconcile Verb = "reconcile"   // compares both sides of a resource; a difference is an error
	Handover  Verb = "handover"    // makes a process the owner of a resource
	Discard   Verb = "discard"     // empties the database of a host that does not run
)

// Action is one thing to do. Which fields count depends on the verb.
type Action struct {
	Verb     Verb   `json:"verb"`
	Process  string `json:"process,omitempty"`
	Replica  string `json:"replica,omitempty"`  // kill: its name, empty for each in turn
	Replicas int    `json:"replicas,omitempty"` // start, scale
	Value    string `json:"value,omitempty"`    // sessions, user_cache, gateway
	// SignsOut says that people on the replicas it ends lose their sessions, and
	// that this is known. Without it the target refuses such an action.
	SignsOut bool `json:"signs_out,omitempty"`
	// Environment is what processes are told from their next start on.
	Environment Table     `json:"environment,omitempty"`
	Seams       Table     `json:"seams,omitempty"`    // await
	Hosts       []string  `json:"hosts,omitempty"`    // catch_up
	Move        *Move     `json:"move,omitempty"`     // ramp, shadow, hold, release
	Transfer    *Transfer `json:"transfer,omitempty"` // backfill, reconcile, handover
	Mark        string    `json:"mark,omitempty"`     // a place for demos
	Because     string    `json:"because,omitempty"`
}

// String is the action as a line of a plan.
func (a Action) String() string {
	switch a.Verb {
	case Start:
		if a.Replicas > 1 {
			return fmt.Sprintf("start %d replicas of %s", a.Replicas, a.Process)
		}
		return "start " + a.Process
	case Stop:
		return "stop " + a.Process
	case Scale:
		return fmt.Sprintf("scale %s to %d", a.Process, a.Replicas)
	case Restart:
		return "restart " + a.Process
	case Kill:
		if a.Replica == "" {
			return "kill each replica of " + a.Process + " in turn"
		}
		return "kill " + a.Replica
	case Migrate:
		return "migrate the database of " + a.Process
	case Sessions:
		return "move sessions to " + a.Value
	case UserCache:
		return "user cache " + a.Value
	case Gateway:
		return "give the gateway the routes of " + a.Value
	case Entry:
		return "send users to " + a.Process
	case Tell:
		return "tell " + a.Environment.String() + " from the next start on"
	case Ramp, Shadow, Hold, Release:
		return a.moveString()
	case Backfill, Reconcile, Handover:
		return a.transferString()
	case Discard:
		return "discard the data of " + a.Process
	case CatchUp:
		return "wait until " + strings.Join(a.Hosts, " and ") + " have sent and applied what was told"
	case Await:
		return "wait until every replica reports " + a.Seams.String()
	default:
		return string(a.Verb)
	}
}

// Check is what must hold once a step is reached. Exactly one of the kinds is set.
type Check struct {
	Name     string
	Journeys string // the process through which the acceptance suite is played
	// SeenWithin is how long others may take to see what somebody wrote (journeys): a
	// step in which reads are answered by a copy. Who wrote it sees it at once.
	SeenWithin time.Duration
	Sessions   string // the mode that every replica reports
	Affinity   string // on or off, as the gateway reports
	Answering  Run    // so many replicas answer through the gateway
	Seams      Table  // what each replica of these processes reports of its seams
	// Owners are who owns which resource, as both sides' databases and every gateway say.
	Owners    map[string]string
	Reconcile string // the resource whose two sides hold the same
	Same      Pair   // what one answers, the other answers too, byte for byte where it matters
}

// Pair is two ways to the same thing.
type Pair struct{ Direct, Through string }

// Routes are the gateway's routes of a name: a step's, or STEP/NAME for a variant.
func (p Path) Routes(name string) ([]byte, error) {
	step, variant, _ := strings.Cut(name, "/")
	file := "gateway.yaml"
	i, err := p.Index(step)
	if err != nil {
		return nil, err
	}
	content := p.Steps[i].Gateway
	if variant != "" {
		file, content = "gateway."+variant+".yaml", p.Steps[i].Variants[variant]
	}
	if len(content) == 0 {
		return nil, fmt.Errorf("there is no %s", filepath.Join(Folder, p.Steps[i].Name, file))
	}
	return content, nil
}

// gatewayFiles are gateway.yaml and its variants.
func (s Step) gatewayFiles() [][]byte {
	files := [][]byte{}
	if len(s.Gateway) > 0 {
		files = append(files, s.Gateway)
	}
	for _, name := range sorted(s.Variants) {
		files = append(files, s.Variants[name])
	}
	return files
}

// Index finds a step by its name or by the beginning of it, such as 03.
func (p Path) Index(name string) (int, error) {
	found := -1
	for i, s := range p.Steps {
		if s.Name == name {
			return i, nil
		}
		if name != "" && strings.HasPrefix(s.Name, name) {
			if found >= 0 {
				return 0, fmt.Errorf("step %q is both %s and %s: write more of the name", name, p.Steps[found].Name, s.Name)
			}
			found = i
		}
	}
	if found < 0 {
		return 0, fmt.Errorf("there is no step %q: take one of %s", name, strings.Join(p.Names(), ", "))
	}
	return found, nil
}

// Names of all steps, in order.
func (p Path) Names() []string {
	names := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		names[i] = s.Name
	}
	return names
}

// Marks are the places that a step's lists name.
func (s Step) Marks() []string {
	var marks []string
	for _, a := range slices.Concat(s.Forward, s.Back) {
		if a.Mark != "" {
			marks = append(marks, a.Mark)
		}
	}
	return marks
}
