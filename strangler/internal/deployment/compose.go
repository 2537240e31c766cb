package deployment

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/steps"
)

// compose is the target "containers of this machine": the repository's
// docker-compose.yml under a project of the run's own, with one override per container.
//
// Each replica has a name and two ports on loopback that stay, as on the local target:
// containers are made one at a time, each with its own published ports and a label with
// its name. Hence users, this command and load reach it in the same way on Linux and on
// Docker Desktop, where a container's own address can't be reached, and no forwarder has
// to live. In the project's network a replica's name is an alias of its container, and
// gateways are told of each: so a replica is taken out of the routes before it ends, and
// gets its first request when it is ready. Compose's way, an address that stands for all
// containers, would leave both to the next look-up.
type compose struct {
	oneByOne
	containers *containers
}

// ComposeState is what the next command has to know of a project.
type ComposeState struct {
	Project string `json:"project"`
	// The passwords of this run's PostgreSQL: of its superuser, and of roles by name.
	Superuser string            `json:"superuser"`
	Passwords map[string]string `json:"passwords"`
	// Images is where images come from, as PREFIX/HOST:STEP; empty for those that are
	// built of this checkout.
	Images string `json:"images,omitempty"`
	// Built says that they are.
	Built bool `json:"built,omitempty"`
}

// firstDatabase is the monolith's, and its role.
const firstDatabase = "banyan"

func newCompose(r *Run) *compose {
	c := &containers{run: r}
	return &compose{oneByOne: oneByOne{run: r, launcher: c}, containers: c}
}

// beginCompose chooses what makes the project the run's own.
func (r *Run) beginCompose() error {
	if x := r.state.External; x.Postgres != "" || x.Redis != "" || x.Kafka != "" {
		return fmt.Errorf("--postgres-url, --redis-url and --kafka are for --target %s: containers can't be told this machine's addresses; leave them out", Local)
	}
	s := &ComposeState{Project: "banyan-" + secret(8), Superuser: secret(32), Passwords: map[string]string{firstDatabase: secret(32)}, Images: r.state.Target.Images}
	for _, name := range r.path.Databases() {
		s.Passwords[name] = secret(32)
	}
	r.state.Compose = s
	return nil
}

func (c *compose) end(ctx context.Context) error { return c.containers.removeProject(ctx) }

func (c *compose) close() error { return c.containers.close() }

// sharedFolder is mounted into containers: a file alone would not follow a rename.
func (r *Run) sharedFolder(file string) string {
	return r.folder.path("shared", map[string]string{settingsName: "settings", routesName: "routes"}[file])
}

// deliver writes into a folder that containers see, where another user reads it.
func (c *compose) deliver(_ context.Context, file string, content []byte) error {
	if err := c.run.makeShared(); err != nil {
		return err
	}
	return watch.Write(filepath.Join(c.run.sharedFolder(file), file), content, 0o644)
}

// makeShared makes the folders before Docker does, which would make them root's.
func (r *Run) makeShared() error {
	for _, file := range []string{settingsName, routesName} {
		dir := r.sharedFolder(file)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make a folder for containers: %w", err)
		}
		if err := os.Chmod(dir, 0o755); err != nil { // whatever the umask says
			return fmt.Errorf("let containers read %s: %w", dir, err)
		}
	}
	return nil
}

func (c *compose) publicURL(name string) string {
	return "http://" + loopback(c.run.state.Ports[name].Public)
}

func (c *compose) adminURL(name string) string {
	return "http://" + loopback(c.run.state.Ports[name].Admin)
}

// entry is the first replica's published port.
func (c *compose) entry(p steps.Process) (string, error) {
	ports, err := c.run.ports(replicaName(p, 0))
	if err != nil {
		return "", err
	}
	return "http://" + loopback(ports.Public), nil
}

// upstream is reached by the replica's name, an alias that each of its containers has.
func (c *compose) upstream(name string) GatewayReplica {
	return GatewayReplica{Name: name, URL: inside(name)}
}

// inside is where other containers find a replica's public port.
func inside(name string) string { return "http://" + name + ":8080" }

// peers are told by the service's name, which stands for all its containers: also for
// one that is being started, and not for one that is gone.
func (c *compose) peers(names []string) ([]string, error) {
	var urls []string
	for _, name := range names {
		process := name[:max(0, strings.LastIndexByte(name, '-'))]
		if u := "http://" + process + ":8081"; !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	return urls, nil
}

func (c *compose) address(_ context.Context, what, _ string) (string, error) {
	if name, ok := strings.CutPrefix(what, "postgres.url:"); ok {
		return c.run.composeDatabase(name)
	}
	if host, ok := strings.CutSuffix(what, ".urls"); ok {
		return c.run.insideURLs(host), nil
	}
	switch what {
	case "postgres.url":
		return c.run.composeDatabase(firstDatabase)
	case "redis.url":
		return "redis://redis:6379/0", nil
	case "kafka.address":
		return "kafka:9092", nil
	case "mail.address":
		return "mail:1025", nil
	case "settings.file":
		return "/etc/banyan/settings/" + settingsName, nil
	case "gateway.file":
		return "/etc/banyan/routes/" + routesName, nil
	default:
		return "", fmt.Errorf("nobody knows ${%s}", what)
	}
}

// insideURLs are a host's replicas, those that run and those that will in the step that
// is being reached, with commas.
func (r *Run) insideURLs(host string) string {
	names := r.replicas(host)
	for i := range r.reaching().Replicas(host) {
		names = union(names, []string{replicaName(r.path.Processes[host], i)})
	}
	for i, name := range names {
		names[i] = inside(name)
	}
	return strings.Join(names, ",")
}

// composeDatabase has a role of the same name, as deploy/docker/postgres makes them.
func (r *Run) composeDatabase(name string) (string, error) {
	password := r.state.Compose.Passwords[name]
	if password == "" {
		return "", fmt.Errorf("this run has no database %q: end it with down and bring it up again", name)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(name, password), Host: "postgres:5432", Path: "/" + name, RawQuery: "sslmode=disable"}
	return u.String(), nil
}

func (c *compose) once(ctx context.Context, p steps.Process, args []string) error {
	if err := c.containers.begin(ctx); err != nil {
		return err
	}
	file, err := c.containers.override(ctx, p, "")
	if err != nil {
		return err
	}
	out, err := c.containers.compose(ctx, file, append([]string{"run", "--rm", "--no-deps", "-T", p.Name}, args...)...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.run.ended(p, args, out, err)
}

func (c *compose) describe(name string) (id, detail string) {
	is := c.containers.list()[name]
	switch {
	case is.Name == "":
		return "", "gone; the next start makes it again"
	case !is.running():
		return is.Name, "ended; see docker logs " + is.Name
	case c.run.state.Processes[name].Process == "mail":
		return is.Name, "messages at http://" + loopback(c.run.state.Ports[name].Admin)
	default:
		return is.Name, ""
	}
}

// errNoContainer is of a replica that has none.
var errNoContainer = errors.New("it has no container")
