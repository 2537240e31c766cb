package deployment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"banyan.dev/platform/watch"
	"banyan.dev/strangler/internal/steps"
)

// settingsFile is the watched file's content; platform/session reads it.
type settingsFile struct {
	Revision  int64  `yaml:"revision"`
	PublicURL string `yaml:"public_url,omitempty"`
	Redis     struct {
		URL string `yaml:"url"`
	} `yaml:"redis"`
	Session struct {
		Store      string   `yaml:"store"`
		Generation int      `yaml:"generation"`
		Peers      []string `yaml:"peers"`
	} `yaml:"session"`
	UserCache string `yaml:"user_cache"`
}

// settledWithin bounds one change of mode: copying or loading all sessions, and
// waiting for sign-ins in flight.
const settledWithin = 60 * time.Second

// writeSettings writes the file that the state describes, with a higher revision,
// unless it says so already. peers are the replicas of all processes that watch it.
func (r *Run) writeSettings(ctx context.Context, peers []string) error {
	file := r.folder.path(settingsName)
	want, err := r.renderSettings(ctx, peers)
	if err != nil {
		return err
	}
	if is, err := os.ReadFile(file); err == nil && bytes.Equal(is, want) {
		return nil
	}
	r.state.Settings.Revision++
	if err := r.save(); err != nil {
		return err
	}
	if want, err = r.renderSettings(ctx, peers); err != nil {
		return err
	}
	return r.publish(ctx, settingsName, want, 0o600) // it may hold the password of a Redis
}

// The files that processes watch, as they are called in the run folder.
const (
	settingsName = "settings.yaml"
	routesName   = "gateway.yaml"
)

// publish delivers a file, and keeps a copy in the run folder: what was delivered last.
// A run that has just begun has nobody yet to deliver to.
func (r *Run) publish(ctx context.Context, file string, content []byte, mode os.FileMode) error {
	if r.journal.At() != "" || r.bringingUp != "" {
		if err := r.on.deliver(ctx, file, content); err != nil {
			return fmt.Errorf("deliver %s: %w", file, err)
		}
	}
	return watch.Write(r.folder.path(file), content, mode)
}

func (r *Run) renderSettings(ctx context.Context, peers []string) (content []byte, err error) {
	s := r.state.Settings
	var f settingsFile
	f.Revision, f.PublicURL, f.UserCache = s.Revision, r.EntryURL(), s.UserCache
	f.Session.Store, f.Session.Generation = s.Store, s.Generation
	if f.Redis.URL, err = r.on.address(ctx, "redis.url", ""); err != nil {
		return nil, err
	}
	if f.Session.Peers, err = r.on.peers(peers); err != nil {
		return nil, err
	}
	if content, err = yaml.Marshal(f); err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return content, nil
}

// settingsInForce waits until every replica that watches the file has taken it and
// has ended what began before.
func (r *Run) settingsInForce(ctx context.Context) error {
	within := settledWithin + r.on.spreads()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, name := range r.watchers() {
		if !r.on.alive(name) {
			continue // it reads the file when it starts
		}
		var last error
		if !await(ctx, 10*time.Millisecond, func() bool { last = r.settled(ctx, name); return last == nil }) {
			return fmt.Errorf("%s did not take settings revision %d (sessions %s) within %s: %w",
				name, r.state.Settings.Revision, r.state.Settings.Store, within, last)
		}
	}
	return nil
}

func (r *Run) settled(ctx context.Context, name string) error {
	s, err := r.sessionStatus(ctx, name)
	if err != nil {
		return err
	}
	want := r.state.Settings
	if s.Revision >= want.Revision && s.Store == want.Store && s.Settled {
		return nil
	}
	return fmt.Errorf("it reports revision %d, sessions %s, settled %t: %s", s.Revision, s.Store, s.Settled, s.Reason)
}

// watchers are the replicas of the processes that read the settings file.
func (r *Run) watchers() []string {
	var names []string
	all := r.on.replicas()
	for _, name := range sortedKeys(all) {
		if watchesSettings(r.path.Processes[all[name].Process]) {
			names = append(names, name)
		}
	}
	return names
}

func watchesSettings(p steps.Process) bool { return p.Reads("settings.file") }

func (r *Run) change(ctx context.Context) error {
	if err := r.writeSettings(ctx, r.watchers()); err != nil {
		return err
	}
	return r.settingsInForce(ctx)
}

// afterMode is the ring in which the session stores follow one another; no other
// edge is proved (platform/session).
var afterMode = map[string]string{"memory": "dual", "dual": "redis", "redis": "back", "back": "load", "load": "memory"}

// moveSessions goes along the ring until the mode is reached, and waits in each
// for all replicas. Each way to Redis begins a fresh generation of keys: in an old
// one somebody who has signed out meanwhile would still be signed in.
func (r *Run) moveSessions(ctx context.Context, to string) error {
	s := &r.state.Settings
	if s.Store == "memory" && (to == "back" || to == "load") {
		return nil // they never left: a way forward that was given up early
	}
	if err := r.change(ctx); err != nil { // also what a crash cut off
		return err
	}
	for s.Store != to {
		next, ok := afterMode[s.Store]
		if !ok {
			return fmt.Errorf("sessions are in %s, from where no mode follows", s.Store)
		}
		if next == "redis" && s.Store == "dual" && !r.infrastructureRuns("redis") {
			return errors.New("sessions can't go to Redis, which does not run")
		}
		if next == "dual" {
			s.Generation++
		}
		s.Store = next
		r.progress("sessions: " + next)
		if err := r.change(ctx); err != nil {
			return err
		}
	}
	return nil
}

// mayForget refuses to kill Redis while it holds sessions: ours keeps nothing on disk.
func (r *Run) mayForget(a steps.Action) error {
	if s := r.state.Settings.Store; s == "memory" || s == "postgres" {
		return nil
	}
	return fmt.Errorf("%s would sign everyone out: sessions are in %s, and this Redis keeps nothing on disk; write signs_out: true if that is known",
		a, r.state.Settings.Store)
}

func (r *Run) infrastructureRuns(kind string) bool {
	if kind == "redis" && r.state.External.Redis != "" {
		return true
	}
	return r.on.alive(kind)
}

// mayEnd refuses to end a replica while sessions would go with it, unless the
// action says that it is known. Only between "all have copied" and "load was asked
// for" does Redis hold them all.
func (r *Run) mayEnd(ctx context.Context, a steps.Action) error {
	p := r.path.Processes[a.Process]
	switch {
	case a.SignsOut:
		return nil
	case p.Infrastructure == "redis" && a.Verb == steps.Kill:
		return r.mayForget(a)
	case !watchesSettings(p):
		return nil // what is in a Redis that is stopped, stop asks about
	}
	switch r.state.Settings.Store {
	case "redis", "back", "postgres":
		return nil
	case "dual":
		return r.settingsInForce(ctx) // until all have copied
	default:
		return fmt.Errorf("%s would sign people out: sessions are in %s, and so in the memory of the replicas; "+
			"move them to redis first, or write signs_out: true if that is known", a, r.state.Settings.Store)
	}
}
