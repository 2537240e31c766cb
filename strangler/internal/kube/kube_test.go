package kube_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/kube"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kustomization is one as a step has it: a host with its Service, a Job, a database of
// its own, what the watched files are, and something that all share.
var kustomization = map[string]string{
	"kustomization.yaml": `
namespace: banyan
resources: [blog.yaml]
images:
  - {name: banyan/monolith, newTag: 04-seams}
configMapGenerator:
  - name: monolith-settings
    files: [settings.yaml]
    options: {disableNameSuffixHash: true, labels: {banyan.dev/process: monolith}}
`,
	"settings.yaml": "revision: 1\nuser_cache: \"off\"\n",
	"blog.yaml": `
apiVersion: v1
kind: Namespace
metadata: {name: banyan}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: monolith
  labels: {banyan.dev/process: monolith, banyan.dev/part: host, app.kubernetes.io/name: monolith}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: monolith}}
  template:
    metadata: {labels: {banyan.dev/process: monolith, banyan.dev/part: host, app.kubernetes.io/name: monolith}}
    spec:
      containers:
        - name: app
          image: banyan/monolith
          ports: [{containerPort: 8080}]
          readinessProbe: {httpGet: {path: /readyz, port: 8081}}
          env:
            - {name: STORES, value: tangle}
            - {name: DATABASE_URL, valueFrom: {secretKeyRef: {name: monolith-secrets, key: DATABASE_URL}}}
          volumeMounts: [{name: settings, mountPath: /etc/banyan/settings}]
      volumes:
        - {name: settings, configMap: {name: monolith-settings}}
        - {name: tmp, emptyDir: {}}
---
apiVersion: v1
kind: Service
metadata: {name: monolith, labels: {banyan.dev/process: monolith}}
spec: {clusterIP: None, selector: {app.kubernetes.io/name: monolith}, ports: [{port: 8080}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: monolith-migrate, labels: {banyan.dev/process: monolith, banyan.dev/part: migrate}}
spec:
  template:
    metadata: {labels: {banyan.dev/process: monolith, banyan.dev/part: migrate}}
    spec:
      restartPolicy: OnFailure
      containers: [{name: app, image: banyan/monolith, args: [migrate]}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: comments-postgres, labels: {banyan.dev/process: comments, banyan.dev/part: database}}
spec:
  serviceName: comments-postgres
  selector: {matchLabels: {app.kubernetes.io/name: comments-postgres}}
  template:
    metadata: {labels: {app.kubernetes.io/name: comments-postgres}}
    spec: {containers: [{name: postgres, image: "postgres:17-alpine"}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: default, namespace: banyan}]
`,
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

func rendered(t *testing.T, c kube.Cluster) []kube.Object {
	t.Helper()
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not in PATH: what a kustomization renders to can't be tried")
	}
	objects, err := c.Render(t.Context(), folder(t, kustomization))
	require.NoError(t, err)
	return objects
}

func refs(objects []kube.Object) []string {
	var all []string
	for _, o := range objects {
		all = append(all, o.Ref())
	}
	return all
}

func TestOneProcessIsPickedOfAStep(t *testing.T) {
	objects := rendered(t, kube.Cluster{})
	require.Len(t, objects, 7)
	require.ElementsMatch(t, []string{"configmap/monolith-settings", "deployment/monolith", "service/monolith", "job/monolith-migrate"},
		refs(kube.Pick(objects, kube.OfProcess("monolith"))))
	require.ElementsMatch(t, []string{"deployment/monolith"},
		refs(kube.Pick(objects, kube.OfProcess("monolith"), kube.OfPart(kube.Host), kube.OfKind("Deployment", "StatefulSet"))))
	require.ElementsMatch(t, []string{"statefulset/comments-postgres"}, refs(kube.Pick(objects, kube.OfPart("database"))))
	require.ElementsMatch(t, []string{"namespace/banyan", "rolebinding/reader"}, refs(kube.Pick(objects, kube.OfProcess(""))))
	_, err := kube.One(objects, "the Jobs of comments", kube.OfProcess("comments"), kube.OfKind("Job"))
	require.ErrorContains(t, err, "0 objects are the Jobs of comments")
}

func TestAnotherNamespaceIsEverywhereInIt(t *testing.T) {
	objects := rendered(t, kube.Cluster{Namespace: "blog-two"})
	for _, o := range objects {
		if o.Kind() == "Namespace" {
			require.Equal(t, "blog-two", o.Name())
			continue
		}
		require.Equal(t, "blog-two", o["metadata"].(map[string]any)["namespace"], o.Ref())
	}
	binding, err := kube.One(objects, "the binding", kube.OfKind("RoleBinding"))
	require.NoError(t, err)
	require.Equal(t, "blog-two", binding["subjects"].([]any)[0].(map[string]any)["namespace"])
}

func TestAStepsDeploymentTakesWhatARunSays(t *testing.T) {
	objects := rendered(t, kube.Cluster{})
	d, err := kube.One(objects, "the monolith", kube.OfProcess("monolith"), kube.OfKind("Deployment"))
	require.NoError(t, err)
	require.Equal(t, "banyan/monolith:04-seams", d.Image())
	require.Equal(t, []string{"monolith-settings"}, d.Mounts())
	before := d.Clone()

	d.SetReplicas(3)
	require.NoError(t, d.SetEnv(map[string]string{"STORES": "features", "EVENTS": "outbox", "DATABASE_URL": "postgres://else"}))
	require.NoError(t, d.SetTag("05-comments-dark"))
	d.SetPodAnnotation("banyan.dev/restarted", "now")

	require.Equal(t, 3, d.Replicas())
	require.Equal(t, map[string]string{"STORES": "features", "EVENTS": "outbox", "DATABASE_URL": "postgres://else"}, d.Env())
	require.Equal(t, "banyan/monolith:05-comments-dark", d.Image())
	require.Equal(t, 1, before.Replicas(), "a clone shares nothing")
	require.Equal(t, map[string]string{"STORES": "tangle"}, before.Env(), "what is in a Secret has no plain value")
	require.Equal(t, "banyan/monolith:04-seams", before.Image())
}

func TestAContainerOfAnotherNameIsTold(t *testing.T) {
	db, err := kube.One(rendered(t, kube.Cluster{}), "the database", kube.OfPart("database"))
	require.NoError(t, err)
	require.ErrorContains(t, db.SetEnv(map[string]string{"A": "b"}), `statefulset/comments-postgres has no container "app", only ["postgres"]`)
}

func TestAJobIsMadeOfAJobOrADeployment(t *testing.T) {
	objects := rendered(t, kube.Cluster{})
	for _, kind := range []string{"Job", "Deployment"} {
		from, err := kube.One(objects, "it", kube.OfProcess("monolith"), kube.OfKind(kind))
		require.NoError(t, err)
		job, err := kube.Once(from, "monolith-role", "role", "a@b.example", "moderator")
		require.NoError(t, err)
		require.Equal(t, "job/monolith-role", job.Ref())
		require.Equal(t, "monolith", job.Process())
		require.NotContains(t, []string{"", kube.Host}, job.Part(), "what selects the process's own pods must not find it")
		spec := job["spec"].(map[string]any)["template"].(map[string]any)
		require.NotEqual(t, "monolith", spec["metadata"].(map[string]any)["labels"].(map[string]any)["app.kubernetes.io/name"], "no Service must find it")
		container := spec["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		require.Equal(t, []any{"role", "a@b.example", "moderator"}, container["args"])
		require.NotContains(t, container, "readinessProbe")
		require.Equal(t, "Never", spec["spec"].(map[string]any)["restartPolicy"])
	}
	ns := kube.Object{"kind": "Namespace", "metadata": map[string]any{"name": "n"}}
	_, err := kube.Once(ns, "x", "y")
	require.ErrorContains(t, err, "runs no pods")
}

func TestAKustomizationThatIsWrongIsTold(t *testing.T) {
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not in PATH")
	}
	_, err := kube.Cluster{}.Render(t.Context(), folder(t, map[string]string{"kustomization.yaml": "resources: [gone.yaml]\n"}))
	require.ErrorContains(t, err, "gone.yaml")
	_, err = kube.Cluster{Namespace: "x"}.Render(t.Context(), filepath.Join(t.TempDir(), "nowhere"))
	require.ErrorContains(t, err, "nowhere")
}

func TestWithoutKubectlTheMendIsNamed(t *testing.T) {
	c := kube.Cluster{Program: filepath.Join(t.TempDir(), "kubectl")}
	_, err := c.Preflight(t.Context(), nil)
	require.ErrorContains(t, err, "install it")
	_, err = kube.Cluster{Program: "no-such-kubectl"}.Render(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "install it")
}

func TestDocumentsThatAreNoObjectsAreRefused(t *testing.T) {
	objects, err := kube.Split([]byte("---\n---\nkind: ConfigMap\nmetadata: {name: a}\ndata: {on: \"off\"}\n"))
	require.NoError(t, err)
	require.Len(t, objects, 1)
	value, is := objects[0].Data("on")
	require.True(t, is)
	require.Equal(t, "off", value)
	_, err = kube.Split([]byte("kind: ConfigMap\n"))
	require.ErrorContains(t, err, "metadata.name")
	_, err = kube.Split([]byte("a: [\n"))
	require.ErrorContains(t, err, "no YAML")
}
