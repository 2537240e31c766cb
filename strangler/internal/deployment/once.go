package deployment

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"banyan.dev/strangler/internal/steps"
)

// once runs a host's program with other arguments and waits for its end.
func (r *Run) once(ctx context.Context, process string, args []string) error {
	return r.on.once(ctx, r.path.Processes[process], args)
}

func (l *local) once(ctx context.Context, p steps.Process, args []string) error {
	what := p.Name + "-" + args[0]
	env, err := l.children.environment(ctx, p, what, Ports{})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, l.run.folder.path("bin", filepath.Base(p.Package)), args...)
	cmd.Env, cmd.Dir = env, "/"
	out, err := cmd.CombinedOutput()
	return l.run.ended(p, args, out, err)
}

// ended keeps the output of a program that ran once, and puts its last lines into the
// error.
func (r *Run) ended(p steps.Process, args []string, out []byte, err error) error {
	log := r.log(p.Name + "-" + args[0])
	if writing := os.WriteFile(log, out, 0o644); writing != nil {
		return fmt.Errorf("keep the output of %s %s: %w", p.Name, args[0], writing)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w; the last lines of %s:\n%s", p.Name, args[0], err, log, lastLines(log, 8))
	}
	return nil
}
