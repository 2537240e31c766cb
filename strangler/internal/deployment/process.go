package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// spawn starts a program in a session of its own, so that it outlives this
// command and the terminal, with its output in log.
func spawn(program string, args, env []string, log string) (pid int, err error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, fmt.Errorf("open the log: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = env
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	go func() { _ = cmd.Wait() }() // reaps it, should it end before we do
	return cmd.Process.Pid, nil
}

// alive tells whether this very process runs, not another with its pid.
func (i *Instance) alive() bool {
	if i == nil || i.PID == 0 || syscall.Kill(i.PID, 0) != nil {
		return false
	}
	started, err := startTime(i.PID)
	return err == nil && started == i.Started
}

// signal sends to the process if it is still the one we started.
func (i *Instance) signal(s syscall.Signal) error {
	if !i.alive() {
		return nil
	}
	if err := syscall.Kill(i.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s (process %d): %w", i.Name, i.PID, err)
	}
	return nil
}

// end asks the process to end and waits; after patience it is killed.
func (i *Instance) end(ctx context.Context, patience time.Duration) error {
	if err := i.signal(syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if await(ctx, 5*time.Millisecond, func() bool { return !i.alive() }) {
		return nil
	}
	return i.kill()
}

// kill is kill -9, and waits until the process is gone.
func (i *Instance) kill() error {
	if err := i.signal(syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !await(ctx, time.Millisecond, func() bool { return !i.alive() }) {
		return fmt.Errorf("%s (process %d) is still there 10 s after kill -9", i.Name, i.PID)
	}
	return nil
}

// await asks again and again; false when ctx ended first.
func await(ctx context.Context, every time.Duration, is func() bool) bool {
	for !is() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(every):
		}
	}
	return true
}

// lastLines of a log, for the message that says why a process ended.
func lastLines(log string, n int) string {
	content, err := os.ReadFile(log)
	if err != nil {
		return "its log can't be read: " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
