package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"banyan.dev/platform/embedded"
)

// DefaultFolder is where a run lives unless --run-dir names another: in the cache,
// so that every command finds it from any folder.
func DefaultFolder() (string, error) {
	cache, err := embedded.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "run"), nil
}

// folder is the run's folder while this process works on it. Its lock keeps two
// commands from working on one run; the system frees it when a process dies.
type folder struct {
	dir  string
	lock *os.File
}

// ErrLocked is wrapped by what Open returns while another command works on the run.
var ErrLocked = errors.New("another strangler command works on this run")

func openFolder(dir string) (*folder, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the run folder's lock: %w (choose another with --run-dir)", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(lock.Name())
		_ = lock.Close()
		return nil, fmt.Errorf("%w (process %s, folder %s): wait for it, or give --run-dir", ErrLocked, strings.TrimSpace(string(holder)), dir)
	}
	f := &folder{dir: dir, lock: lock}
	if err := f.sign(); err != nil {
		f.unlock()
		return nil, err
	}
	return f, nil
}

// sign tells others who holds the lock.
func (f *folder) sign() error {
	if err := f.lock.Truncate(0); err != nil {
		return fmt.Errorf("sign the lock: %w", err)
	}
	if _, err := f.lock.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0); err != nil {
		return fmt.Errorf("sign the lock: %w", err)
	}
	return nil
}

// unlock frees the lock by closing it; a run that was only looked at has none.
func (f *folder) unlock() {
	if f.lock != nil {
		_ = f.lock.Close()
	}
}

func (f *folder) path(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// clear removes what a run puts there, and nothing else, but for the lock, which
// we still hold, the mark, and what is to be kept.
func (f *folder) clear(keep ...string) error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("clear the run folder: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if ours(e.Name()) && !slices.Contains(keep, e.Name()) {
			errs = append(errs, os.RemoveAll(f.path(e.Name())))
		}
	}
	return errors.Join(errs...)
}

// remove ends the run's folder: the folder itself only if it was made for a run and
// nobody put anything else there. Another command may make it again at once.
func (f *folder) remove() error {
	if err := f.clear(); err != nil {
		return err
	}
	how, err := os.ReadFile(f.path(mark))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the run folder's mark: %w", err)
	}
	for _, name := range []string{mark, "lock"} {
		if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the run folder's %s: %w", name, err)
		}
	}
	if string(how) != folderMade {
		return nil
	}
	if err := os.Remove(f.dir); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("remove the run folder: %w", err)
	}
	return nil
}
