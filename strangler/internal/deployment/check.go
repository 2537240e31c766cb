package deployment

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"banyan.dev/strangler/internal/steps"
)

// CheckRoutes lets the gateway check every gateway.yaml of the path, before anything
// is done by it. The gateway's own program does it: what it accepts, it will take.
func CheckRoutes(ctx context.Context, path steps.Path) error {
	p, ok := validator(path)
	if !ok {
		return nil
	}
	dir, unlock, err := compile(ctx, path.Root, []string{p.Package})
	if err != nil {
		return err
	}
	defer unlock()
	return checkRoutes(ctx, path, dir)
}

// validator is the process that can check a gateway.yaml.
func validator(path steps.Path) (steps.Process, bool) {
	for _, name := range sortedKeys(path.Processes) {
		if p := path.Processes[name]; len(p.Validate) > 0 {
			return p, true
		}
	}
	return steps.Process{}, false
}

// checkRoutes tells all that is wrong, in all files at once.
func checkRoutes(ctx context.Context, path steps.Path, binaries string) error {
	p, ok := validator(path)
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(path.Root, steps.Folder, "*", "gateway*.yaml"))
	if err != nil {
		return fmt.Errorf("look for the routes of the steps: %w", err)
	}
	var wrong []string
	for _, file := range files {
		short, err := filepath.Rel(path.Root, file)
		if err != nil {
			short = file
		}
		cmd := exec.CommandContext(ctx, filepath.Join(binaries, filepath.Base(p.Package)), append(append([]string{}, p.Validate...), short)...)
		cmd.Dir, cmd.Env = path.Root, inherited()
		if out, err := cmd.CombinedOutput(); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s %s %s: %v\n%s", p.Name, strings.Join(p.Validate, " "), short, err, strings.TrimSpace(string(out))))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("nothing was done: routes that the gateway would refuse:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}
