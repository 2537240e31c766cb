package tour_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

// complaining is a tour whose seam check does not hold, in front of a host that says why.
func complaining(t *testing.T) tour.Config {
	t.Helper()
	c := config(t, blogtest.Start(t), &watcher{})
	c.BackTo = 1
	c.Path.Steps[1].Checks[0].Seams = steps.Table{"front": {"kind": "three"}}
	front := c.Path.Processes["front"]
	front.Environment = maps.Clone(front.Environment)
	front.Environment["COMPLAINS"] = "events are not published; they wait"
	front.Environment["LAG"] = `{"outbox": {"waiting": 4, "first": 11, "last": 14}, "groups": [
		{"group": "front-posts", "topic": "posts", "partition": 0, "next": 5, "end": 14},
		{"group": "front-posts", "topic": "posts", "partition": 1, "next": 7, "end": 7}]}`
	c.Path.Processes["front"] = front
	return c
}

func TestWhatDidNotHoldComesWithWhatTheHostsSaid(t *testing.T) {
	report, _, err := tour.Run(t.Context(), complaining(t))
	require.NoError(t, err)
	require.False(t, report.OK)
	require.Nil(t, report.Steps[0].Meanwhile, "it held")

	row := report.Steps[1]
	var failed tour.Check
	for _, check := range row.Checks {
		if check.Name == "the seam" {
			failed = check
		}
	}
	require.Equal(t, []string{"front: its relay has 4 events to send, from id 11 to 14",
		"front: group front-posts has 9 messages to apply: 9 in partition 0 of posts"}, failed.Behind)
	require.NotNil(t, row.Meanwhile)
	require.NotEmpty(t, row.Meanwhile.Complaints)
	worst := row.Meanwhile.Complaints[0]
	require.Equal(t, "front", worst.Host)
	require.Equal(t, "events are not published; they wait", worst.Message)
	require.Equal(t, "error: no leader for [hidden], topic=comments", worst.Example, "the run's own token is never shown")

	text, err := json.Marshal(report)
	require.NoError(t, err)
	require.Contains(t, string(text), `"meanwhile":{"complaints":[{"host":"front","replicas":["front-0"],"level":"ERROR"`)
	require.Contains(t, string(text), `"behind":["front: its relay has 4 events`)
}

func TestOnlyTheLogsOfATourThatDidNotHoldAreLeft(t *testing.T) {
	c := complaining(t)
	report, _, err := tour.Run(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(c.Dir, "logs"), report.Logs)
	require.FileExists(t, filepath.Join(report.Logs, "front-0.log"))
	entries, err := os.ReadDir(c.Dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{".banyan-run", "lock", "logs"}, names)

	// The next tour needs no cleaning by hand.
	again := config(t, blogtest.Start(t), &watcher{})
	again.Dir, again.To, again.BackTo = c.Dir, 0, 0
	report, _, err = tour.Run(t.Context(), again)
	require.NoError(t, err)
	require.True(t, report.OK)
	require.Empty(t, report.Logs)
	require.NoDirExists(t, c.Dir)
}

func TestWhatATourLeftIsForgottenAndNothingElse(t *testing.T) {
	c := complaining(t)
	_, _, err := tour.Run(t.Context(), c)
	require.NoError(t, err)
	forgot, err := deployment.Forget(c.Dir)
	require.NoError(t, err)
	require.True(t, forgot)
	require.NoDirExists(t, c.Dir)

	forgot, err = deployment.Forget(c.Dir)
	require.NoError(t, err)
	require.False(t, forgot, "there is nothing more")
	theirs := filepath.Join(t.TempDir(), "logs")
	require.NoError(t, os.Mkdir(theirs, 0o755))
	forgot, err = deployment.Forget(filepath.Dir(theirs))
	require.NoError(t, err)
	require.False(t, forgot)
	require.DirExists(t, theirs)
}
