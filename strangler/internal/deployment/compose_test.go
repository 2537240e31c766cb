package deployment_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

const composeFile = `
x-host: &host
  stop_grace_period: 5s
services:
  app:
    <<: *host
    image: banyan/app:none
    volumes: ["${BANYAN_SETTINGS_DIR}:/etc/banyan/settings:ro"]
    ports: ["127.0.0.1:1:8080"] # the tool must put its own in its place
  front:
    <<: *host
    image: banyan/app:none
    volumes: ["${BANYAN_ROUTES_DIR}:/etc/banyan/routes:ro"]
`

// composePath is newPath with what the target needs: an image of nothing but the
// program, so that no registry is asked.
func composePath(t *testing.T) steps.Path {
	t.Helper()
	arch, err := exec.CommandContext(t.Context(), "docker", "version", "--format", "{{.Server.Arch}}").Output()
	if err != nil {
		t.Skipf("no Docker engine answers (%v): start one to run this test", err)
	}
	path := newPath(t)
	// Both hosts are one program, and so one image.
	processes := strings.ReplaceAll(processes, "package: ./front", "package: ./app")
	for name, content := range map[string]string{
		"docker-compose.yml": composeFile, "migration-steps/processes.yaml": processes,
		"deploy/docker/Dockerfile": "FROM scratch\nARG HOST\nCOPY bin/${HOST} /app\nUSER 65532\nENTRYPOINT [\"/app\"]\n",
	} {
		file := filepath.Join(path.Root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "bin/app", "./app")
	build.Dir = path.Root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+strings.TrimSpace(string(arch)))
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	path, err = steps.Load(path.Root)
	require.NoError(t, err)
	return path
}

// container is the id of a replica's in status.
func container(t *testing.T, run *deployment.Run, name string) string {
	t.Helper()
	for _, p := range run.Status(t.Context()).Processes {
		if p.Name == name && p.Alive {
			return p.ID
		}
	}
	return ""
}

// left is what the engine still has of a project.
func left(t *testing.T, project string) string {
	t.Helper()
	var all []string
	for _, kind := range [][]string{{"ps", "--all"}, {"network", "ls"}, {"volume", "ls"}} {
		out, err := exec.CommandContext(t.Context(), "docker", append(kind, "--quiet", "--filter", "label=com.docker.compose.project="+project)...).Output()
		require.NoError(t, err)
		all = append(all, strings.Fields(string(out))...)
	}
	return strings.Join(all, " ")
}

// TestARunIsWalkedInContainers: on a real engine, and with a crash of the tool between two
// commands. It takes half a minute.
func TestARunIsWalkedInContainers(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts containers: run it without -short")
	}
	path, dir := composePath(t), filepath.Join(t.TempDir(), "run")
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up", Target: deployment.Target{Name: deployment.Compose}}, func(line string) { t.Log(line) })
	require.NoError(t, err)
	defer func() { down(t, run) }()
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.BringUp(t.Context(), 0))
	app := container(t, run, "app-0")
	project, _, _ := strings.Cut(app, "-app-")
	require.Equal(t, project+"-app-1", app)
	require.NoError(t, run.Close())

	run, err = deployment.Open(path, dir, silent) // the next command
	require.NoError(t, err)
	require.NoError(t, run.Prepare(t.Context(), 2))
	require.NoError(t, walkTo(t, path, run, "02-c"))
	require.Equal(t, app, container(t, run, "app-0"), "the replica that has the sessions is not made anew")
	routes, err := os.ReadFile(filepath.Join(dir, "shared", "routes", "gateway.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(routes), "home: app-0")
	require.Contains(t, string(routes), "url: http://app-2:8080")

	do(t, run, tell("two"), steps.Action{Verb: steps.Kill, Process: "app", Replica: "app-1", SignsOut: true})
	require.Equal(t, map[string]string{"app-0": "one", "app-1": "two", "app-2": "one"}, kinds(t, run), "killed, and made again with what it is told now")
	do(t, run, steps.Action{Verb: steps.Migrate, Process: "app"})

	// Somebody removes a container behind the tool's back, and the tool dies as well.
	require.NoError(t, exec.CommandContext(t.Context(), "docker", "rm", "--force", container(t, run, "app-2")).Run())
	require.NoError(t, run.Close())
	run, err = deployment.Open(path, dir, silent)
	require.NoError(t, err)
	require.Equal(t, []string{"app-2"}, run.Dead())
	require.NoError(t, run.Revive(t.Context()))
	require.Empty(t, run.Dead())

	do(t, run, steps.Action{Verb: steps.Restart, Process: "app", SignsOut: true})
	require.Equal(t, map[string]string{"app-0": "two", "app-1": "two", "app-2": "two"}, kinds(t, run))
	said := run.Complaints(t.Context(), time.Now().Add(-time.Hour), time.Time{}, 10)
	require.Empty(t, said.Error)
	require.Equal(t, []string{"app-0", "app-1", "app-2"}, said.Complaints[0].Replicas)
	require.Equal(t, "two is one too many", said.Complaints[0].Message)
	require.NoError(t, walkTo(t, path, run, "00-a"))
	require.True(t, run.Status(t.Context()).OK)
	require.NoError(t, run.Down(t.Context()))
	require.Empty(t, left(t, project), "down leaves nothing")
	run, err = deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up"}, silent) // for the deferred down
	require.NoError(t, err)
}
