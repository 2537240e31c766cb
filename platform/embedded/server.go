package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// server is a child process with its guard and its folder. It starts no
// goroutine: every user's leak test would find one, so the process is waited for
// by asking.
type server struct {
	name      string
	dir       string // holds log
	throwaway bool   // dir goes with the server
	pid       int    // 0 when it has ended
	guard     *guard
}

// launch starts cmd with its output in the folder's log. pidFile is where the
// server itself writes its pid.
func (s *server) launch(cmd *exec.Cmd, acc account, pidFile string) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return fmt.Errorf("make the log of %s: %w", s.name, err)
	}
	defer log.Close()
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: acc.credential, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	s.pid = cmd.Process.Pid
	_ = cmd.Process.Release() // waited for by pid, see gone
	remove := ""
	if s.throwaway {
		remove = s.dir
	}
	if s.guard, err = startGuard(s.pid, pidFile, remove); err != nil {
		s.kill()
		return err
	}
	return nil
}

// awaitReady calls ping until it succeeds. When the server ends instead, or ctx
// does, the server is killed and the error holds the last lines of its log.
func (s *server) awaitReady(ctx context.Context, ping func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		if s.gone() {
			s.guard.dismiss()
			return fmt.Errorf("%s ended at its start: %s", s.name, s.lastLog())
		}
		// Bounded, since another process may hold the port and say nothing.
		once, cancelOnce := context.WithTimeout(ctx, time.Second)
		err := ping(once)
		cancelOnce()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			s.kill()
			s.guard.dismiss()
			return fmt.Errorf("%s is not ready: %w (%s)", s.name, err, s.lastLog())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// gone reports whether the process has ended, and reaps it.
func (s *server) gone() bool {
	if s.pid == 0 {
		return true
	}
	reaped, err := syscall.Wait4(s.pid, nil, syscall.WNOHANG, nil)
	if reaped == s.pid || errors.Is(err, syscall.ECHILD) {
		s.pid = 0
		return true
	}
	return false
}

func (s *server) kill() {
	if s.gone() {
		return
	}
	_ = syscall.Kill(s.pid, syscall.SIGKILL)
	_, _ = syscall.Wait4(s.pid, nil, 0, nil)
	s.pid = 0
}

// stop asks with the signal and waits; when ctx ends first it kills.
func (s *server) stop(ctx context.Context, signal syscall.Signal) error {
	defer s.remove()
	defer s.guard.dismiss()
	if s.gone() {
		return nil
	}
	if err := syscall.Kill(s.pid, signal); err != nil {
		return fmt.Errorf("ask %s to end: %w", s.name, err)
	}
	for !s.gone() {
		select {
		case <-ctx.Done():
			s.kill()
			return fmt.Errorf("%s did not end in time and was killed: %w", s.name, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (s *server) remove() {
	if s.throwaway && s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *server) lastLog() string {
	out, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return "its log can't be read: " + err.Error()
	}
	return lastLines(out, 5)
}

// makeDir makes the folder that was asked for, or a temporary one that other
// users can enter.
func (s *server) makeDir(dir string) error {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return fmt.Errorf("resolve the folder %s: %w", dir, err)
		}
		s.dir = abs
		if err := os.MkdirAll(abs, 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", s.name, err)
		}
		return nil
	}
	tmp, err := os.MkdirTemp("", "banyan-"+s.name+"-*")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	s.dir, s.throwaway = tmp, true
	if err := os.Chmod(tmp, 0o755); err != nil { // MkdirTemp's 0700 would shut the server's user out
		return fmt.Errorf("open the temporary folder: %w", err)
	}
	return nil
}
