package deployment_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

// settings reads what the replicas read.
func settings(t *testing.T, run *deployment.Run, field string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(run.Dir(), "settings.yaml"))
	require.NoError(t, err)
	m := regexp.MustCompile(`\b` + field + `: "?(\w+)`).FindSubmatch(content)
	require.NotNil(t, m, field)
	return string(m[1])
}

func TestSessionsGoAlongTheRing(t *testing.T) {
	path := newPath(t)
	path.Processes["redis"] = steps.Process{Name: "redis", Infrastructure: "redis"}
	var said []string
	run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up"}, func(s string) { said = append(said, s) })
	require.NoError(t, err)
	defer down(t, run)
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.BringUp(t.Context(), 2))
	to := func(mode string) error {
		said = nil
		return run.Do(t.Context(), steps.Action{Verb: steps.Sessions, Value: mode})
	}

	before, err := strconv.Atoi(settings(t, run, "generation"))
	require.NoError(t, err)

	require.NoError(t, to("back"), "they never left")
	require.Equal(t, "memory", settings(t, run, "store"))
	require.ErrorContains(t, to("redis"), "which does not run")
	require.Equal(t, "dual", settings(t, run, "store"), "as far as it could go")
	require.Equal(t, strconv.Itoa(before+1), settings(t, run, "generation"), "each way to Redis has keys of its own")
}

func TestARunDoesNotSeeTheKeysOfTheRunBefore(t *testing.T) {
	path, began := newPath(t), time.Now().Unix()
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	first, err := strconv.ParseInt(settings(t, run, "generation"), 10, 32)
	require.NoError(t, err)
	require.GreaterOrEqual(t, first, began, "generations rise with time, so no run has those of an earlier one")
}

func TestSettingsAreForNobodyElse(t *testing.T) {
	run, err := deployment.Create(t.Context(), newPath(t), filepath.Join(t.TempDir(), "run"),
		deployment.Options{Owner: "up", External: deployment.External{Redis: "redis://:secret@127.0.0.1:6379/0"}}, silent)
	require.NoError(t, err)
	defer down(t, run)
	info, err := os.Stat(filepath.Join(run.Dir(), "settings.yaml"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAReplicaThatIsNewIsAPeerBeforeItStarts(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 0))
	statuses, err := run.SessionStatuses(t.Context())
	require.NoError(t, err)
	before := statuses[0].Revision
	require.ErrorContains(t, run.Do(t.Context(), steps.Action{Verb: steps.Scale, Process: "app", Replicas: 2}),
		"keeps nobody at one replica", "no affinity yet")
	do(t, run, steps.Action{Verb: steps.Gateway, Value: "02-c"}, steps.Action{Verb: steps.Scale, Process: "app", Replicas: 2})
	statuses, err = run.SessionStatuses(t.Context())
	require.NoError(t, err)
	require.Len(t, statuses, 2)
	require.Greater(t, statuses[0].Revision, before, "the replica that was there has heard")
}
