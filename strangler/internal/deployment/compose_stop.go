package deployment

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
)

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
	if _, err := c.changing(ctx, os.Environ(), "stop", "-t", strconv.Itoa(int(patience.Seconds())), is.ID); err != nil {
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
		args := []string{"stop", "-t", strconv.Itoa(int(patience.Seconds()))}
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
