package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/complaints"
	"banyan.dev/strangler/internal/deployment"
)

func TestDownRemovesTheLogsThatATourLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "logs"), 0o755))
	for name, content := range map[string]string{".banyan-run": "made\n", "lock": "1\n", "logs/monolith-0.log": "{}\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	var out, errs bytes.Buffer
	require.NoError(t, Execute(t.Context(), []string{"down", "--run-dir", dir}, &out, &errs))
	require.Contains(t, errs.String(), "the logs that a run left in "+dir+" are removed")
	require.NoDirExists(t, dir)

	require.NoError(t, Execute(t.Context(), []string{"down", "--run-dir", dir}, &out, &errs))
	require.Contains(t, errs.String(), "nothing is up")
}

func TestWhatRemovesTheLogsIsACommandToType(t *testing.T) {
	require.Equal(t, "go run ./strangler down", (&tool{}).downLine())
	require.Equal(t, `go run ./strangler down --run-dir "/tmp/my run"`, (&tool{runDir: "/tmp/my run"}).downLine())
}

func TestAVerificationThatFailedSaysWhy(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 1, 0, time.Local)
	w := why{Behind: []string{"monolith: its relay has 37 events to send"}, Logs: "/run/logs", Meanwhile: &deployment.Meanwhile{
		Complaints: []complaints.Complaint{{Host: "comments", Replicas: []string{"comments-0"}, Level: "WARN", Message: "slow", Count: 1, First: at, Last: at}}}}
	require.Equal(t, `      behind at that moment:
        monolith: its relay has 37 events to send
  what the hosts complained of meanwhile:
    WARN  comments-0: slow, at 12:00:01.000
  their logs: /run/logs`, w.text(0))

	text, err := json.Marshal(verification{why: w})
	require.NoError(t, err)
	require.Contains(t, string(text), `"behind":["monolith: its relay has 37 events to send"],"meanwhile":{"complaints":[{"host":"comments"`)
	text, err = json.Marshal(verification{OK: true})
	require.NoError(t, err)
	require.NotContains(t, string(text), "meanwhile")
}
