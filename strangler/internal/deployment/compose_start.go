package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"banyan.dev/strangler/internal/steps"
)

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
	ports, err := r.ports(name)
	if err != nil {
		return err
	}
	if r.state.Processes[name] == nil {
		r.state.Processes[name] = &Instance{Name: name, Process: p.Name}
	}
	// Before there is a container: who goes on after a crash must know its ports.
	if err := r.save(); err != nil {
		return err
	}
	if err := c.make(ctx, p, name, ports); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	c.changed()
	return c.awaitReady(ctx, p, name)
}

func (c *containers) make(ctx context.Context, p steps.Process, name string, ports Ports) error {
	beside, err := c.clear(ctx, p, name)
	if err != nil {
		return err
	}
	if is := c.list()[name]; is.ID != "" { // infrastructure that has ended keeps its container
		_, err := c.changing(ctx, os.Environ(), "start", is.ID)
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
		err := c.ready(ctx, p, name)
		if err == nil {
			return nil
		}
		is := c.list()[name]
		if c.gaveUp(ctx, is) {
			return fmt.Errorf("%s ended at its start; the last lines of docker logs %s:\n%s", name, is.Name, c.lastWords(ctx, is))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; the last lines of docker logs %s:\n%s", name, err, is.Name, c.lastWords(ctx, is))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// restartsAtMost is how often the engine may start a container again before we give it up: a
// database that was slow to answer must not end a walk, and a wrong setting should soon.
const restartsAtMost = 3

func (c *containers) gaveUp(ctx context.Context, is container) bool {
	switch is.State {
	case "exited", "dead":
		return true
	case "restarting":
		out, err := docker(ctx, asking(), "inspect", "--format", "{{.RestartCount}}", is.ID)
		n, wrong := strconv.Atoi(strings.TrimSpace(string(out)))
		return err == nil && wrong == nil && n >= restartsAtMost
	default:
		return false
	}
}

func (c *containers) ready(ctx context.Context, p steps.Process, name string) error {
	if p.Host() {
		return c.run.ready(ctx, "http://"+loopback(c.run.state.Ports[name].Admin)+"/readyz")
	}
	is := c.list()[name]
	if !is.running() {
		return errNoContainer
	}
	out, err := docker(ctx, asking(), "inspect", "--format", "{{json .Config.Healthcheck}}", is.ID)
	if err != nil {
		return err
	}
	test, err := healthTest(out)
	if err != nil || len(test) == 0 {
		return err
	}
	if _, err := docker(ctx, asking(), append([]string{"exec", is.ID}, test...)...); err != nil {
		return fmt.Errorf("its healthcheck has not passed: %w", err)
	}
	return nil
}

// healthTest is what a container's healthcheck runs in it; nothing without one. The engine
// runs it too, but the first time only when an interval has passed.
func healthTest(healthcheck []byte) ([]string, error) {
	var is struct{ Test []string }
	if err := json.Unmarshal(healthcheck, &is); err != nil {
		return nil, fmt.Errorf("read its healthcheck: %w", err)
	}
	switch {
	case len(is.Test) > 1 && is.Test[0] == "CMD":
		return is.Test[1:], nil
	case len(is.Test) > 1 && is.Test[0] == "CMD-SHELL":
		return []string{"/bin/sh", "-c", is.Test[1]}, nil
	default:
		return nil, nil
	}
}

func (c *containers) lastWords(ctx context.Context, is container) string {
	if is.ID == "" {
		return "  it has none"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	out, err := docker(ctx, command{env: os.Environ(), both: true}, "logs", "--tail", "8", is.ID)
	if err != nil {
		return "  they can't be read: " + err.Error()
	}
	return string(out)
}
