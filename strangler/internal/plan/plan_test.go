package plan_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

func path() steps.Path {
	run := func(n int) []steps.Run {
		return []steps.Run{{Process: "db", Replicas: 1}, {Process: "app", Replicas: n}}
	}
	return steps.Path{
		Processes: map[string]steps.Process{
			"db":  {Name: "db", Infrastructure: "postgres"},
			"app": {Name: "app", Package: "./app", Migrate: []string{"migrate"}},
		},
		Steps: []steps.Step{
			{Name: "00-a", Runs: run(1), Entry: "app"},
			{Name: "01-b", Runs: run(2), Entry: "app",
				Forward: []steps.Action{{Verb: steps.Scale, Process: "app", Replicas: 2}, {Verb: steps.Restart, Process: "app"}},
				Back:    []steps.Action{{Verb: steps.Scale, Process: "app", Replicas: 1}}},
			{Name: "02-c", Runs: run(2), Entry: "app",
				Forward: []steps.Action{{Verb: steps.Start, Process: "app"}},
				Back:    []steps.Action{{Verb: steps.Sessions, Value: "memory"}}},
		},
	}
}

func titles(walks []plan.Walk) []string {
	var all []string
	for _, w := range walks {
		all = append(all, w.Title())
	}
	return all
}

func open(t *testing.T, file string) *plan.Journal {
	t.Helper()
	j, err := plan.OpenJournal(file)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func TestTheWayIsOneWalkForEachStep(t *testing.T) {
	require.Empty(t, plan.Between(path(), 1, 1))
	require.Equal(t, []string{"forward from 00-a to 01-b", "forward from 01-b to 02-c"}, titles(plan.Between(path(), 0, 2)))
	require.Equal(t, []string{"back from 02-c to 01-b", "back from 01-b to 00-a"}, titles(plan.Between(path(), 2, 0)))
	require.Equal(t, 2, plan.Between(path(), 1, 2)[0].Actions[0].Replicas, "a start means as many as the end state has")
}

func TestAFreshStepIsItsEndState(t *testing.T) {
	var lines []string
	for _, a := range plan.Fresh(path(), 2) {
		lines = append(lines, a.String())
	}
	require.Equal(t, []string{"start db", "migrate the database of app", "start 2 replicas of app", "send users to app"}, lines)
}

// target does nothing but remember, and fails or "crashes" where it is told to.
type target struct {
	did    []string
	failAt string
}

func (t *target) Do(_ context.Context, a steps.Action) error {
	t.did = append(t.did, a.String())
	if a.String() == t.failAt {
		return errors.New("no disk")
	}
	return nil
}

type silent struct{}

func (silent) Before(context.Context, plan.Walk, int) error       { return nil }
func (silent) After(context.Context, plan.Walk, int, error) error { return nil }

func TestAWalkIsResumedWhereItWas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	j := open(t, file)
	require.NoError(t, j.Arrive("00-a"))
	require.NoError(t, j.Begin(plan.Between(path(), 0, 1)[0]))
	failing := &target{failAt: "restart app"}
	err := plan.Run(t.Context(), j, failing, silent{})
	require.EqualError(t, err, "forward from 00-a to 01-b, action 2 of 2 (restart app): no disk")

	j = open(t, file) // as the next invocation of the tool does
	require.Equal(t, "00-a", j.At())
	_, done, is := j.Open()
	require.True(t, is)
	require.Equal(t, 1, done)
	again := &target{}
	require.NoError(t, plan.Run(t.Context(), j, again, silent{}))
	require.Equal(t, []string{"restart app"}, again.did, "what is done is not done again")
	require.Equal(t, "01-b", j.At())

	j = open(t, file)
	require.Equal(t, "01-b", j.At())
	require.NoError(t, plan.Run(t.Context(), j, again, silent{}), "nothing is open")
}

// A gateway lets go of what a command held that has died. What comes next in the walk
// counts on it.
func TestWhatWasHeldIsHeldAgainWhenAWalkIsResumed(t *testing.T) {
	hold := steps.Action{Verb: steps.Hold, Move: &steps.Move{Routes: []string{"writes"}, For: time.Second}}
	release := steps.Action{Verb: steps.Release, Move: &steps.Move{Routes: []string{"writes"}}}
	restart, migrate := steps.Action{Verb: steps.Restart, Process: "app"}, steps.Action{Verb: steps.Migrate, Process: "app"}
	walk := plan.Walk{Step: "01-b", From: "00-a", To: "01-b", Actions: []steps.Action{hold, restart, release, migrate}}
	for failAt, want := range map[string][]string{
		"restart app":                 {"hold writes", "restart app", "release writes", "migrate the database of app"},
		"migrate the database of app": {"migrate the database of app"},
	} {
		file := filepath.Join(t.TempDir(), "journal")
		j := open(t, file)
		require.NoError(t, j.Arrive("00-a"))
		require.NoError(t, j.Begin(walk))
		require.Error(t, plan.Run(t.Context(), j, &target{failAt: failAt}, silent{}))
		again := &target{}
		require.NoError(t, plan.Run(t.Context(), open(t, file), again, silent{}))
		require.Equal(t, want, again.did)
	}
}

func TestAnEntryThatACrashCutInHalfHasNotHappened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	j := open(t, file)
	require.NoError(t, j.Arrive("00-a"))
	require.NoError(t, j.Begin(plan.Between(path(), 0, 1)[0]))
	require.NoError(t, j.Begun(0))
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, j.Done(0))
	torn, err := os.ReadFile(file)
	require.NoError(t, err)

	for cut := len(whole); cut < len(torn); cut++ {
		require.NoError(t, os.WriteFile(file, torn[:cut], 0o644))
		j := open(t, file)
		_, done, is := j.Open()
		require.True(t, is)
		require.Zero(t, done, "cut at %d", cut)
		require.NoError(t, j.Done(0))
		require.NoError(t, j.Close())
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, byte('\n'), after[len(after)-1])
		_, done, _ = open(t, file).Open()
		require.Equal(t, 1, done)
	}
}

func TestAJournalThatIsNoneIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(file, []byte("what\n"), 0o644))
	_, err := plan.OpenJournal(file)
	require.ErrorContains(t, err, file+":1:")
}

func TestAnOpenWalkIsFinishedOrGivenUp(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, j.Arrive("01-b"))
	require.NoError(t, j.Begin(plan.Between(path(), 1, 2)[0]))

	cases := map[int][]string{
		2: {"forward from 01-b to 02-c"},
		1: {"back from 02-c to 01-b"},
		0: {"back from 02-c to 01-b", "back from 01-b to 00-a"},
	}
	for to, want := range cases {
		walks, err := plan.Toward(path(), j, to)
		require.NoError(t, err)
		require.Equal(t, want, titles(walks))
	}

	require.NoError(t, plan.Enter(j, plan.Between(path(), 2, 1)[0]))
	walk, _, is := j.Open()
	require.True(t, is)
	require.Equal(t, plan.Back, walk.Direction)
	walks, err := plan.Toward(path(), j, 2)
	require.NoError(t, err)
	require.Equal(t, []string{"forward from 01-b to 02-c"}, titles(walks))
}

func TestAPlanSaysWhy(t *testing.T) {
	text := plan.Describe([]plan.Walk{{Direction: plan.Back, From: "b", To: "a", Actions: []steps.Action{
		{Verb: steps.Stop, Process: "redis", Because: "nobody asks it", SignsOut: true}}}})
	require.Equal(t, "back from b to a\n  1. stop redis\n     nobody asks it\n     this signs people out\n", text)
}
