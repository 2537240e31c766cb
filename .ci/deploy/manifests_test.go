package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tools are what .ci/deploy/check hands to the tests: schemas take a download, and kube-score is a program of its own.
func tools(t *testing.T) (cache, kubeScore string) {
	t.Helper()
	cache, kubeScore = os.Getenv("BANYAN_SCHEMAS"), os.Getenv("BANYAN_KUBE_SCORE")
	if cache == "" || kubeScore == "" {
		t.Skip("wants BANYAN_SCHEMAS and BANYAN_KUBE_SCORE: run .ci/deploy/check manifests")
	}
	return cache, kubeScore
}

// planted is one mistake in an overlay of a step that is otherwise right, and the check that must find it.
type planted struct {
	kustomization string // what the overlay's file says beyond using the step
	check         string
}

var mistakes = map[string]planted{
	"a field that the API does not have": {patch("Deployment", "gateway", `{op: add, path: /spec/replica, value: 2}`), "schema"},
	"a field of another type":            {patch("Deployment", "gateway", `{op: replace, path: /spec/progressDeadlineSeconds, value: soon}`), "schema"},
	"a kind that nobody knows":           {patch("Deployment", "gateway", `{op: replace, path: /kind, value: Deploiment}`) + "    options: {allowKindChange: true}\n", "schema"},
	"a container that may become root": {
		patch("Deployment", "gateway", `{op: replace, path: /spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation, value: true}`), "restricted"},
	"a job's container with a capability": {
		patch("Job", "", `{op: add, path: /spec/template/spec/containers/0/securityContext/capabilities/add, value: [NET_ADMIN]}`), "restricted"},
	"no limit of memory":                {patch("Deployment", "gateway", `{op: remove, path: /spec/template/spec/containers/0/resources/limits}`), "container-resources"},
	"a readiness probe as liveness":     {patch("Deployment", "gateway", `{op: remove, path: /spec/template/spec/containers/0/readinessProbe}`), "pod-probes"},
	"no network policy for the gateway": {deleted("NetworkPolicy"), "pod-networkpolicy"},
	"another step's image":              {"images: [{name: banyan/gateway, newTag: 02-sticky-sessions}]\n", "image"},
	"the newest image, whichever it is": {"images: [{name: banyan/gateway, newTag: latest}]\n", "image"},
	"a label that restarts pods at each step": {
		patch("Deployment", "monolith", `{op: add, path: /spec/template/metadata/labels/app.kubernetes.io~1version, value: 03-redis-sessions}`), "pod-label"},
	"a resource that is not there": {"configMapGenerator: [{name: x, files: [nowhere.yaml]}]\n", "kustomize"},
}

func patch(kind, name, operation string) string {
	return "patches:\n  - target: {kind: " + kind + ", name: " + name + "}\n    patch: '- " + operation + "'\n"
}

func deleted(kind string) string {
	return "patches:\n  - target: {kind: " + kind + "}\n    patch: '{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: any}, $patch: delete}'\n"
}

func TestEachMistakeIsFound(t *testing.T) {
	cache, kubeScore := tools(t)
	for name, mistake := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := checkOverlay(t, cache, kubeScore, mistake.kustomization)
			var checks []string
			for _, f := range r.found {
				checks = append(checks, f.check)
			}
			require.Contains(t, checks, mistake.check, "found instead: %v", r.found)
		})
	}
}

func TestAStepThatIsRightPasses(t *testing.T) {
	cache, kubeScore := tools(t)
	r := checkOverlay(t, cache, kubeScore, "")
	require.Empty(t, r.found)
	require.Greater(t, r.objects, 30)
	require.Greater(t, r.pods, 4)
	require.Equal(t, "03-redis-sessions", r.step)
}

func checkOverlay(t *testing.T, cache, kubeScore, more string) report {
	t.Helper()
	root := copied(t)
	write(t, root, "deploy/overlay/kustomization.yaml", "resources: [../../migration-steps/03-redis-sessions]\n"+more)
	all, err := compositions(root)
	require.NoError(t, err)
	allowed, err := readExceptions()
	require.NoError(t, err)
	with := checker{root, newSchemas(cache), kubeScore, allowed}
	return with.check(t.Context(), all["deploy/overlay"])
}

func TestNothingRenderedIsNotValid(t *testing.T) {
	cache, kubeScore := tools(t)
	root := t.TempDir()
	write(t, root, "deploy/empty/kustomization.yaml", "resources: []\n")
	c, err := readComposition(root, filepath.Join(root, "deploy/empty"))
	require.NoError(t, err)
	r := checker{root, newSchemas(cache), kubeScore, &exceptions{}}.check(t.Context(), c)
	require.NotEmpty(t, r.found)
}

func TestWhatNobodyRendersIsNamed(t *testing.T) {
	root := t.TempDir()
	write(t, root, "migration-steps/00-a/step.yaml", "")
	write(t, root, "migration-steps/00-a/kustomization.yaml", "components: [../../deploy/k8s/components/used]\n")
	write(t, root, "migration-steps/01-b/step.yaml", "")
	write(t, root, "deploy/k8s/components/used/kustomization.yaml", "kind: Component\ncomponents: [../below]\n")
	write(t, root, "deploy/k8s/components/below/kustomization.yaml", "kind: Component\n")
	write(t, root, "deploy/k8s/components/forgotten/kustomization.yaml", "kind: Component\n")
	all, err := compositions(root)
	require.NoError(t, err)
	found, err := missing(root, all)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Contains(t, found[0].text, "components/forgotten is in no composition")
	require.Contains(t, found[1].text, "01-b has no kustomization.yaml")
}

func TestAnExceptionThatNothingNeedsIsNamed(t *testing.T) {
	all := &exceptions{list: []*exception{
		{Check: "a", Objects: "Deployment/*", In: "*/00-*"},
		{Check: "b", Objects: "Deployment/*"},
	}}
	require.True(t, all.allows("a", "Deployment/x", "migration-steps/00-a"))
	require.False(t, all.allows("a", "Deployment/x", "migration-steps/01-b"))
	require.False(t, all.allows("a", "Job/x", "migration-steps/00-a"))
	require.Len(t, all.unused(), 1)
	var out bytes.Buffer
	require.ErrorIs(t, tell(&out, all.unused(), map[string]report{"x": {}}), errFound)
	require.Contains(t, out.String(), "b holds everywhere")
}

// copied is the part of the repository that is deployed, to make mistakes in.
func copied(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"migration-steps", "deploy"} {
		require.NoError(t, os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join("..", "..", folder))))
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}
