package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// leftRun writes the folder of a run at the first step whose one replica has died
// and whose journal a crash cut in the middle of a line. Another command holds it.
func leftRun(t *testing.T) (dir, journal string) {
	t.Helper()
	dir, journal = leftFolder(t)
	lock, err := os.Create(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	t.Cleanup(func() { require.NoError(t, lock.Close()) })
	return dir, journal
}

// leftFolder is the same, and nobody holds it.
func leftFolder(t *testing.T) (dir, journal string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(dir, 0o755))
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write("run.json", `{"owner":"up","token":"t","entry":"monolith","ports":{"monolith-0":{"public":1,"admin":1}},
		"processes":{"monolith-0":{"name":"monolith-0","process":"monolith","pid":0,"started":"ended"}}}`)
	journal = `{"time":"2026-01-01T00:00:00Z","event":"at","step":"00-monolith"}` + "\n" + `{"time":"20`
	write("journal.jsonl", journal)
	return dir, journal
}

func TestPlanOnlyLooksAtTheRun(t *testing.T) {
	dir, journal := leftRun(t)
	var out, errs bytes.Buffer
	require.NoError(t, Execute(t.Context(), []string{"plan", "--run-dir", dir}, &out, &errs))
	require.Contains(t, out.String(), "forward from 00-monolith to 01-gateway")
	content, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	require.NoError(t, err)
	require.Equal(t, journal, string(content), "the journal is not cut")
}

func TestTheExitStatusOfStatusSaysWhetherAllRuns(t *testing.T) {
	dir, _ := leftRun(t)
	for _, flags := range [][]string{{}, {"--json"}} {
		var out, errs bytes.Buffer
		err := Execute(t.Context(), append([]string{"status", "--run-dir", dir}, flags...), &out, &errs)
		require.ErrorContains(t, err, "a process has ended by itself")
		require.Contains(t, out.String(), "monolith-0", "and tells which")
	}
}

func TestVerifyOfADeadBlogIsOneErrorAtOnce(t *testing.T) {
	dir, _ := leftFolder(t)
	var out, errs bytes.Buffer
	err := Execute(t.Context(), []string{"verify", "--json", "--run-dir", dir}, &out, &errs)
	require.ErrorContains(t, err, "nobody answers at http://127.0.0.1:1; see status")
	var v verification
	require.NoError(t, json.Unmarshal(out.Bytes(), &v), "it is one document all the same")
	require.False(t, v.OK)
	require.Equal(t, "http://127.0.0.1:1", v.URL)
	require.Empty(t, v.Journeys)
	require.Equal(t, err.Error(), v.Error)
}

func TestAnInterruptedVerifySaysSo(t *testing.T) {
	dir, _ := leftFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	err := Execute(ctx, []string{"verify", "--json", "--run-dir", dir}, &out, &errs)
	require.EqualError(t, err, "interrupted")
	require.Contains(t, out.String(), `"error": "interrupted"`)
	require.NotContains(t, out.String(), "journeys failed")
}
