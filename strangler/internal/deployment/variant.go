package deployment

import (
	"context"
	"fmt"

	"go.yaml.in/yaml/v3"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/steps"
)

// startVariant starts one replica of a process under another name, with a file of
// its own in place of one that the others share.
func (r *Run) startVariant(ctx context.Context, p steps.Process, name, what, file string) (url string, stop func(), err error) {
	l, err := r.onThisMachine("one more replica with a file of its own")
	if err != nil {
		return "", nil, err
	}
	variant := p
	variant.Name, variant.Environment = name, r.told(p)
	for key, value := range variant.Environment {
		variant.Environment[key] = steps.Expand(value, func(placeholder string) string {
			if placeholder == what {
				return file
			}
			return "${" + placeholder + "}"
		})
	}
	if err := l.start(ctx, variant, name); err != nil {
		return "", nil, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = l.forget(ctx, name) // what is still there, Down ends
	}
	return r.on.publicURL(name), stop, nil
}

// reader is the process whose environment names what.
func (r *Run) reader(what string) (steps.Process, error) {
	for _, name := range sortedKeys(r.path.Processes) {
		if p := r.path.Processes[name]; p.Reads(what) {
			return p, nil
		}
	}
	return steps.Process{}, fmt.Errorf("no process in processes.yaml reads ${%s}", what)
}

// StartRoundRobin starts one more gateway with the routes in force but without
// affinity, for the time of a demo: nobody but the demo's people come by it.
func (r *Run) StartRoundRobin(ctx context.Context) (url string, stop func(), err error) {
	gateway, err := r.reader("gateway.file")
	if err != nil {
		return "", nil, err
	}
	file := r.folder.path("round-robin.yaml")
	if err := r.writeRoundRobin(file); err != nil {
		return "", nil, err
	}
	return r.startVariant(ctx, gateway, "round-robin", "gateway.file", file)
}

func (r *Run) writeRoundRobin(file string) error {
	content, err := r.stepRoutes(r.state.Routes.Step)
	if err != nil {
		return err
	}
	rendered, err := Render(content, Routing{Revision: 1, Replicas: r.upstreams(nil)})
	if err != nil {
		return err
	}
	var routes map[string]any
	if err := yaml.Unmarshal(rendered, &routes); err != nil {
		return fmt.Errorf("parse the rendered routes: %w", err)
	}
	if owners, ok := routes["owners"].(map[string]any); ok {
		for _, o := range owners {
			if owner, ok := o.(map[string]any); ok {
				delete(owner, "affinity")
			}
		}
	}
	plain, err := yaml.Marshal(routes)
	if err != nil {
		return fmt.Errorf("write the routes without affinity: %w", err)
	}
	return watch.Write(file, plain, 0o644)
}

// PrepareBench brings up what a monolith needs with any session store.
func (r *Run) PrepareBench(ctx context.Context) error {
	if err := r.CheckExternal(ctx); err != nil {
		return err
	}
	if err := r.Prepare(ctx, 0); err != nil {
		return err
	}
	for _, name := range []string{"postgres", "mail", "redis"} {
		if err := r.Do(ctx, steps.Action{Verb: steps.Start, Process: name, Replicas: 1}); err != nil {
			return err
		}
	}
	p, err := r.reader("settings.file")
	if err != nil {
		return err
	}
	return r.Do(ctx, steps.Action{Verb: steps.Migrate, Process: p.Name})
}

// StartWithSessions starts a monolith of its own with its sessions in the store:
// memory, postgres or redis. It has the type that bench.Config.Start wants.
func (r *Run) StartWithSessions(ctx context.Context, store string) (url string, stop func(), err error) {
	p, err := r.reader("settings.file")
	if err != nil {
		return "", nil, err
	}
	var s settingsFile
	s.Revision, s.UserCache = 1, "off"
	if s.Redis.URL, err = r.on.address(ctx, "redis.url", p.Name); err != nil {
		return "", nil, err
	}
	s.Session.Store, s.Session.Generation = store, r.state.Settings.Generation
	content, err := yaml.Marshal(s)
	if err != nil {
		return "", nil, fmt.Errorf("write the settings: %w", err)
	}
	file := r.folder.path("settings-" + store + ".yaml")
	if err := watch.Write(file, content, 0o600); err != nil {
		return "", nil, err
	}
	return r.startVariant(ctx, p, p.Name+"-with-"+store, "settings.file", file)
}
