package house_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// onKubernetes are variables that stand in processes.yaml for a laptop: how long a host
// answers on after it said that it goes depends on who is told of it there.
var onKubernetes = map[string]bool{"DRAIN_NOTICE": true}

// TestManifestsSayWhatTheStepsSay renders each step's kustomization and holds it against
// step.yaml, processes.yaml and gateway.yaml, so that neither can change alone.
func TestManifestsSayWhatTheStepsSay(t *testing.T) {
	root, err := steps.Find(".")
	require.NoError(t, err)
	path, err := steps.Load(root)
	require.NoError(t, err)
	before := map[string]kube.Object{}
	environment := map[string]string{}
	for _, s := range path.Steps {
		objects := render(t, filepath.Join(root, steps.Folder, s.Name))
		for _, r := range s.Runs {
			p := path.Processes[r.Process]
			of := find(objects, r.Process)
			require.NotNil(t, of, "%s: nothing runs %s", s.Name, r.Process)
			require.GreaterOrEqual(t, of.Replicas(), r.Replicas, "%s: replicas of %s", s.Name, r.Process)
			if !p.Host() {
				continue
			}
			require.True(t, strings.HasSuffix(of.Image(), "banyan/"+p.Name+":"+s.Name), "%s: the image of %s is %s", s.Name, p.Name, of.Image())
			told := steps.Table{p.Name: p.Environment}.With(steps.Table{p.Name: s.Environment[p.Name]})[p.Name]
			configuredEnvironment(t, s.Name, of, told, secret(objects, p.Name))
			if last, ok := before[p.Name]; ok && environment[p.Name] == fmt.Sprint(told) {
				require.Equal(t, pods(t, last), pods(t, of), "%s restarts %s, and nothing that it is told has changed", s.Name, p.Name)
			}
			before[p.Name], environment[p.Name] = of, fmt.Sprint(told)
		}
		for name := range path.Processes {
			if s.Replicas(name) == 0 {
				require.Nil(t, find(objects, name), "%s: %s runs, and step.yaml does not have it", s.Name, name)
			}
		}
		configuredRoutes(t, s, objects)
		configuredSettings(t, s, objects)
	}
}

// configuredEnvironment holds the container's variables against what the host is to be told.
// What processes.yaml leaves to the target has to be there, as a value or in the Secret.
func configuredEnvironment(t *testing.T, step string, of kube.Object, told map[string]string, secret kube.Object) {
	t.Helper()
	has := of.Env()
	for name, want := range told {
		is, plain := has[name]
		if strings.Contains(want, "${") || onKubernetes[name] {
			_, hidden := secret.Data(name)
			require.True(t, plain && is != "" || hidden, "%s: %s has no %s, nor has its Secret", step, of.Name(), name)
			continue
		}
		require.Equal(t, want, is, "%s: %s of %s", step, name, of.Name())
	}
}

// configuredRoutes: the gateway's ConfigMap is the step's file, letter by letter. Where the
// step has moved who owns, that is filled in, as the tool would.
func configuredRoutes(t *testing.T, s steps.Step, objects []kube.Object) {
	t.Helper()
	is := data(objects, "gateway-routes", "gateway.yaml")
	want := string(s.Gateway)
	for resource, owner := range s.Owners {
		first := fmt.Sprintf("\n  %s: {owner: monolith, epoch: 1}\n", resource)
		require.Equal(t, 1, strings.Count(want, first), "%s: the first owner of %s", s.Name, resource)
		want = strings.Replace(want, first, fmt.Sprintf("\n  %s: {owner: %s, epoch: 2}\n", resource, owner), 1)
	}
	require.Equal(t, want, is, "%s: gateway-routes is not its gateway.yaml", s.Name)
}

func configuredSettings(t *testing.T, s steps.Step, objects []kube.Object) {
	t.Helper()
	var settings struct {
		Session struct {
			Store string `yaml:"store"`
		} `yaml:"session"`
		UserCache string `yaml:"user_cache"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(data(objects, "monolith-settings", "settings.yaml")), &settings))
	require.Equal(t, s.Sessions, settings.Session.Store, "%s: where sessions are", s.Name)
	require.Equal(t, s.UserCache, settings.UserCache, "%s: where user records are", s.Name)
}

// render builds a kustomization by what is there to do so.
func render(t *testing.T, folder string) []kube.Object {
	t.Helper()
	for _, tool := range [][]string{{"kubectl", "kustomize"}, {"kustomize", "build"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			continue
		}
		out, err := exec.CommandContext(t.Context(), tool[0], tool[1], folder).Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			require.NoError(t, err, "%s", failed.Stderr)
		}
		require.NoError(t, err)
		objects, err := kube.Split(out)
		require.NoError(t, err)
		return objects
	}
	if os.Getenv("BANYAN_KUBECTL") == "required" {
		t.Fatal("BANYAN_KUBECTL=required, and there is neither kubectl nor kustomize")
	}
	t.Skip("neither kubectl nor kustomize is installed: the manifests are not compared")
	return nil
}

// find returns what runs a process itself, and nil when nothing does.
func find(objects []kube.Object, process string) kube.Object {
	for _, o := range objects {
		if o.Workload() && o.Process() == process && (o.Part() == kube.Host || o.Name() == process) {
			return o
		}
	}
	return nil
}

func secret(objects []kube.Object, process string) kube.Object {
	for _, o := range objects {
		if o.Kind() == "Secret" && o.Name() == process+"-secrets" {
			return o
		}
	}
	return kube.Object{}
}

// data is one key of a ConfigMap; empty when it is not there.
func data(objects []kube.Object, name, key string) string {
	for _, o := range objects {
		if o.Kind() == "ConfigMap" && o.Name() == name {
			text, _ := o.Data(key)
			return text
		}
	}
	return ""
}

// pods is the workload's template without its image, whose tag is the step's.
func pods(t *testing.T, of kube.Object) string {
	t.Helper()
	o := of.Clone()
	require.NoError(t, o.SetImage("any"))
	spec, _ := o["spec"].(map[string]any)
	text, err := yaml.Marshal(spec["template"])
	require.NoError(t, err)
	return string(text)
}

// TestDevelopmentSecretsAreMarked: whoever sees one of these values knows what it is.
func TestDevelopmentSecretsAreMarked(t *testing.T) {
	root, err := steps.Find(".")
	require.NoError(t, err)
	for _, o := range render(t, filepath.Join(root, steps.Folder, "00-monolith")) {
		if o.Kind() != "Secret" {
			continue
		}
		require.Equal(t, "development", o.Label("banyan.dev/secrets"), o.Name())
		values, _ := o["data"].(map[string]any)
		for key, value := range values {
			text, err := base64.StdEncoding.DecodeString(fmt.Sprint(value))
			require.NoError(t, err)
			require.Contains(t, string(text), "development-only", "%s of %s", key, o.Name())
		}
	}
}
