package deployment

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
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
	OneOff                     bool
}

func (c container) running() bool { return c.State == "running" }

// listedFor is how old a listing may be: replicas are asked about in tight loops.
const listedFor = 500 * time.Millisecond

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
	format := []string{"{{.ID}}", "{{.Names}}", "{{.State}}", label(replicaLabel), label(serviceLabel), label(oneOffLabel)}
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
		if len(f) < 6 {
			continue
		}
		all = append(all, container{ID: f[0], Name: f[1], State: f[2], Replica: f[3], Service: f[4], OneOff: f[5] == "True"})
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

// compose runs docker compose on the run's project with an override.
func (c *containers) compose(ctx context.Context, override string, args ...string) ([]byte, error) {
	r := c.run
	all := []string{"compose", "--ansi", "never", "--progress", "plain", "--project-name", r.state.Compose.Project,
		"--file", filepath.Join(r.path.Root, "docker-compose.yml"), "--file", override}
	return c.changing(ctx, r.composeEnvironment(os.Environ()), append(all, args...)...)
}
