package deployment

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/steps"
)

// onCompose is a run that has chosen its project and has started nothing.
func onCompose(t *testing.T) *Run {
	t.Helper()
	r := &Run{
		folder: &folder{dir: t.TempDir()},
		path: steps.Path{
			Steps: []steps.Step{{Name: "00-a"}, {Name: "01-b", Runs: []steps.Run{{Process: "comments", Replicas: 2}}}},
			Processes: map[string]steps.Process{
				"monolith": {Name: "monolith", Package: "./monolith", Environment: map[string]string{"DATABASE_URL": "${postgres.url}", "COMMENTS_URLS": "${comments.urls}"}},
				"comments": {Name: "comments", Package: "./services/comments", Environment: map[string]string{"DATABASE_URL": "${postgres.url:comments}"}},
			},
		},
		state:      &State{Target: Target{Name: Compose}, Token: "token", IdentityKey: "key", Processes: map[string]*Instance{}, Ports: map[string]Ports{"monolith-0": {20001, 20002}}},
		bringingUp: "01-b",
	}
	require.NoError(t, r.attach())
	require.NoError(t, r.beginCompose())
	return r
}

// TestAContainerIsToldEverythingByItsOverride, and publishes two ports on loopback only,
// whatever docker-compose.yml says.
func TestAContainerIsToldEverythingByItsOverride(t *testing.T) {
	r := onCompose(t)
	r.state.Environment = steps.Table{"monolith": {"STORES": "features"}}
	c := r.on.(*compose)
	told, err := r.filledIn(t.Context(), r.path.Processes["monolith"])
	require.NoError(t, err)
	file, err := c.containers.override(t.Context(), r.path.Processes["monolith"], "monolith-0")
	require.NoError(t, err)
	content := read(t, file)
	require.Contains(t, content, `ports: !override ["127.0.0.1:20001:8080", "127.0.0.1:20002:8081"]`)
	var is struct {
		Services map[string]struct {
			Image               string
			Environment, Labels map[string]string
			Networks            map[string]struct{ Aliases []string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(content, "!override ", "")), &is))
	s := is.Services["monolith"]
	require.Equal(t, "banyan/monolith:01-b", s.Image)
	require.Equal(t, map[string]string{replicaLabel: "monolith-0"}, s.Labels)
	require.Equal(t, []string{"monolith-0"}, s.Networks["default"].Aliases)
	require.Equal(t, map[string]string{
		"LISTEN_ADDR": "0.0.0.0:8080", "ADMIN_ADDR": "0.0.0.0:8081", "ADMIN_TOKEN": "token", "REPLICA": "monolith-0", "NAME": "monolith-0",
		"STORES": "features", "COMMENTS_URLS": "http://comments-0:8080,http://comments-1:8080", "DATABASE_URL": told["DATABASE_URL"],
	}, s.Environment)
	require.Regexp(t, `^postgres://banyan:[a-z2-7]{32}@postgres:5432/banyan\?sslmode=disable$`, told["DATABASE_URL"])
	comments, err := r.filledIn(t.Context(), r.path.Processes["comments"])
	require.NoError(t, err)
	require.Regexp(t, `^postgres://comments:[a-z2-7]{32}@postgres:5432/comments\?`, comments["DATABASE_URL"])
}

func TestAProgramThatRunsOncePublishesNothingAndIsNoReplica(t *testing.T) {
	r := onCompose(t)
	file, err := r.on.(*compose).containers.override(t.Context(), r.path.Processes["monolith"], "")
	require.NoError(t, err)
	content := read(t, file)
	require.Contains(t, content, "ports: !override []")
	require.NotContains(t, content, replicaLabel)
}

func TestADollarIsNoVariable(t *testing.T) {
	require.Equal(t, `"a $$5 \"note\""`, quoted(`a $5 "note"`))
}

// TestComposeIsSteeredByTheRunAlone: not by variables of the developer's shell, and with
// secrets that no other run has.
func TestComposeIsSteeredByTheRunAlone(t *testing.T) {
	r, other := onCompose(t), onCompose(t)
	env := r.composeEnvironment([]string{"PATH=/bin", "COMPOSE_FILE=x.yml", "COMPOSE_PROJECT_NAME=mine", "BANYAN_DB_PASSWORD=known", "DOCKER_HOST=unix:///x"})
	all := map[string]string{}
	for _, line := range env {
		key, value, _ := strings.Cut(line, "=")
		all[key] = value
	}
	require.Equal(t, "unix:///x", all["DOCKER_HOST"])
	require.NotContains(t, all, "COMPOSE_FILE")
	require.NotContains(t, all, "COMPOSE_PROJECT_NAME")
	require.Equal(t, "01-b", all["BANYAN_STEP"])
	require.Equal(t, r.folder.path("shared", "settings"), all["BANYAN_SETTINGS_DIR"])
	for _, name := range []string{"BANYAN_DB_PASSWORD", "BANYAN_COMMENTS_DB_PASSWORD", "BANYAN_POSTGRES_PASSWORD"} {
		require.Len(t, all[name], 32, name)
	}
	require.NotEqual(t, r.state.Compose.Passwords, other.state.Compose.Passwords)
	require.NotEqual(t, r.state.Compose.Project, other.state.Compose.Project)
}

func TestWhatTheEngineListsIsRead(t *testing.T) {
	all := parseContainers("1\tp-app-3\trunning\tapp-0\tapp\tFalse\n" + "2\tp-app-run-1\texited\t\tapp\tTrue\nnonsense\n")
	require.Equal(t, []container{
		{ID: "1", Name: "p-app-3", State: "running", Replica: "app-0", Service: "app"},
		{ID: "2", Name: "p-app-run-1", State: "exited", Service: "app", OneOff: true},
	}, all)
	require.True(t, all[0].running())
	require.False(t, all[1].running())
}

func TestAHealthcheckIsRunAsTheEngineRunsIt(t *testing.T) {
	for content, want := range map[string][]string{
		`null`: nil, `{"Test":["NONE"]}`: nil,
		`{"Test":["CMD","pg_isready","-h","127.0.0.1"]}`: {"pg_isready", "-h", "127.0.0.1"},
		`{"Test":["CMD-SHELL","redis-cli ping"]}`:        {"/bin/sh", "-c", "redis-cli ping"},
	} {
		is, err := healthTest([]byte(content))
		require.NoError(t, err)
		require.Equal(t, want, is)
	}
}

func TestAnOldComposeIsRefused(t *testing.T) {
	for version, old := range map[string]bool{"2.24.3": true, "v2.20.0": true, "1.29.2": true, "2.24.4": false, "v2.40.3-desktop.1": false, "5.0.0": false, "dev": false} {
		require.Equal(t, old, olderThan(version, oldestCompose), version)
	}
}

func TestServersOfTheUsersOwnAreForThisMachineAlone(t *testing.T) {
	r := onCompose(t)
	r.state.External.Redis = "redis://127.0.0.1:6379/0"
	require.ErrorContains(t, r.beginCompose(), "are for --target local")
}

func TestPeersAreOneNameForAllContainers(t *testing.T) {
	urls, err := onCompose(t).on.peers([]string{"monolith-0", "monolith-1", "monolith-next-0"})
	require.NoError(t, err)
	require.Equal(t, []string{"http://monolith:8081", "http://monolith-next:8081"}, urls)
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(content)
}
