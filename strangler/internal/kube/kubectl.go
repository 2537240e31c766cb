package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Cluster is one namespace of a cluster. It is safe for concurrent use.
type Cluster struct {
	// Program is the kubectl binary, by its path or its name in PATH; empty is kubectl.
	Program string
	// Context of the kubeconfig; empty is the current one.
	Context   string
	Namespace string
}

// commandWithin bounds one command that waits for nothing but an answer.
const commandWithin = time.Minute

// workWithin bounds one that works or waits for what goes away.
const workWithin = 15 * time.Minute

// Error is a kubectl command that failed, with what it said.
type Error struct {
	Args []string
	Said string // on its standard error
	Err  error
}

func (e *Error) Error() string {
	said := e.Said
	if said == "" {
		said = e.Err.Error()
	}
	return fmt.Sprintf("kubectl %s: %s", strings.Join(e.Args, " "), said)
}

func (e *Error) Unwrap() error { return e.Err }

// NotFound tells whether a command failed because the object is not there.
func NotFound(err error) bool { return saysReason(err, "(NotFound)") }

// Forbidden tells whether the cluster did not take a command because of who we are.
func Forbidden(err error) bool { return saysReason(err, "(Forbidden)") }

func saysReason(err error, reason string) bool {
	var e *Error
	return errors.As(err, &e) && strings.Contains(e.Said, reason)
}

func (c Cluster) program() string {
	if c.Program == "" {
		return "kubectl"
	}
	return c.Program
}

// where names the context and the namespace.
func (c Cluster) where() []string {
	var args []string
	if c.Context != "" {
		args = append(args, "--context", c.Context)
	}
	if c.Namespace != "" {
		args = append(args, "--namespace", c.Namespace)
	}
	return args
}

// command is in a process group of its own: Ctrl-C at the terminal is for the tool,
// which ends what it began in an order.
func (c Cluster) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program(), append(c.where(), args...)...)
	cmd.SysProcAttr = child()
	cmd.WaitDelay = time.Second
	return cmd
}

// run runs a command, with stdin if there is any, and returns what it wrote.
func (c Cluster) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	return c.runWithin(ctx, commandWithin, stdin, args...)
}

// runWithin is run for a command that may take longer than an answer.
func (c Cluster) runWithin(ctx context.Context, bound time.Duration, stdin []byte, args ...string) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	cmd := c.command(within, args)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case err == nil:
		return out.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case within.Err() != nil:
		err = fmt.Errorf("no answer within %s", bound)
	case errors.Is(err, exec.ErrNotFound):
		return nil, errMissing
	}
	return out.Bytes(), &Error{Args: args, Said: lastWords(said.String()), Err: err}
}

// get reads JSON that a command writes.
func (c Cluster) get(ctx context.Context, into any, args ...string) error {
	out, err := c.run(ctx, nil, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("read what kubectl %s wrote: %w", strings.Join(args, " "), err)
	}
	return nil
}

// lastWords of a command: its last lines, without the client's own log lines, which
// repeat one failure several times; the last of these where it said nothing else.
func lastWords(said string) string {
	var kept []string
	var logged string
	for _, line := range strings.Split(strings.TrimSpace(said), "\n") {
		switch {
		case klogLine(line):
			logged = line
		case line != "":
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		return logged
	}
	return strings.Join(kept[max(0, len(kept)-12):], "\n")
}

// klogLine is one such as `E1121 18:31:09.811246    9633 memcache.go:265] ...`.
func klogLine(line string) bool {
	return len(line) > 5 && strings.ContainsRune("EWI", rune(line[0])) && strings.Trim(line[1:5], "0123456789") == "" && line[5] == ' '
}

// await asks until it is so or ctx ends, whose error it returns then.
func await(ctx context.Context, every time.Duration, is func() (bool, error)) error {
	for {
		done, err := is()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// askEvery is how often the cluster is asked whether something has come about. Each
// asking is a process, some 50 ms of one core.
const askEvery = 500 * time.Millisecond
