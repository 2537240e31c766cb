package deployment_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

// kinds is how each replica of app says it was wired.
func kinds(t *testing.T, run *deployment.Run) map[string]string {
	t.Helper()
	all, err := run.Seams(t.Context(), "app")
	require.NoError(t, err)
	kinds := map[string]string{}
	for replica, seams := range all {
		kinds[replica] = seams["kind"]
	}
	return kinds
}

func tell(kind string) steps.Action {
	return steps.Action{Verb: steps.Tell, Environment: steps.Table{"app": {"KIND": kind}}}
}

// TestWhatReplicasAreToldHoldsFromTheirNextStartOn: by whatever they are started, and
// by whichever command.
func TestWhatReplicasAreToldHoldsFromTheirNextStartOn(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	require.NoError(t, run.BringUp(t.Context(), 2))
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "one", "app-2": "one"}, kinds(t, run))
	do(t, run, tell("two"), tell("two"))
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "one", "app-2": "one"}, kinds(t, run), "who runs was told before")
	do(t, run, steps.Action{Verb: steps.Kill, Process: "app", Replica: "app-1", SignsOut: true})
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "two", "app-2": "one"}, kinds(t, run), "killed, and started again")
	require.NoError(t, run.Close())

	run, err := deployment.Open(path, dir, silent) // the next command
	require.NoError(t, err)
	defer func() { down(t, run) }()
	require.NoError(t, syscall.Kill(pid(t, run, "app-2"), syscall.SIGKILL))
	require.Eventually(t, func() bool { return len(run.Dead()) == 1 }, waitFor, tick)
	require.NoError(t, run.Revive(t.Context()))
	do(t, run, steps.Action{Verb: steps.Scale, Process: "app", Replicas: 4})
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "two", "app-2": "two", "app-3": "two"}, kinds(t, run))
	do(t, run, steps.Action{Verb: steps.Restart, Process: "app", SignsOut: true})
	require.Equal(t, map[string]string{"app-0": "two", "app-1": "two", "app-2": "two", "app-3": "two"}, kinds(t, run))
	do(t, run, tell("one"), steps.Action{Verb: steps.Restart, Process: "app", SignsOut: true})
	require.Equal(t, "one", kinds(t, run)["app-0"], "and back")
}

// environmentPath ends in a step that tells app another kind.
func environmentPath(t *testing.T) steps.Path {
	t.Helper()
	path := newPath(t)
	dir := filepath.Join(path.Root, steps.Folder)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "03-wrong")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "03-d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "03-d", "gateway.yaml"), []byte(pinned), 0o644))
	content := stepYAML("app: 3, front: 1", "front",
		"{environment: {app: {KIND: two}}}, {restart: app, signs_out: true}", "{environment: {app: {KIND: one}}}, {restart: app, signs_out: true}")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "03-d", "step.yaml"), []byte(content+"environment: {app: {KIND: two}}\n"), 0o644))
	path, err := steps.Load(path.Root)
	require.NoError(t, err)
	return path
}

func TestAStepIsBroughtUpWithItsEnvironment(t *testing.T) {
	path := environmentPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 3))
	require.Equal(t, map[string]string{"app-0": "two", "app-1": "two", "app-2": "two"}, kinds(t, run))
	require.NoError(t, walkTo(t, path, run, "02-c"))
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "one", "app-2": "one"}, kinds(t, run))
}

// TestAWalkThatIsCutOffGoesOnWithWhatWasTold: the tool dies after it told, before it
// has restarted anybody.
func TestAWalkThatIsCutOffGoesOnWithWhatWasTold(t *testing.T) {
	path, dir := environmentPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	require.NoError(t, run.BringUp(t.Context(), 2))
	begun := plan.Between(path, 2, 3)[0]
	require.NoError(t, run.Journal().Begin(begun))
	require.NoError(t, run.Journal().Begun(0))
	do(t, run, begun.Actions[0])
	require.NoError(t, run.Close()) // as the system does when a process dies

	run, err := deployment.Open(path, dir, silent)
	require.NoError(t, err)
	defer func() { down(t, run) }()
	require.Equal(t, "one", kinds(t, run)["app-0"])
	require.NoError(t, walkTo(t, path, run, "03-d"))
	require.Equal(t, map[string]string{"app-0": "two", "app-1": "two", "app-2": "two"}, kinds(t, run))
}
