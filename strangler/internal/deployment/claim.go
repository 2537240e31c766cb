package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mark is the file that makes a folder a run's. It says whether the folder was made
// for the run, and so goes with it, or was there and empty.
const (
	mark        = ".banyan-run"
	folderMade  = "made\n"
	folderGiven = "given\n"
)

// owned are the names that a run gives in its folder; besides them there are the
// reports of infrastructure (*.ready.json), a demo's settings, and what a crash
// left of a file that was being written (.name.*). Nothing else is ever removed.
func owned() []string {
	return []string{"bin", "data", "logs", "shared", "compose", "engine.lock", "run.json", "journal.jsonl", "settings.yaml", "gateway.yaml", "round-robin.yaml"}
}

func ours(name string) bool {
	base := name
	if strings.HasPrefix(name, ".") {
		base = strings.TrimSuffix(name[1:], filepath.Ext(name))
	}
	return slices.Contains(owned(), base) || strings.HasSuffix(base, ".ready.json") ||
		strings.HasPrefix(base, "settings-") && strings.HasSuffix(base, ".yaml")
}

// claimFolder makes dir a run's folder, or finds that it is one. A folder in which
// anything else lies is refused: a run clears and removes its own.
func claimFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve the run folder %q: %w", dir, err)
	}
	if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
		return dir, nil
	}
	state, err := readState(dir)
	if err != nil || state != nil {
		return dir, err
	}
	how, err := emptyFolder(dir)
	if err != nil {
		return "", err
	}
	// Whoever comes second finds the mark of the first; the lock decides between them.
	f, err := os.OpenFile(filepath.Join(dir, mark), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("mark the run folder: %w (choose another with --run-dir)", err)
	}
	if _, err := f.WriteString(how); err != nil {
		_ = f.Close()
		return "", fmt.Errorf("mark the run folder: %w", err)
	}
	return dir, f.Close()
}

// emptyFolder makes dir unless it is there and empty, and says which it was.
func emptyFolder(dir string) (how string, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Open to others: PostgreSQL runs as another user when we are root.
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", fmt.Errorf("make the run folder: %w (choose another with --run-dir)", err)
		}
		return folderMade, nil
	case err != nil:
		return "", fmt.Errorf("read the run folder: %w (choose another with --run-dir)", err)
	case len(entries) > 0:
		return "", fmt.Errorf("%s is not empty and not a run's folder: choose an empty or a new one with --run-dir", dir)
	default:
		return folderGiven, nil
	}
}
