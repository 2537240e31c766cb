package deployment_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const processes = `
app: {package: ./app, migrate: [migrate], environment: {SETTINGS_FILE: "${settings.file}", KIND: one}}
front: {package: ./front, environment: {CONFIG_FILE: "${gateway.file}"}}
broken: {package: ./app, environment: {FAIL: "no address: set DATABASE_URL"}}
`

const routes = `owners: {app: {address: "http://app:8080"}}
routes: [{match: {path: "/*"}, owner: app}]
`

const pinned = `owners: {app: {address: "http://app:8080", affinity: {cookie: c, session_cookie: s}}}
routes: [{match: {path: "/*"}, owner: app}]
`

func stepYAML(runs, entry, forward, back string) string {
	return "title: t\nhurts: h\nchanges: c\nruns: {" + runs + "}\nentry: " + entry +
		"\nsessions: memory\nuser_cache: \"off\"\nforward: [" + forward + "]\nback: [" + back + "]\n"
}

// newPath writes a small repository with an application that keeps the process
// contract and does nothing else.
func newPath(t *testing.T) steps.Path {
	t.Helper()
	root := t.TempDir()
	app, err := os.ReadFile("testdata/app/main.go")
	require.NoError(t, err)
	for name, content := range map[string]string{
		"go.mod": "module example.org/test\n\ngo 1.26\n", "app/main.go": string(app), "front/main.go": string(app),
		"migration-steps/processes.yaml":        processes,
		"migration-steps/00-a/step.yaml":        stepYAML("app: 1", "app", "", ""),
		"migration-steps/01-b/step.yaml":        stepYAML("app: 1, front: 1", "front", "{gateway: 01-b}, {start: front}, {entry: front}", "{entry: app}, {stop: front}"),
		"migration-steps/01-b/gateway.yaml":     routes,
		"migration-steps/02-c/step.yaml":        stepYAML("app: 3, front: 1", "front", "{gateway: 02-c}, {scale: {app: 3}}", "{scale: {app: 1}, signs_out: true}, {gateway: 01-b}"),
		"migration-steps/02-c/gateway.yaml":     pinned,
		"migration-steps/03-wrong/step.yaml":    stepYAML("app: 3, front: 1", "front", "{gateway: 03-wrong}", "{gateway: 02-c}"),
		"migration-steps/03-wrong/gateway.yaml": pinned + "refuse: typo\n",
	} {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	t.Setenv("GOWORK", "off")
	path, err := steps.Load(root)
	require.NoError(t, err)
	return path
}

const (
	waitFor = 10 * time.Second
	tick    = 10 * time.Millisecond
)

func silent(string) {}

func create(t *testing.T, path steps.Path, dir string) *deployment.Run {
	t.Helper()
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up"}, silent)
	require.NoError(t, err)
	require.NoError(t, run.Prepare(t.Context(), 0))
	return run
}

func down(t *testing.T, run *deployment.Run) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, run.Down(ctx))
}

func do(t *testing.T, run *deployment.Run, actions ...steps.Action) {
	t.Helper()
	for _, a := range actions {
		require.NoError(t, run.Do(t.Context(), a), a.String())
	}
}

func pid(t *testing.T, run *deployment.Run, name string) int {
	t.Helper()
	for _, p := range run.Status(t.Context()).Processes {
		if p.Name == name && p.Alive {
			return p.PID
		}
	}
	return 0
}

func walkTo(t *testing.T, path steps.Path, run *deployment.Run, step string) error {
	t.Helper()
	to, err := path.Index(step)
	require.NoError(t, err)
	walks, err := plan.Toward(path, run.Journal(), to)
	require.NoError(t, err)
	for _, w := range walks {
		require.NoError(t, plan.Enter(run.Journal(), w))
		if err := plan.Run(t.Context(), run.Journal(), run, nobody{}); err != nil {
			return err
		}
	}
	return nil
}

type nobody struct{}

func (nobody) Before(context.Context, plan.Walk, int) error       { return nil }
func (nobody) After(context.Context, plan.Walk, int, error) error { return nil }

func TestARunIsWalkedByOneCommandAfterAnother(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	require.NoError(t, run.BringUp(t.Context(), 0))
	app := pid(t, run, "app-0")
	require.NotZero(t, app)
	require.NoError(t, run.Close())

	run, err := deployment.Open(path, dir, silent) // the next command
	require.NoError(t, err)
	require.NoError(t, walkTo(t, path, run, "02-c"))
	require.Equal(t, app, pid(t, run, "app-0"), "the replica that has the sessions is not restarted")
	require.NotZero(t, pid(t, run, "app-2"))
	require.True(t, run.Pinned())
	rendered, err := os.ReadFile(filepath.Join(dir, "gateway.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(rendered), "home: app-0")
	require.Contains(t, string(rendered), "name: app-2")
	require.NotContains(t, string(rendered), "address:")
	settings, err := os.ReadFile(filepath.Join(dir, "settings.yaml"))
	require.NoError(t, err)
	require.Equal(t, 3, strings.Count(string(settings), "- http://127.0.0.1:"), "all replicas are peers")
	require.Contains(t, string(settings), "public_url: "+run.EntryURL()+"\n", "links lead to where users come in now")
	front, err := run.URL("front")
	require.NoError(t, err)
	require.Equal(t, front, run.EntryURL())
	require.NoError(t, run.Close())

	run, err = deployment.Open(path, dir, silent)
	require.NoError(t, err)
	require.NoError(t, walkTo(t, path, run, "00-a"))
	status := run.Status(t.Context())
	require.Len(t, status.Processes, 1)
	require.Equal(t, "00-a", status.Step)
	require.Equal(t, app, pid(t, run, "app-0"))
	down(t, run)
	require.NoDirExists(t, dir)
	// An ended child has its pid until this process has reaped it, beside the test.
	require.Eventually(t, func() bool { return syscall.Kill(app, 0) != nil }, waitFor, tick, "nothing is left running")
}

func TestWhatWouldSignPeopleOutIsRefused(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 2))
	refused := map[string]steps.Action{
		"in the memory of the replicas": {Verb: steps.Kill, Process: "app", Replica: "app-1"},
		"would sign people out":         {Verb: steps.Restart, Process: "app"},
		"move them to redis first":      {Verb: steps.Scale, Process: "app", Replicas: 2},
		"affinity goes off only":        {Verb: steps.Gateway, Value: "01-b"},
	}
	for want, action := range refused {
		require.ErrorContains(t, run.Do(t.Context(), action), want, action.String())
	}
	before := pid(t, run, "app-1")
	do(t, run, steps.Action{Verb: steps.Kill, Process: "app", Replica: "app-1", SignsOut: true})
	require.NotEqual(t, before, pid(t, run, "app-1"), "killed, and started again")
	do(t, run, steps.Action{Verb: steps.Sessions, Value: "dual"}, // settled: all have copied
		steps.Action{Verb: steps.Kill, Process: "app", Replica: "app-2"})
	require.ErrorContains(t, run.Do(t.Context(), steps.Action{Verb: steps.Kill, Process: "app", Replica: "app-9"}), `"app-9"`)
}

func TestTheReplicasWithTheHighestNumbersGo(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 2))
	do(t, run, steps.Action{Verb: steps.Scale, Process: "app", Replicas: 12},
		steps.Action{Verb: steps.Scale, Process: "app", Replicas: 3, SignsOut: true})
	for _, name := range []string{"app-0", "app-1", "app-2"} {
		require.NotZero(t, pid(t, run, name), name)
	}
	require.Zero(t, pid(t, run, "app-10"))
	require.Equal(t, 3, run.Replicas("app"))
}

func TestAChildThatDiesAtItsStartSaysWhy(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	err := run.Do(t.Context(), steps.Action{Verb: steps.Start, Process: "broken", Replicas: 1})
	require.ErrorContains(t, err, "broken-0 ended at its start")
	require.ErrorContains(t, err, "no address: set DATABASE_URL")
	require.ErrorContains(t, err, "broken-0.log")
}

func TestRoutesThatTheGatewayRefusesStopTheWalk(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 2))
	err := walkTo(t, path, run, "03-wrong")
	require.ErrorContains(t, err, "it refuses it: typo")
	walk, done, open := run.Journal().Open()
	require.True(t, open)
	require.Equal(t, "03-wrong", walk.Step)
	require.Zero(t, done)
}

func TestARunThatIsUpIsNotTouched(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	_, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.ErrorIs(t, err, deployment.ErrLocked)
	require.NoError(t, run.Close())
	_, err = deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.ErrorIs(t, err, deployment.ErrRunning)
	require.ErrorContains(t, err, "strangler down")
	run, err = deployment.Open(path, dir, silent)
	require.NoError(t, err)
	down(t, run)
	_, err = deployment.Open(path, dir, silent)
	require.ErrorIs(t, err, deployment.ErrNoRun)
}

func TestWhatACrashedTourLeftIsCleanedUp(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "tour"}, silent)
	require.NoError(t, err)
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.BringUp(t.Context(), 0))
	left := pid(t, run, "app-0")
	require.NoError(t, run.Close()) // as the system does when a process dies

	run, err = deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up"}, silent)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return syscall.Kill(left, 0) != nil }, waitFor, tick)
	down(t, run)
}

func TestAPidThatBelongsToAnotherProcessIsLeftAlone(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	require.NoError(t, run.BringUp(t.Context(), 0))
	app := pid(t, run, "app-0")
	state := filepath.Join(dir, "run.json")
	require.NoError(t, run.Close())
	content, err := os.ReadFile(state)
	require.NoError(t, err)
	i := strings.Index(string(content), `"started": "`)
	require.Positive(t, i)
	changed := string(content[:i]) + `"started": "1` + string(content[i+len(`"started": "`):])
	require.NoError(t, os.WriteFile(state, []byte(changed), 0o600))

	run, err = deployment.Open(path, dir, silent)
	require.NoError(t, err)
	down(t, run)
	require.NoError(t, syscall.Kill(app, 0), "started at another time: another process")
	require.NoError(t, syscall.Kill(app, syscall.SIGKILL))
}

func TestATakenPortIsNamed(t *testing.T) {
	path := newPath(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"),
		deployment.Options{Owner: "up", External: deployment.External{Port: port}}, silent)
	require.ErrorContains(t, err, "--port")
	require.ErrorContains(t, err, "in use")
}

func TestGivenInfrastructureThatIsNotThereIsNamed(t *testing.T) {
	path := newPath(t)
	path.Processes["postgres"] = steps.Process{Name: "postgres", Infrastructure: "postgres"}
	path.Processes["redis"] = steps.Process{Name: "redis", Infrastructure: "redis"}
	path.Processes["kafka"] = steps.Process{Name: "kafka", Infrastructure: "kafka"}
	cases := map[string]deployment.External{
		"--postgres-url is no PostgreSQL address":          {Postgres: "mysql://x"},
		`database "blog" at 127.0.0.1:1 can't be reached`:  {Postgres: "postgres://u:secret@127.0.0.1:1/blog"},
		"--redis-url is no Redis address":                  {Redis: "http://127.0.0.1"},
		"--redis-url: nobody answers at 127.0.0.1:1":       {Redis: "redis://127.0.0.1:1/0"},
		`--kafka "kafka" is no address: write host:port`:   {Kafka: "kafka"},
		"--kafka: nobody answers at 127.0.0.1:1 (dial tcp": {Kafka: "127.0.0.1:1"},
	}
	for want, external := range cases {
		run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up", External: external}, silent)
		require.NoError(t, err)
		err = run.CheckExternal(t.Context())
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "secret")
		down(t, run)
	}
}

func TestAMigrationRunsToItsEnd(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	do(t, run, steps.Action{Verb: steps.Migrate, Process: "app"})
	log, err := os.ReadFile(filepath.Join(run.Dir(), "logs", "app-migrate.log"))
	require.NoError(t, err)
	require.Equal(t, "did [migrate]\n", string(log))
}

func TestARunThatIsWorkedOnCanBeLookedAt(t *testing.T) {
	path, dir := newPath(t), filepath.Join(t.TempDir(), "run")
	run := create(t, path, dir)
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 1))
	look, err := deployment.Look(path, dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, look.Close()) }()
	status := look.Status(t.Context())
	require.Equal(t, "01-b", status.Step)
	require.True(t, status.OK)
	res, err := http.Get(status.Entry + "/readyz")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	http.DefaultClient.CloseIdleConnections()
}
