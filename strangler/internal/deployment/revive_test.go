package deployment_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
)

func TestWhatDiedIsStartedAgain(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 1))
	did, err := run.Resume(t.Context(), 1)
	require.NoError(t, err)
	require.False(t, did, "everything runs")

	require.NoError(t, syscall.Kill(pid(t, run, "app-0"), syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(run.Dead()) == 1 }, waitFor, tick)
	did, err = run.Resume(t.Context(), 1)
	require.NoError(t, err)
	require.True(t, did)
	require.NotZero(t, pid(t, run, "app-0"))

	_, err = run.Resume(t.Context(), 0)
	require.ErrorIs(t, err, deployment.ErrRunning)
	require.ErrorContains(t, err, "at 01-b: use advance or rollback")
}

func TestABringUpThatWasCutOffGoesOn(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	require.NoError(t, run.Close()) // before anything was started

	run, err := deployment.Open(path, dir, silent)
	require.NoError(t, err)
	defer down(t, run)
	did, err := run.Resume(t.Context(), 1)
	require.NoError(t, err)
	require.True(t, did)
	require.Equal(t, "01-b", run.Journal().At())
	require.True(t, run.Status(t.Context()).OK)
}
