package deployment_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
)

func write(t *testing.T, parts ...string) string {
	t.Helper()
	file := filepath.Join(parts...)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("somebody's work"), 0o644))
	return file
}

func TestAFolderOfSomebodyElseIsNeverTouched(t *testing.T) {
	path := newPath(t)
	for _, name := range []string{"thesis.txt", "data/thesis.txt", "logs/thesis.txt", "lock"} {
		for _, owner := range []string{"up", "tour"} {
			dir := t.TempDir()
			file := write(t, dir, name)
			_, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: owner}, silent)
			require.ErrorContains(t, err, dir+" is not empty and not a run's folder: choose an empty or a new one")
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, "somebody's work", string(content))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "nothing was put there either")
		}
	}
}

func TestARunJSONOfSomebodyElseMakesNoRun(t *testing.T) {
	path, dir := newPath(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "run.json"), []byte("{}"), 0o644))
	file := write(t, dir, "data", "thesis.txt")
	_, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.ErrorContains(t, err, "is no run")
	_, err = deployment.Open(path, dir, silent)
	require.ErrorContains(t, err, "is no run")
	require.FileExists(t, file)
}

func TestWhatWasPutIntoARunsFolderOutlivesTheRun(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.NoError(t, err)
	file := write(t, dir, "notes.txt")
	require.NoError(t, run.Close()) // as after a crash: the next command clears
	run, err = deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.NoError(t, err)
	require.FileExists(t, file)
	down(t, run)
	require.FileExists(t, file)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "all that was the run's is gone")
}

func TestAnEmptyFolderThatWasGivenStays(t *testing.T) {
	path, dir := newPath(t), t.TempDir()
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up"}, silent)
	require.NoError(t, err)
	down(t, run)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestARunThatCanNotBeginLeavesNothingBehind(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up", External: deployment.External{Port: port}}, silent)
	require.Error(t, err)
	require.NoDirExists(t, dir)
}
