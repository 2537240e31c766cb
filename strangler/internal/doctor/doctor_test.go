package doctor_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/doctor"
)

func find(t *testing.T, all []doctor.Finding, what string) doctor.Finding {
	t.Helper()
	for _, f := range all {
		if f.What == what {
			return f
		}
	}
	require.Fail(t, "not looked at", what)
	return doctor.Finding{}
}

func TestWhatIsMissingComesWithItsMend(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	all := doctor.Examine(t.Context(), filepath.Join(t.TempDir(), "run"))
	golang := find(t, all, "go")
	require.Equal(t, doctor.Missing, golang.State)
	require.Contains(t, golang.Mend, "https://go.dev/dl")
	redis := find(t, all, "redis")
	require.Equal(t, doctor.Better, redis.State, "there is a library for it")
	require.NotEmpty(t, redis.Mend)
}

func TestAFolderThatCanNotBeWrittenIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	folder := find(t, doctor.Examine(t.Context(), filepath.Join(file, "below", "run")), "folder")
	require.Equal(t, doctor.Missing, folder.State)
	require.Contains(t, folder.Mend, "--run-dir")
}
