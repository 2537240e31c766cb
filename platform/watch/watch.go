package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollEvery is the longest a change can go unseen. Notification is the fast way;
// polling is behind it because a ConfigMap is swapped by symlinks (kubelet's
// AtomicWriter), and network file systems notify nobody.
const pollEvery = time.Second

// File calls changed with the file's content now, before it returns, and then
// again from one goroutine each time the content differs, until ctx ends. Only
// the first read's failure is returned; a file that is gone later keeps its last
// content in force and is logged. The returned wait function returns when the
// goroutine has ended.
func File(ctx context.Context, path string, logger *slog.Logger, changed func(content []byte)) (wait func(), err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read watched file: %w", err)
	}
	notices, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	// The folder, not the file: a rename replaces the file's inode, a ConfigMap
	// swaps the ..data link beside it.
	if err := notices.Add(filepath.Dir(path)); err != nil {
		_ = notices.Close()
		return nil, fmt.Errorf("watch %s: %w", filepath.Dir(path), err)
	}
	changed(content)
	done := make(chan struct{})
	w := &watcher{path: path, last: content, logger: logger, changed: changed}
	go func() {
		defer close(done)
		defer func() { _ = notices.Close() }()
		w.loop(ctx, notices)
	}()
	return func() { <-done }, nil
}

type watcher struct {
	path    string
	last    []byte
	logger  *slog.Logger
	changed func([]byte)
	missing bool
}

func (w *watcher) loop(ctx context.Context, notices *fsnotify.Watcher) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-notices.Events:
		case err := <-notices.Errors:
			w.logger.WarnContext(ctx, "watching by notification failed; polling goes on", "file", w.path, "error", err)
		case <-poll.C:
		}
		w.look(ctx)
	}
}

func (w *watcher) look(ctx context.Context) {
	content, err := os.ReadFile(w.path)
	if err != nil {
		if !w.missing {
			w.logger.WarnContext(ctx, "watched file can't be read; its last content stays in force", "file", w.path, "error", err)
		}
		w.missing = true
		return
	}
	w.missing = false
	if bytes.Equal(content, w.last) {
		return
	}
	w.last = content
	w.changed(content)
}

// Write replaces the file by a rename, so that a reader sees the old content or
// the new and never half of it. The folder is synced: a tool that dies after it
// told somebody of the change finds it after the restart.
func Write(path string, content []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already after the rename
	if err := fill(tmp, content, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func fill(f *os.File, content []byte, mode os.FileMode) error {
	defer f.Close()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
