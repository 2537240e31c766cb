package house_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/steps"
)

const root = "../../.."

// composed is what `docker compose config` makes of docker-compose.yml.
type composed struct {
	Services map[string]struct {
		Image       string
		Environment map[string]string
		Deploy      struct{ Replicas int }
		Ports       []struct {
			HostIP string `json:"host_ip"`
		}
		ReadOnly    bool     `json:"read_only"`
		CapDrop     []string `json:"cap_drop"`
		SecurityOpt []string `json:"security_opt"`
		MemLimit    string   `json:"mem_limit"`
		Volumes     []struct{ Source, Target string }
	}
}

// compose runs `docker compose config`, which needs no engine. Without the command the
// test is skipped, unless BANYAN_COMPOSE is required.
func compose(t *testing.T, arguments []string, environ ...string) (string, error) {
	t.Helper()
	if err := exec.Command("docker", "compose", "version").Run(); err != nil {
		if os.Getenv("BANYAN_COMPOSE") == "required" {
			t.Fatalf("docker compose: %v", err)
		}
		t.Skipf("no docker compose here (%v); BANYAN_COMPOSE=required makes that an error", err)
	}
	cmd := exec.Command("docker", append([]string{"compose", "config"}, arguments...)...)
	cmd.Dir = root
	var told bytes.Buffer
	cmd.Stderr = &told
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "BANYAN_") && !strings.HasPrefix(e, "COMPOSE_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, environ...)
	out, err := cmd.Output()
	if err != nil {
		return told.String(), err
	}
	return string(out), nil
}

func composedAt(t *testing.T, environ ...string) (c composed) {
	t.Helper()
	out, err := compose(t, []string{"--format", "json"}, environ...)
	require.NoError(t, err, out)
	require.NoError(t, json.Unmarshal([]byte(out), &c))
	return c
}

// TestComposeRunsWhatTheStepsSay: docker-compose.yml is written by hand, and the steps
// are the truth.
func TestComposeRunsWhatTheStepsSay(t *testing.T) {
	path, err := steps.Load(root)
	require.NoError(t, err)
	for _, step := range path.Steps {
		t.Run(step.Name, func(t *testing.T) {
			c := composedAt(t, "BANYAN_STEP="+step.Name)
			for _, run := range step.Runs {
				s, ok := c.Services[run.Process]
				require.True(t, ok, "%s is missing", run.Process)
				require.Equal(t, run.Replicas, max(1, s.Deploy.Replicas), run.Process)
				if path.Processes[run.Process].Infrastructure == "" {
					require.Equal(t, "banyan/"+run.Process+":"+step.Name, s.Image)
				}
				for variable, value := range step.Environment[run.Process] {
					require.Equal(t, value, s.Environment[variable], "%s of %s", variable, run.Process)
				}
			}
			for name := range c.Services {
				process, _, _ := strings.Cut(name, "-") // the one-shots are called PROCESS-what
				require.Positive(t, step.Replicas(process), "%s is not of this step", name)
			}
			sameSettings(t, c, step)
			sameRoutes(t, c, step)
			_, redis := c.Services["redis"]
			_, exporter := composedAt(t, "BANYAN_STEP="+step.Name, "BANYAN_WITH=observability").Services["redis-exporter"]
			require.Equal(t, redis, exporter, "Redis is watched where there is one")
		})
	}
	newest := composedAt(t)
	require.Equal(t, "banyan/monolith:"+path.Steps[len(path.Steps)-1].Name, newest.Services["monolith"].Image, ".env names the newest step")
}

func mounted(t *testing.T, c composed, service, target, file string) []byte {
	t.Helper()
	for _, v := range c.Services[service].Volumes {
		if v.Target == target {
			content, err := os.ReadFile(filepath.Join(v.Source, file))
			require.NoError(t, err)
			return content
		}
	}
	t.Fatalf("%s mounts nothing at %s", service, target)
	return nil
}

func sameSettings(t *testing.T, c composed, step steps.Step) {
	t.Helper()
	var settings struct {
		Session struct {
			Store string
			Peers []string
		}
		UserCache string `yaml:"user_cache"`
	}
	require.NoError(t, yaml.Unmarshal(mounted(t, c, "monolith", "/etc/banyan/settings", "settings.yaml"), &settings))
	require.Equal(t, step.Sessions, settings.Session.Store)
	require.Equal(t, step.UserCache, settings.UserCache)
	require.Equal(t, []string{"http://monolith:8081"}, settings.Session.Peers)
}

// sameRoutes: they are the step's own, but that at 07 they say who owns when comments
// have been handed over on a fresh start.
func sameRoutes(t *testing.T, c composed, step steps.Step) {
	t.Helper()
	if len(step.Gateway) == 0 {
		return
	}
	want := string(step.Gateway)
	for resource, owner := range step.Owners {
		from := regexp.MustCompile(`(?m)^  ` + resource + `: \{owner: \w+, epoch: 1\}$`)
		require.Len(t, from.FindAllString(want, -1), 1)
		want = from.ReplaceAllString(want, "  "+resource+": {owner: "+owner+", epoch: 2}")
	}
	require.Equal(t, want, string(mounted(t, c, "gateway", "/etc/banyan/routes", "gateway.yaml")))
}

// TestComposeIsClosed: our hosts may do nothing but run, and whatever is published is
// on loopback.
func TestComposeIsClosed(t *testing.T) {
	c := composedAt(t, "COMPOSE_PROFILES=*")
	for name, s := range c.Services {
		for _, p := range s.Ports {
			require.Equal(t, "127.0.0.1", p.HostIP, name)
		}
		require.NotEmpty(t, s.MemLimit, name)
		if strings.HasPrefix(s.Image, "banyan/") {
			require.True(t, s.ReadOnly, name)
			require.Equal(t, []string{"ALL"}, s.CapDrop, name)
			require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
		}
		for variable, value := range s.Environment {
			if regexp.MustCompile(`PASSWORD|TOKEN|KEY`).MatchString(variable) {
				require.Contains(t, value, "development-only", "%s of %s is not marked as a default of development", variable, name)
			}
		}
	}
}

func TestComposeSaysWhichStepItLacks(t *testing.T) {
	for given, want := range map[string]string{
		"BANYAN_STEP=":        "name a step, a folder of migration-steps, as in BANYAN_STEP=07-comments-writes",
		"BANYAN_STEP=99-moon": "deploy/docker/steps/99-moon/step.yaml: no such file or directory",
	} {
		out, err := compose(t, []string{"-q"}, given)
		require.Error(t, err)
		require.Contains(t, out, want)
	}
}
