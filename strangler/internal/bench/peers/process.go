package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	readyWithin = 30 * time.Second
	stopWithin  = 5 * time.Second
)

// Process is a contender that runs.
type Process struct {
	Name    string
	Setting Setting
	cmd     *exec.Cmd
	log     string
	ended   chan struct{} // closed when it has ended and was reaped
}

// Start starts the contender in a folder of its own below dir, and returns when it
// accepts connections. Stop it also when ctx ends. An error has the contender's own
// words.
func Start(ctx context.Context, c Contender, s Setting, dir string) (*Process, error) {
	var err error
	if s.Dir, err = os.MkdirTemp(dir, c.Name+"-*"); err != nil {
		return nil, fmt.Errorf("make a folder for %s: %w", c.Name, err)
	}
	file, err := c.write(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	p := &Process{Name: c.Name, Setting: s, log: filepath.Join(s.Dir, "log"), ended: make(chan struct{})}
	if err := p.spawn(c, file); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	if err := p.awaitReady(ctx); err != nil {
		p.Stop()
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	return p, nil
}

func (p *Process) spawn(c Contender, file string) error {
	log, err := os.Create(p.log)
	if err != nil {
		return fmt.Errorf("make a log: %w", err)
	}
	defer log.Close()
	p.cmd = exec.Command(c.program)
	if c.args != nil {
		p.cmd.Args = append(p.cmd.Args, c.args(p.Setting, file)...)
	}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + p.Setting.Dir}
	if c.env != nil {
		p.cmd.Env = append(p.cmd.Env, c.env(p.Setting)...)
	}
	p.cmd.Dir = p.Setting.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if c.watchesInput {
		// It holds the other end: when we are gone, however we went, it ends.
		if _, err := p.cmd.StdinPipe(); err != nil {
			return fmt.Errorf("make a pipe to it: %w", err)
		}
	}
	// A group of its own: Ctrl-C in a terminal ends us, and we end it.
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go p.hold(started)
	return <-started
}

// hold starts the process and waits for its end, all in one thread: on Linux the
// process is told to end when the thread that started it does.
func (p *Process) hold(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // how it ended is in its log
	close(p.ended)
}

// awaitReady waits until somebody accepts connections where the contender listens.
func (p *Process) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.Setting.Address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended by itself:\n%s", p.Log())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("nobody listens at %s:\n%s", p.Setting.Address, p.Log()), context.Cause(ctx))
		case <-look.C:
		}
	}
}

// Log is the end of what the process wrote.
func (p *Process) Log() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return "its log can't be read: " + err.Error()
	}
	if content = bytes.TrimSpace(content); len(content) == 0 {
		return "  (it wrote nothing)"
	}
	lines := strings.Split(string(content), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}

// Stop ends the process, asking first, and what it started. It may be called again.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	// Workers that the process could not end itself. Its group is nobody else's.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }
