package ramp

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"banyan.dev/platform/watch"
)

// Update reads the gateways' file, has it edited and writes it, while no other tool
// does the same: each edits what the one before has written. An edit that returns nil
// leaves the file as it is. The lock is on the folder, since the file is replaced; it
// ends with the process.
func Update(path string, edit func(text []byte) ([]byte, error)) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("lock the folder of the gateways' file: %w", err)
	}
	defer folder.Close()
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", folder.Name(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the gateways' file: %w", err)
	}
	if text, err = edit(text); err != nil || text == nil {
		return err
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	return watch.Write(path, text, mode)
}

// notBehind refuses a text that has a resource at an earlier epoch than a gateway: it is
// a file that was lost, or that somebody brought back.
func notBehind(text []byte, all []Status) error {
	for _, s := range all {
		for _, has := range s.Resources {
			is, err := LookupOwner(text, has.Name)
			if err == nil && is.Epoch < has.Epoch {
				return fmt.Errorf("the file says that %s owns %s at epoch %d, and the gateway at %s knows %s at %d: write that into the file first",
					is.Owner, has.Name, is.Epoch, s.URL, has.Owner, has.Epoch)
			}
		}
	}
	return nil
}
