package deployment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"banyan.dev/platform/embedded"
)

// build makes all hosts' binaries and puts them in the run folder.
func (r *Run) build(ctx context.Context) error {
	packages := r.packages()
	if len(packages) == 0 {
		return nil
	}
	dir, unlock, err := compile(ctx, r.path.Root, packages)
	if err != nil {
		return err
	}
	defer unlock()
	for _, p := range packages {
		name := filepath.Base(p)
		if err := place(filepath.Join(dir, name), r.folder.path("bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// compile makes binaries with one go build, which does them side by side. They are
// kept in the cache between runs, where go build finds that nothing changed and links
// nothing. Nobody else changes them until unlock.
func compile(ctx context.Context, root string, packages []string) (dir string, unlock func(), err error) {
	cache, err := embedded.CacheDir()
	if err != nil {
		return "", nil, err
	}
	key := sha256.Sum256([]byte(root))
	dir = filepath.Join(cache, "bin-"+hex.EncodeToString(key[:4]))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make a folder for the binaries: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", nil, fmt.Errorf("lock the folder of the binaries: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		_ = lock.Close()
		return "", nil, fmt.Errorf("lock the folder of the binaries: %w", err)
	}
	if err := goBuild(ctx, root, dir, packages); err != nil {
		_ = lock.Close()
		return "", nil, err
	}
	return dir, func() { _ = lock.Close() }, nil
}

func (r *Run) packages() []string {
	var packages []string
	for _, name := range sortedKeys(r.path.Processes) {
		p := r.path.Processes[name]
		if p.Host() && r.everRuns(name) {
			packages = append(packages, p.Package)
		}
	}
	return packages
}

func (r *Run) everRuns(process string) bool {
	for _, s := range r.path.Steps {
		if s.Replicas(process) > 0 {
			return true
		}
	}
	return false
}

func goBuild(ctx context.Context, root, dir string, packages []string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("go is not in PATH: install Go 1.26 or newer (https://go.dev/dl) or add its bin folder to PATH")
	}
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", strings.Join(packages, " "), err, out.String())
	}
	return nil
}

// place gives the run a binary of its own, so that a later build does not change
// what a restart runs. A link costs nothing; go build replaces a binary by a new
// file and leaves the linked one alone.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("make a folder for the run's binaries: %w", err)
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the run's binary: %w", err)
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy the run's binary: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return fmt.Errorf("copy the run's binary: %w", err)
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return fmt.Errorf("copy the run's binary: %w", err)
	}
	return out.Close()
}
