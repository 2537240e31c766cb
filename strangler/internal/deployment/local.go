package deployment

import (
	"context"
	"fmt"
	"strings"

	"banyan.dev/platform/embedded"
	"banyan.dev/strangler/internal/steps"
)

// local is the target "this machine": child processes, each at ports of its own on
// loopback, and servers of this tool's own binary for what they need.
type local struct {
	oneByOne
	children children
}

func newLocal(r *Run) *local {
	c := children{run: r}
	return &local{oneByOne: oneByOne{run: r, launcher: c}, children: c}
}

func (l *local) prepare(ctx context.Context, _ int) error {
	r := l.run
	if r.needsPostgres() {
		if _, err := embedded.FindPostgres(ctx, r.progress); err != nil {
			return fmt.Errorf("%w (--postgres-url)", err)
		}
	}
	r.progress("building " + fmt.Sprint(len(r.packages())) + " programs")
	if err := r.build(ctx); err != nil {
		return err
	}
	return checkRoutes(ctx, r.path, r.folder.path("bin"))
}

func (l *local) end(ctx context.Context) error { return l.endAll(ctx) }

// deliver has nothing to do: processes watch the file in the run folder.
func (l *local) deliver(context.Context, string, []byte) error { return nil }

func (l *local) publicURL(name string) string {
	return "http://" + loopback(l.run.state.Ports[name].Public)
}

func (l *local) adminURL(name string) string {
	return "http://" + loopback(l.run.state.Ports[name].Admin)
}

// entry is the first replica's.
func (l *local) entry(p steps.Process) (string, error) {
	ports, err := l.run.ports(replicaName(p, 0))
	if err != nil {
		return "", err
	}
	return "http://" + loopback(ports.Public), nil
}

func (l *local) upstream(name string) GatewayReplica {
	return GatewayReplica{Name: name, URL: l.publicURL(name)}
}

func (l *local) peers(names []string) ([]string, error) {
	var urls []string
	for _, name := range names {
		ports, err := l.run.ports(name)
		if err != nil {
			return nil, err
		}
		urls = append(urls, "http://"+loopback(ports.Admin))
	}
	return urls, nil
}

func (l *local) address(ctx context.Context, what, asker string) (string, error) {
	r := l.run
	if name, ok := strings.CutPrefix(what, "postgres.url:"); ok {
		return r.databaseURL(ctx, name)
	}
	if host, ok := strings.CutSuffix(what, ".urls"); ok {
		return r.urls(host, asker)
	}
	switch what {
	case "postgres.url":
		return r.postgresURL()
	case "redis.url":
		return r.redisURL(), nil
	case "kafka.address":
		return r.kafkaAddress(), nil
	case "mail.address":
		return loopback(r.state.Ports["mail"].Public), nil
	case "settings.file":
		return r.folder.path(settingsName), nil
	case "gateway.file":
		return r.folder.path(routesName), nil
	default:
		return "", fmt.Errorf("nobody knows ${%s}", what)
	}
}

func (l *local) describe(name string) (id, detail string) {
	r := l.run
	p := r.path.Processes[r.state.Processes[name].Process]
	port := "port " + fmt.Sprint(r.state.Ports[name].Public)
	switch {
	case !l.alive(name):
		return "", "ended; see " + r.log(name)
	case p.Host():
		return "", ""
	}
	if ready, err := readReady(r.readyFile(p)); err == nil && ready.List != "" {
		return "", port + ", messages at " + ready.List
	}
	return "", port
}

// needsPostgres tells whether the path runs one of its own.
func (r *Run) needsPostgres() bool {
	if r.state.External.Postgres != "" {
		return false
	}
	for name, p := range r.path.Processes {
		if p.Infrastructure == "postgres" && r.everRuns(name) {
			return true
		}
	}
	return false
}
