package deployment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// The targets, as --target names them.
const (
	Local   = "local"   // child processes on this machine
	Compose = "compose" // containers of this machine's engine, by docker compose
	// Kubernetes is a namespace of a cluster, by kubectl.
	Kubernetes = "kubernetes"
)

// Targets are all that --target takes.
var Targets = []string{Local, Compose, Kubernetes}

// Target is where a run runs, and is remembered with it.
type Target struct {
	Name string `json:"name"`
	// Images is where hosts' images come from, as PREFIX/HOST:STEP; empty for those of
	// this checkout. Of targets with images.
	Images string `json:"images,omitempty"`
	// Context and Namespace are where on Kubernetes; empty are the current context, which
	// is remembered then, and "banyan".
	Context   string `json:"context,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// URL is where users come in, on Kubernetes, when that can't be found out.
	URL string `json:"url,omitempty"`
	// Kustomize is the folder that has a kustomization for each step, by the step's name;
	// empty is migration-steps.
	Kustomize string `json:"kustomize,omitempty"`
}

// orchestrator is what a target does to processes; Run decides when. Every method that
// changes something is done again after a crash of the tool, and does then what is
// left. Names of replicas are the target's own: Run keeps none of them across a change,
// and asks replicas again.
//
// It is used by one goroutine, but for publicURL and entry, which FollowEntry calls on
// an orchestrator of its own with nothing but the run's state.
type orchestrator interface {
	// prepare makes what processes are started from on the way to a step (programs,
	// images), and finds out that the target answers. It comes before every bring-up,
	// walk and revival, and says what is missing and how to get it.
	prepare(ctx context.Context, to int) error

	// replicas are those that should be there, by name: running, starting or dead.
	replicas() map[string]*Instance
	// alive tells whether a replica runs. What it knows may be half a second old.
	alive(name string) bool

	// grow starts what is missing of so many replicas, and returns when all are ready.
	grow(ctx context.Context, p steps.Process, want int) error
	// shrink ends replicas until so many are left; none is a stop. Each finishes what is
	// in flight, and gets nothing new before it ends.
	shrink(ctx context.Context, p steps.Process, want int) error
	// restart replaces each replica by one with the present environment (told), one after
	// another, so that no request fails where there is more than one.
	restart(ctx context.Context, p steps.Process) error
	// kill is kill -9 of one replica without a word to anybody. It returns when there is
	// one in its place, with the present environment, and ready.
	kill(ctx context.Context, p steps.Process, name string) error
	// revive starts what is dead, as a supervisor would, infrastructure first.
	revive(ctx context.Context) error
	// once runs a host's program with other arguments and waits for its end; its last
	// words are the error's. Nobody asks it anything meanwhile.
	once(ctx context.Context, p steps.Process, args []string) error
	// end ends and removes everything that belongs to the run, and nothing else.
	end(ctx context.Context) error

	// publicURL and adminURL are a replica's two ports for this command, on loopback.
	publicURL(name string) string
	adminURL(name string) string
	// entry is where users come in to a process, from outside; it stays when this command
	// has ended.
	entry(p steps.Process) (string, error)

	// upstream is a replica as gateways call and reach it. named tells whether routes
	// list replicas one by one; else owners keep the address that the step's gateway.yaml
	// gives them, and gateways find out by themselves who is behind it.
	upstream(name string) GatewayReplica
	named() bool
	// peers are the admin ports of replicas, as their peers reach them. Some of them may
	// not have been started yet.
	peers(names []string) ([]string, error)
	// address is what ${what} of processes.yaml stands for, for who asks: all of
	// steps.Known but entry.url and identity.key, and postgres.url:NAME and HOST.urls.
	address(ctx context.Context, what, asker string) (string, error)

	// deliver brings settings.yaml or gateway.yaml to who watches it. Run waits for
	// their word that it is in force.
	deliver(ctx context.Context, file string, content []byte) error
	// spreads is how much longer than the blink of a file system a delivered file, or the
	// word of a new replica, may take to get around.
	spreads() time.Duration

	// describe says of a replica what status shows beside its name: its identity (a
	// container's name, none for a process), and what else there is to say.
	describe(name string) (id, detail string)
	// logs gives what replicas have written since then, or more, one after another; also
	// what those wrote that have ended, where it is kept. The error tells of those that
	// could not be read.
	logs(ctx context.Context, since time.Time, read logReader) error
	// close ends what serves only this command.
	close() error
}

// attach gives the run the orchestrator of its target.
func (r *Run) attach() error {
	switch r.state.Target.Name {
	case "", Local:
		r.on = newLocal(r)
	case Compose:
		r.on = newCompose(r)
	case Kubernetes:
		r.on = newKubernetes(r)
	default:
		return fmt.Errorf("--target %q is none: use one of %s", r.state.Target.Name, strings.Join(Targets, ", "))
	}
	return nil
}

// beginOn chooses what a new run needs on its target.
func (r *Run) beginOn() error {
	if err := r.attach(); err != nil {
		return err
	}
	if r.state.Target.Name == Compose {
		return errors.Join(r.composeFile(), r.beginCompose())
	}
	return r.beginKubernetes()
}

// Target is where the run runs.
func (r *Run) Target() Target {
	if r.state.Target.Name == "" {
		return Target{Name: Local}
	}
	return r.state.Target
}

// onThisMachine is what only child processes can do, for the tour; what says it.
func (r *Run) onThisMachine(what string) (*local, error) {
	if l, ok := r.on.(*local); ok {
		return l, nil
	}
	return nil, fmt.Errorf("%s is only possible on --target %s, and this run is on %s", what, Local, r.Target().Name)
}
