package deployment

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// runOnce runs a host's program with other arguments and waits for its end.
func (r *Run) runOnce(ctx context.Context, process string, args []string) error {
	p := r.path.Processes[process]
	env, err := r.environment(ctx, p, process+"-"+args[0], Ports{})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, r.folder.path("bin", filepath.Base(p.Package)), args...)
	cmd.Env, cmd.Dir = env, "/"
	out, err := cmd.CombinedOutput()
	log := r.log(process + "-" + args[0])
	if writing := os.WriteFile(log, out, 0o644); writing != nil {
		return fmt.Errorf("keep the output of %s %s: %w", process, args[0], writing)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w; the last lines of %s:\n%s", process, args[0], err, log, lastLines(log, 8))
	}
	return nil
}
