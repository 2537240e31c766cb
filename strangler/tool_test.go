package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool is the built binary with a run folder of its own: what a user has.
type tool struct {
	t   *testing.T
	bin string
	dir string
}

func newTool(t *testing.T) *tool {
	t.Helper()
	// Not t.TempDir: PostgreSQL runs as another user when we are root, and must be
	// able to enter.
	home, err := os.MkdirTemp("", "banyan-tool-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755))
	tl := &tool{t: t, bin: filepath.Join(home, "strangler"), dir: filepath.Join(home, "run")}
	out, err := exec.Command("go", "build", "-o", tl.bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	t.Cleanup(func() {
		_, _ = tl.command("down").CombinedOutput() // after a failure; otherwise nothing is up
		require.NoError(t, os.RemoveAll(home))
	})
	return tl
}

func (tl *tool) command(args ...string) *exec.Cmd {
	return exec.Command(tl.bin, append(args, "--run-dir", tl.dir)...)
}

func (tl *tool) run(args ...string) string {
	tl.t.Helper()
	cmd := tl.command(args...)
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	require.NoError(tl.t, cmd.Run(), "%v\n%s\n%s", args, out.String(), progress.String())
	return out.String()
}

type status struct {
	Step, Walk, Entry, Sessions string
	OK                          bool
	Processes                   []struct {
		Name, Admin string
		PID         int
	}
}

func (tl *tool) status() status {
	tl.t.Helper()
	var s status
	require.NoError(tl.t, json.Unmarshal([]byte(tl.run("status", "--json")), &s))
	return s
}

func (s status) pid(t *testing.T, name string) int {
	t.Helper()
	for _, p := range s.Processes {
		if p.Name == name {
			return p.PID
		}
	}
	require.Fail(t, "does not run", name)
	return 0
}

// TestTheRunIsWalkedByOneCommandAfterAnother is what the README tells a reader to
// do, with one command killed in the middle.
func TestTheRunIsWalkedByOneCommandAfterAnother(t *testing.T) {
	t.Parallel()
	tl := newTool(t)
	tl.run("up", "--posts", "10")
	at00 := tl.status()
	require.Equal(t, "00-monolith", at00.Step)
	require.True(t, at00.OK)
	res, err := http.Get(at00.Entry + "/api/v1/posts")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)

	tl.run("advance", "--to", "02")
	at02 := tl.status()
	require.Equal(t, "02-sticky-sessions", at02.Step)
	require.NotEqual(t, at00.Entry, at02.Entry, "users come by the gateway")
	require.Equal(t, at00.pid(t, "monolith-0"), at02.pid(t, "monolith-0"), "who has sessions in its memory is not restarted")

	tl.killInTheMiddle("advance", `"what":"move sessions to dual"`)
	require.Contains(t, tl.status().Walk, "forward from 02-sticky-sessions to 03-redis-sessions")
	tl.run("advance")
	at03 := tl.status()
	require.Equal(t, "03-redis-sessions", at03.Step)
	require.Equal(t, "redis", at03.Sessions)
	require.Empty(t, at03.Walk)

	require.NoError(t, syscall.Kill(at03.pid(t, "monolith-1"), syscall.SIGKILL))
	tl.run("rollback", "--to", "00")
	back := tl.status()
	require.Equal(t, "00-monolith", back.Step)
	require.Equal(t, "memory", back.Sessions)
	require.Len(t, back.Processes, 3, "postgres, mail and one monolith")
	require.Equal(t, at00.pid(t, "monolith-0"), back.pid(t, "monolith-0"))

	tl.run("down")
	require.NoDirExists(t, tl.dir)
	for _, p := range append(at03.Processes, back.Processes...) {
		require.False(t, runs(p.PID), "%s is left running", p.Name)
	}
}

// runs counts a zombie as ended: who adopts orphans in a container may never reap
// them.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// killInTheMiddle kills a command as soon as the journal says that an action has
// begun.
func (tl *tool) killInTheMiddle(name, begun string) {
	tl.t.Helper()
	cmd := tl.command(name)
	require.NoError(tl.t, cmd.Start())
	require.Eventually(tl.t, func() bool {
		journal, err := os.ReadFile(filepath.Join(tl.dir, "journal.jsonl"))
		return err == nil && bytes.Contains(journal, []byte(begun))
	}, time.Minute, time.Millisecond)
	require.NoError(tl.t, cmd.Process.Kill())
	_ = cmd.Wait()
}

func TestCtrlCStopsATourAndLeavesNothing(t *testing.T) {
	t.Parallel()
	tl := newTool(t)
	cmd := tl.command("tour", "--json", "--posts", "0", "--users", "3")
	var out bytes.Buffer
	progress, err := cmd.StderrPipe()
	require.NoError(t, err)
	cmd.Stdout = &out
	require.NoError(t, cmd.Start())
	heard := &bytes.Buffer{}
	chunk := make([]byte, 4096)
	for !strings.Contains(heard.String(), "00-monolith, forward") {
		n, err := progress.Read(chunk)
		require.NoError(t, err, heard.String())
		heard.Write(chunk[:n])
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, _ = heard.ReadFrom(progress)
	require.Error(t, cmd.Wait(), "what did not come to its end did not hold")
	require.Contains(t, heard.String(), "error: interrupted")
	var report struct {
		OK    bool
		Error string
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report), "one document, also then")
	require.False(t, report.OK)
	require.NotEmpty(t, report.Error)
	require.NoDirExists(t, tl.dir)
}
