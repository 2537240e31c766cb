package main_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// child is a hand-over under way.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // closed at the end of all it says
	said  []string
	well  bool // it ended so
}

// requireProgress requires what the command had to do although the victim was dead.
func (h *child) requireProgress(p pass) {
	h.t.Helper()
	said := strings.Join(h.said, "\n")
	if p.goesThrough() {
		require.True(h.t, h.well, "%s: %s", p, said)
	}
	if p.victim == oldOwner && p.comes("after the take") {
		require.Contains(h.t, said, "hand-over: routed", "%s: users wait for the dead", p)
	}
}

func (c *crashes) handover(to string) *child {
	c.t.Helper()
	h := &child{t: c.t, cmd: c.tl.command("handover", "--to", to), lines: make(chan string, 10000)}
	out, in, err := os.Pipe()
	require.NoError(c.t, err)
	h.cmd.Stdout, h.cmd.Stderr = in, in
	require.NoError(c.t, h.cmd.Start())
	require.NoError(c.t, in.Close())
	go func() {
		defer out.Close()
		defer close(h.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			h.lines <- s.Text()
		}
	}()
	return h
}

// killAt waits for the line of a moment and kills there and then. The tool is stopped
// meanwhile, so that it is that moment. It returns the last line that was told before.
func (h *child) killAt(p pass, pids []int) (last string) {
	h.t.Helper()
	for !strings.Contains(last, p.at.line) {
		line, more := <-h.lines
		require.True(h.t, more, "%s: it ended before: %s", p, strings.Join(h.said, "\n"))
		h.said, last = append(h.said, line), line
	}
	if p.victim == theTool {
		require.NoError(h.t, h.cmd.Process.Kill())
	} else {
		h.signal(syscall.SIGSTOP)
		for _, pid := range pids {
			require.NoError(h.t, syscall.Kill(pid, syscall.SIGKILL))
		}
		for _, pid := range pids {
			require.Eventually(h.t, func() bool { return !runs(pid) }, 10*time.Second, time.Millisecond, "%s: %d is still there", p, pid)
		}
	}
	for len(h.lines) > 0 { // too late by so much
		line, more := <-h.lines
		if !more {
			break
		}
		h.said, last = append(h.said, line), line
	}
	if p.victim != theTool {
		h.signal(syscall.SIGCONT)
	}
	return last
}

func (h *child) signal(s os.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(s); err != nil {
		require.ErrorIs(h.t, err, os.ErrProcessDone)
	}
}

// settleWithin is how long a hand-over may try without what has died; the run is free
// for the command that brings that back only when it has ended.
const settleWithin = 4 * time.Second

// settle waits for the end, and interrupts what waits for the dead. It returns how it
// ended, in words.
func (h *child) settle() string {
	h.t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for line := range h.lines {
			h.said = append(h.said, line)
		}
		_ = h.cmd.Wait()
	}()
	how := "ended"
	select {
	case <-ended:
	case <-time.After(settleWithin):
		h.signal(os.Interrupt)
		how = "was interrupted"
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = h.cmd.Process.Kill()
		require.Fail(h.t, "does not end when it is interrupted", strings.Join(h.said, "\n"))
	}
	h.well = h.cmd.ProcessState.Success()
	if h.well {
		return how + " well"
	}
	why := h.said[len(h.said)-1]
	for _, line := range h.said {
		if strings.HasPrefix(line, "error: ") {
			why = line
		}
	}
	return fmt.Sprintf("%s (%s): %s", how, h.cmd.ProcessState, why)
}
