package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheToolIsKilledWhileItHandsOver: kill -9 at several moments of a hand-over, each
// way, under users who write; then the same command goes on, or the opposite one. There
// is never more than one owner, and nothing acknowledged is lost.
func TestTheToolIsKilledWhileItHandsOver(t *testing.T) {
	t.Parallel()
	tl := newTool(t)
	tl.run("up", "--step", "06", "--posts", "20")
	stop := tl.users()
	for _, c := range []struct {
		begin, goOn string
		after       time.Duration
	}{
		{"advance", "advance", 0}, {"rollback", "rollback", 40 * time.Millisecond},
		{"advance", "rollback", 20 * time.Millisecond}, {"advance", "advance", 80 * time.Millisecond},
		{"rollback", "advance", 120 * time.Millisecond},
	} {
		tl.killHandingOver(c.begin, c.after)
		require.LessOrEqual(t, tl.owners(), 1, "%s killed after %s", c.begin, c.after)
		tl.run(c.goOn)
		require.Equal(t, map[string]string{"advance": "07-comments-writes", "rollback": "06-comments-reads"}[c.goOn], tl.status().Step)
		require.Equal(t, 1, tl.owners(), "%s after %s", c.goOn, c.begin)
	}
	told := stop()
	require.Contains(t, told, " 0 lost, 0 duplicated, 0 out of order, 0 not seen by their writer, 0 came back")
	require.Contains(t, tl.run("reconcile"), "0 differences")
}

// killHandingOver kills a command so long after its hand-over has begun.
func (tl *tool) killHandingOver(name string, after time.Duration) {
	tl.t.Helper()
	begun := func() int {
		journal, err := os.ReadFile(filepath.Join(tl.dir, "journal.jsonl"))
		require.NoError(tl.t, err)
		n := 0
		for _, line := range bytes.Split(journal, []byte("\n")) {
			if bytes.Contains(line, []byte(`"event":"begun"`)) && bytes.Contains(line, []byte("hand comments over to")) {
				n++
			}
		}
		return n
	}
	before := begun()
	cmd := tl.command(name)
	require.NoError(tl.t, cmd.Start())
	require.Eventually(tl.t, func() bool { return begun() > before }, time.Minute, time.Millisecond)
	<-time.After(after) // a moment of it, whichever
	require.NoError(tl.t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// owners counts the sides that own comments, as their databases say.
func (tl *tool) owners() int {
	tl.t.Helper()
	var report struct {
		Sides []struct{ Row struct{ State string } }
	}
	require.NoError(tl.t, json.Unmarshal([]byte(tl.run("handover", "--status", "--json")), &report))
	require.Len(tl.t, report.Sides, 2)
	n := 0
	for _, s := range report.Sides {
		if s.Row.State == "owner" {
			n++
		}
	}
	return n
}

// users are at work until stop, which returns what was said of them.
func (tl *tool) users() (stop func() string) {
	tl.t.Helper()
	cmd := tl.command("load", "--users", "12", "--rate", "60")
	heard := &safe{}
	cmd.Stdout, cmd.Stderr = heard, heard
	require.NoError(tl.t, cmd.Start())
	tl.t.Cleanup(func() { _ = cmd.Process.Kill() }) // after a failure
	require.Eventually(tl.t, func() bool { return strings.Contains(heard.String(), "are at work") }, time.Minute, 10*time.Millisecond, heard.String())
	return func() string {
		require.NoError(tl.t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait() // a 503 that did not settle is allowed where the tool was killed
		return heard.String()
	}
}

// safe is a buffer that one reads while another writes.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestServersAreKilledAndComeBackWithTheirData: kill -9 of what the tool has started
// itself, while it is used; but not where that would sign people out unasked.
func TestServersAreKilledAndComeBackWithTheirData(t *testing.T) {
	t.Parallel()
	tl := newTool(t)
	tl.run("up", "--step", "05", "--posts", "20")
	before := tl.status()
	tl.run("do", "kill: kafka", "kill: postgres")
	after := tl.status()
	for _, name := range []string{"kafka", "postgres"} {
		require.NotEqual(t, before.pid(t, name), after.pid(t, name), name)
	}
	require.Equal(t, before.pid(t, "monolith-0"), after.pid(t, "monolith-0"), "hosts wait for their servers")
	require.Contains(t, tl.run("reconcile"), "0 differences: 60 rows")
	require.Contains(t, tl.run("verify"), "62 journeys hold", "and what is written now is fed again")
	require.Contains(t, tl.run("reconcile"), "0 differences")

	out, err := tl.command("do", "kill: redis").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "would sign everyone out")
	out, err = tl.command("do", "stop: kafka").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "turn them off, and restart it, before kafka is stopped")
	out, err = tl.command("do", "discard: comments").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "stop it before its data is discarded")
}
