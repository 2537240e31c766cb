package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// Labels of containers: compose's own, and the replica that it is.
const (
	projectLabel = "com.docker.compose.project"
	serviceLabel = "com.docker.compose.service"
	oneOffLabel  = "com.docker.compose.oneoff"
	replicaLabel = "dev.banyan.replica"
)

// containers are the launcher of a compose project. The engine is the truth about what
// there is; the run's state says what there should be.
type containers struct {
	run *Run

	mu     sync.Mutex
	known  map[string]container // by replica
	looked time.Time

	alone *os.File // see changing
}

type container struct {
	ID, Name, Replica, Service string
	State                      string // running, exited ...
	Status                     string // "Up 3 seconds (healthy)"
	OneOff                     bool
}

func (c container) running() bool { return c.State == "running" }

// ready of one whose service has a healthcheck: it has passed.
func (c container) ready() bool {
	return c.running() && !strings.Contains(c.Status, "(unhealthy)") && !strings.Contains(c.Status, "(health: starting)")
}

// listedFor is how old a listing may be: replicas are asked about in tight loops.
const listedFor = 300 * time.Millisecond

// list is what there is, by replica. When the engine is silent it is what there was.
func (c *containers) list() map[string]container {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil && time.Since(c.looked) < listedFor {
		return c.known
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	all, err := c.all(ctx)
	if err != nil {
		return c.known
	}
	c.known, c.looked = map[string]container{}, time.Now()
	for _, one := range all {
		if one.OneOff || one.Replica == "" || c.known[one.Replica].running() {
			continue
		}
		c.known[one.Replica] = one
	}
	return c.known
}

// changed makes the next look ask the engine.
func (c *containers) changed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = time.Time{}
}

// all asks the engine for the project's containers.
func (c *containers) all(ctx context.Context) ([]container, error) {
	format := []string{"{{.ID}}", "{{.Names}}", "{{.State}}", "{{.Status}}", label(replicaLabel), label(serviceLabel), label(oneOffLabel)}
	out, err := docker(ctx, asking(), "ps", "--all", "--no-trunc", "--filter", c.filter(), "--format", strings.Join(format, "\t"))
	if err != nil {
		return nil, err
	}
	return parseContainers(string(out)), nil
}

func label(name string) string { return fmt.Sprintf("{{.Label %q}}", name) }

func (c *containers) filter() string {
	return "label=" + projectLabel + "=" + c.run.state.Compose.Project
}

func parseContainers(text string) []container {
	var all []container
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) < 7 {
			continue
		}
		all = append(all, container{ID: f[0], Name: f[1], State: f[2], Status: f[3], Replica: f[4], Service: f[5], OneOff: f[6] == "True"})
	}
	return all
}

// begin comes before a change looks at what there is. The commands of a tool that was
// killed live on and would make what the next tool makes too: so each keeps a lock as long
// as it runs, and the next tool waits for it here.
func (c *containers) begin(ctx context.Context) error {
	if c.alone == nil {
		lock, err := c.lock(ctx)
		if err != nil {
			return err
		}
		c.alone = lock
	}
	c.changed()
	return nil
}

// changing runs a command that changes what there is.
func (c *containers) changing(ctx context.Context, env []string, args ...string) ([]byte, error) {
	defer c.changed()
	return docker(ctx, command{env: env, keeps: c.alone}, args...)
}

// orphanWithin is how long a dead tool's command may take; the longest is a stop.
const orphanWithin = time.Minute

func (c *containers) lock(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(c.run.folder.path("engine.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the run's docker commands: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, orphanWithin)
	defer cancel()
	if !await(ctx, 50*time.Millisecond, func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }) {
		_ = f.Close()
		return nil, fmt.Errorf("a docker command of a tool that was killed still runs after %s: end it and try again", orphanWithin)
	}
	return f, nil
}

func (c *containers) close() error {
	if c.alone == nil {
		return nil
	}
	return c.alone.Close()
}

func (c *containers) alive(name string) bool { return c.list()[name].running() }

// start makes a replica's container, or starts one of the infrastructure again. It is
// safe after a crash at any place: what is half made is removed and made anew.
func (c *containers) start(ctx context.Context, p steps.Process, name string) error {
	r := c.run
	if err := c.begin(ctx); err != nil {
		return err
	}
	if is := c.list()[name]; is.running() {
		return c.awaitReady(ctx, p, name)
	}
	if r.state.Processes[name] == nil {
		r.state.Processes[name] = &Instance{Name: name, Process: p.Name}
		if err := r.save(); err != nil {
			return err
		}
	}
	if err := c.make(ctx, p, name); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.changed()
	return c.awaitReady(ctx, p, name)
}

func (c *containers) make(ctx context.Context, p steps.Process, name string) error {
	beside, err := c.clear(ctx, p, name)
	if err != nil {
		return err
	}
	if is := c.list()[name]; is.ID != "" { // infrastructure that has ended keeps its container
		_, err := c.changing(ctx, os.Environ(), "start", is.ID)
		return err
	}
	ports, err := c.run.ports(name)
	if err != nil {
		return err
	}
	for _, port := range []int{ports.Public, ports.Admin} {
		if err := awaitFree(ctx, name, port); err != nil {
			return err
		}
	}
	file, err := c.override(ctx, p, name)
	if err != nil {
		return err
	}
	// By name, without what it depends on and without making anew what runs: nothing but
	// one more container is made.
	out, err := c.compose(ctx, file, "up", "--detach", "--no-deps", "--no-recreate", "--no-build", "--scale", p.Name+"="+strconv.Itoa(beside+1), p.Name)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, lastOf(string(out), 8))
	}
	return nil
}

// clear removes a host's containers that have ended, which compose would start again
// with what they were told before, and counts those that stay.
func (c *containers) clear(ctx context.Context, p steps.Process, name string) (beside int, err error) {
	all, err := c.all(ctx)
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		switch {
		case one.Service != p.Name || one.OneOff:
		case one.running() && one.Replica != name, !p.Host():
			beside++
		default:
			if err := c.remove(ctx, one); err != nil {
				return 0, err
			}
		}
	}
	return beside, nil
}

func (c *containers) remove(ctx context.Context, one container) error {
	_, err := c.changing(ctx, os.Environ(), "rm", "--force", "--volumes", one.ID)
	return err
}

// awaitReady asks a host by its admin port, and infrastructure by its healthcheck.
func (c *containers) awaitReady(ctx context.Context, p steps.Process, name string) error {
	within := readyWithin
	if !p.Host() {
		within = infrastructureWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		is := c.list()[name]
		err := errNoContainer
		switch {
		case is.State == "restarting" || is.State == "exited" || is.State == "dead":
			return fmt.Errorf("%s ended at its start; the last lines of docker logs %s:\n%s", name, is.Name, c.lastWords(ctx, is))
		case is.ready() && !p.Host():
			return nil
		case !p.Host():
			err = errors.New("its healthcheck has not passed")
		case is.running():
			err = c.run.ready(ctx, "http://"+loopback(c.run.state.Ports[name].Admin)+"/readyz")
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the last lines of docker logs %s:\n%s", name, err, is.Name, c.lastWords(ctx, is))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *containers) lastWords(ctx context.Context, is container) string {
	if is.ID == "" {
		return "  it has none"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	out, err := docker(ctx, asking(), "logs", "--tail", "8", is.ID)
	if err != nil {
		return "  they can't be read: " + err.Error()
	}
	return string(out)
}

// stop lets a container finish what is in flight, and removes it. What infrastructure
// has written stays in its volume.
func (c *containers) stop(ctx context.Context, name string) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	is := c.list()[name]
	if is.ID == "" {
		return nil
	}
	if _, err := c.changing(ctx, os.Environ(), "stop", "--time", strconv.Itoa(int(patience.Seconds())), is.ID); err != nil {
		return err
	}
	return c.remove(ctx, is)
}

func (c *containers) kill(ctx context.Context, name string) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	is := c.list()[name]
	if !is.running() {
		return nil
	}
	_, err := c.changing(ctx, os.Environ(), "kill", "--signal", "KILL", is.ID)
	return err
}

// compose runs docker compose on the run's project with an override.
func (c *containers) compose(ctx context.Context, override string, args ...string) ([]byte, error) {
	r := c.run
	all := []string{"compose", "--ansi", "never", "--progress", "plain", "--project-name", r.state.Compose.Project,
		"--file", filepath.Join(r.path.Root, "docker-compose.yml"), "--file", override}
	return c.changing(ctx, r.composeEnvironment(os.Environ()), append(all, args...)...)
}

// removeProject ends and removes the project's containers, networks and volumes, by
// compose's label: also what a later docker-compose.yml does not name any more.
func (c *containers) removeProject(ctx context.Context) error {
	if err := c.begin(ctx); err != nil {
		return err
	}
	all, err := c.all(ctx)
	if err != nil {
		return err
	}
	for _, hosts := range []bool{true, false} {
		args := []string{"stop", "--time", strconv.Itoa(int(patience.Seconds()))}
		for _, one := range all {
			if one.running() && c.run.path.Processes[one.Service].Host() == hosts {
				args = append(args, one.ID)
			}
		}
		if len(args) > 3 {
			if _, err := c.changing(ctx, os.Environ(), args...); err != nil {
				return err
			}
		}
	}
	var errs []error
	for _, one := range all {
		errs = append(errs, c.remove(ctx, one))
	}
	for _, kind := range []string{"network", "volume"} {
		errs = append(errs, c.removeAll(ctx, kind))
	}
	return errors.Join(errs...)
}

func (c *containers) removeAll(ctx context.Context, kind string) error {
	out, err := docker(ctx, asking(), kind, "ls", "--quiet", "--filter", c.filter())
	if names := strings.Fields(string(out)); err == nil && len(names) > 0 {
		_, err = c.changing(ctx, os.Environ(), append([]string{kind, "rm"}, names...)...)
	}
	return err
}
