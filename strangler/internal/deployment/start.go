package deployment

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// readyWithin bounds a start. The slowest is PostgreSQL's first one, with initdb
// and perhaps a fetch.
const (
	readyWithin          = 30 * time.Second
	infrastructureWithin = 6 * time.Minute
)

// replicaName of a host's replica; infrastructure has one and no number.
func replicaName(p steps.Process, i int) string {
	if !p.Host() {
		return p.Name
	}
	return p.Name + "-" + strconv.Itoa(i)
}

func (r *Run) log(name string) string { return r.folder.path(logsName, name+".log") }

// children are the launcher of this machine: child processes that outlive the command.
type children struct{ run *Run }

func (c children) alive(name string) bool { return c.run.state.Processes[name].alive() }

func (c children) stop(ctx context.Context, name string) error {
	return c.run.state.Processes[name].end(ctx, patience)
}

func (c children) kill(_ context.Context, name string) error {
	return c.run.state.Processes[name].kill()
}

func (c children) start(ctx context.Context, p steps.Process, name string) error {
	r := c.run
	if c.alive(name) {
		return nil
	}
	if !p.Host() {
		return c.startInfrastructure(ctx, p)
	}
	ports, err := r.ports(name)
	if err != nil {
		return err
	}
	for _, port := range []int{ports.Public, ports.Admin} {
		if err := awaitFree(ctx, name, port); err != nil {
			return err
		}
	}
	env, err := c.environment(ctx, p, name, ports)
	if err != nil {
		return err
	}
	i, err := c.launch(p, name, r.folder.path("bin", filepath.Base(p.Package)), nil, env)
	if err != nil {
		return err
	}
	return c.awaitReady(ctx, i, readyWithin, func(ctx context.Context) error {
		return r.ready(ctx, "http://"+loopback(ports.Admin)+"/readyz")
	})
}

// awaitFree gives a killed process's port a moment.
func awaitFree(ctx context.Context, name string, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var err error
	if await(ctx, 20*time.Millisecond, func() bool { err = free(port); return err == nil }) {
		return nil
	}
	return fmt.Errorf("the port %d of %s is taken by another program (%w): end that program and try again", port, name, err)
}

// launch spawns and remembers: the state is saved right after, and what is not
// named in it can't be cleaned up.
func (c children) launch(p steps.Process, name, program string, args, env []string) (*Instance, error) {
	r := c.run
	pid, err := spawn(program, args, env, r.log(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	started, err := startTime(pid)
	if err != nil {
		started = "ended" // at once; awaitReady tells why
	}
	i := &Instance{Name: name, Process: p.Name, PID: pid, Started: started}
	r.state.Processes[name] = i
	return i, r.save()
}

// awaitReady asks until the process is ready. If it ends instead, its last words
// are the error: they say more than we could.
func (c children) awaitReady(ctx context.Context, i *Instance, within time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if !i.alive() {
			return fmt.Errorf("%s ended at its start; the last lines of %s:\n%s", i.Name, c.run.log(i.Name), lastLines(c.run.log(i.Name), 8))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the last lines of %s:\n%s", i.Name, err, c.run.log(i.Name), lastLines(c.run.log(i.Name), 8))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// told is what processes.yaml tells a process, with what the run says over it.
func (r *Run) told(p steps.Process) map[string]string {
	told := map[string]string{}
	maps.Copy(told, p.Environment)
	maps.Copy(told, r.state.Environment[p.Name])
	return told
}

// environment is the process contract and what the process is told besides. Of our own
// environment only what any program needs goes along: a DATABASE_URL in the
// developer's shell must not.
func (c children) environment(ctx context.Context, p steps.Process, name string, ports Ports) ([]string, error) {
	told, err := c.run.filledIn(ctx, p)
	if err != nil {
		return nil, err
	}
	env := inherited()
	env = append(env,
		"LISTEN_ADDR="+loopback(ports.Public), "ADMIN_ADDR="+loopback(ports.Admin),
		"ADMIN_TOKEN="+c.run.state.Token, "REPLICA="+name, "NAME="+name)
	for _, key := range sortedKeys(told) {
		env = append(env, key+"="+told[key])
	}
	return env, nil
}

// filledIn is what a process is told, with the values of ${...}.
func (r *Run) filledIn(ctx context.Context, p steps.Process) (map[string]string, error) {
	told := r.told(p)
	for _, key := range sortedKeys(told) {
		var missing error
		told[key] = steps.Expand(told[key], func(what string) string {
			v, err := r.value(ctx, p.Name, what)
			if err != nil {
				missing = err
			}
			return v
		})
		if missing != nil {
			return nil, fmt.Errorf("environment %s of %s: %w", key, p.Name, missing)
		}
	}
	return told, nil
}

func inherited() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// value of a ${...} in processes.yaml (steps.Known), for a process.
func (r *Run) value(ctx context.Context, process, what string) (string, error) {
	switch what {
	case "entry.url":
		return r.EntryURL(), nil
	case "identity.key":
		return r.state.IdentityKey, nil
	default:
		return r.on.address(ctx, what, process)
	}
}
