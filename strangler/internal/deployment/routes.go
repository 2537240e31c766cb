package deployment

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/ramp"
)

// Routing is how a step's gateway.yaml becomes the file that this target's gateway
// reads.
type Routing struct {
	Revision int64
	Replicas map[string][]GatewayReplica // by owner; of a replica, name and url
	// Addressed owners keep the address that the step gives them, and have no Replicas.
	Addressed bool
	Home      string                // who has the sessions without an affinity cookie
	Affinity  int                   // the how manieth time affinity is on, from 1
	Shares    map[string]ramp.Share // of canaries, by route, where a ramp has changed them
	// Resources are who owns what, where a hand-over has changed it.
	Resources map[string]Owned
}

// Render fills in revision, replicas, home, resources and shares. Everything else stays as the
// step says it.
func Render(content []byte, to Routing) ([]byte, error) {
	var file map[string]any
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("parse the routes: %w", err)
	}
	owners, ok := file["owners"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the routes have no owners: write owners: {monolith: {address: ...}}")
	}
	file["revision"] = to.Revision
	for _, name := range sortedKeys(owners) {
		owner, ok := owners[name].(map[string]any)
		if !ok {
			return nil, fmt.Errorf("owner %q of the routes has no fields", name)
		}
		if err := list(name, owner, to); err != nil {
			return nil, err
		}
		if affinity, ok := owner["affinity"].(map[string]any); ok {
			pin(affinity, to)
		}
	}
	own(file, to.Resources)
	body, err := yaml.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("write the routes: %w", err)
	}
	for _, route := range sortedKeys(to.Shares) {
		if body, err = ramp.Edit(body, route, to.Shares[route], to.Revision); err != nil {
			return nil, err
		}
	}
	return append([]byte("# Written by strangler; its source is the step's gateway.yaml.\n"), body...), nil
}

// list names an owner's replicas in place of its address.
func list(name string, owner map[string]any, to Routing) error {
	if to.Addressed {
		return nil
	}
	if len(to.Replicas[name]) == 0 {
		return fmt.Errorf("owner %q of the routes does not run: no replica to send requests to", name)
	}
	delete(owner, "address")
	all := []map[string]string{}
	for _, r := range to.Replicas[name] {
		all = append(all, map[string]string{"name": r.Name, "url": r.URL})
	}
	owner["replicas"] = all
	return nil
}

// own fills in who owns the resources that the file has.
func own(file map[string]any, owned map[string]Owned) {
	resources, ok := file["resources"].(map[string]any)
	if !ok {
		return
	}
	for name := range resources {
		if o, moved := owned[name]; moved {
			resources[name] = map[string]any{"owner": o.Owner, "epoch": o.Epoch}
		}
	}
}

// pin fills in whose the sessions without a cookie are, and names the cookie anew
// each time that affinity is turned on (see Routes.Affinity).
func pin(affinity map[string]any, to Routing) {
	if to.Home != "" {
		affinity["home"] = to.Home
	}
	if name, ok := affinity["cookie"].(string); ok && to.Affinity > 1 {
		affinity["cookie"] = name + "_" + strconv.Itoa(to.Affinity)
	}
}

// pins tells whether a step's routes keep a user at one replica.
func pins(content []byte) bool {
	var file struct {
		Owners map[string]struct {
			Affinity map[string]any `yaml:"affinity"`
		} `yaml:"owners"`
	}
	if yaml.Unmarshal(content, &file) != nil {
		return false // Render says what is wrong with it
	}
	for _, o := range file.Owners {
		if o.Affinity != nil {
			return true
		}
	}
	return false
}

// gateways are the replicas that read the routes.
func (r *Run) gateways() []string {
	var names []string
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		if r.path.Processes[all[name].Process].Reads("gateway.file") {
			names = append(names, name)
		}
	}
	return names
}

func (r *Run) stepRoutes(step string) ([]byte, error) { return r.path.Routes(step) }

// takeRoutes gives the gateway another step's routes.
func (r *Run) takeRoutes(ctx context.Context, step string) error {
	content, err := r.stepRoutes(step)
	if err != nil {
		return err
	}
	many := len(r.watchers()) > 1
	if !pins(content) && many && r.state.Settings.Store != "redis" && r.state.Settings.Store != "postgres" {
		return fmt.Errorf("the routes of %s send users to any replica, but sessions are in %s: affinity goes off only when sessions are in Redis alone",
			step, r.state.Settings.Store)
	}
	if pins(content) && !r.Pinned() {
		r.state.Routes.Affinity++
	}
	r.state.Routes.Step, r.state.Routes.Shares = step, nil
	if !pins(content) {
		r.state.Routes.Home = ""
	} else if r.state.Routes.Home == "" {
		// Who was here before affinity belongs to the first replica: it was alone.
		if first := r.watchers(); len(first) > 0 {
			r.state.Routes.Home = r.on.upstream(first[0]).Name
		}
	}
	return r.route(ctx, nil)
}

// route writes the gateway's file for the replicas that run, without those named,
// and waits until every gateway has it in force. Where owners keep their address, a file
// that says the same already is left alone.
func (r *Run) route(ctx context.Context, without []string) error {
	if r.state.Routes.Step == "" {
		return nil
	}
	fleet := r.fleet()
	before := fleet.Refusals(ctx)
	highest := fleet.Highest(ctx, inForceWithin, r.state.Routes.Revision)
	if !r.on.named() && highest <= r.state.Routes.Revision && r.routed() {
		return r.routesInForce(ctx, before)
	}
	if err := r.writeRoutes(ctx, without, highest+1); err != nil {
		return err
	}
	return r.routesInForce(ctx, before)
}

// routed tells whether the file that was delivered last is what would be written now.
func (r *Run) routed() bool {
	want, err := r.renderRoutes(nil, r.state.Routes.Revision)
	if err != nil {
		return false
	}
	is, err := os.ReadFile(r.folder.path(routesName))
	return err == nil && bytes.Equal(is, want)
}

// writeRoutes writes the gateway's file under this revision, which no gateway has
// reached: one that was steered by its admin port would not take a lower one.
func (r *Run) writeRoutes(ctx context.Context, without []string, revision int64) error {
	rendered, err := r.renderRoutes(without, revision)
	if err != nil {
		return err
	}
	r.state.Routes.Revision = revision
	if err := r.save(); err != nil {
		return err
	}
	return r.publish(ctx, routesName, rendered, 0o644)
}

func (r *Run) renderRoutes(without []string, revision int64) ([]byte, error) {
	content, err := r.stepRoutes(r.state.Routes.Step)
	if err != nil {
		return nil, err
	}
	rendered, err := Render(content, Routing{
		Revision: revision, Addressed: !r.on.named(), Home: r.state.Routes.Home, Affinity: r.state.Routes.Affinity, Replicas: r.upstreams(without),
		Shares: r.state.Routes.Shares, Resources: r.state.Routes.Resources,
	})
	if err != nil {
		return nil, fmt.Errorf("routes of %s: %w", r.state.Routes.Step, err)
	}
	return rendered, nil
}

// upstreams are the replicas of every host, as owners by the process's name.
func (r *Run) upstreams(without []string) map[string][]GatewayReplica {
	owners := map[string][]GatewayReplica{}
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		i := all[name]
		if slices.Contains(without, name) || !r.path.Processes[i.Process].Host() {
			continue
		}
		seen := r.on.upstream(name)
		if f, broken := r.faults[name]; broken {
			seen.URL = f.url
		}
		owners[i.Process] = append(owners[i.Process], seen)
	}
	return owners
}

// inForceWithin bounds how long a gateway may take to see a replica.
const inForceWithin = 15 * time.Second

// routesInForce waits until every gateway that runs has the file in force. before is
// what they had refused before it was written.
func (r *Run) routesInForce(ctx context.Context, before map[string]ramp.Refused) error {
	text, err := os.ReadFile(r.folder.path(routesName))
	if err != nil {
		return fmt.Errorf("the routes of %s: %w", r.state.Routes.Step, err)
	}
	if err := r.fleet().Await(ctx, r.state.Routes.Revision, text, before); err != nil {
		return fmt.Errorf("the routes of %s: %w", r.state.Routes.Step, err)
	}
	return nil
}
