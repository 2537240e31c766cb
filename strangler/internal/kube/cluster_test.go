package kube_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/kube"
)

// cluster is a namespace of its own in the cluster of the current context, which must
// have the image redis:7-alpine or be able to fetch it.
func cluster(t *testing.T) kube.Cluster {
	t.Helper()
	if os.Getenv("BANYAN_KUBERNETES") == "" {
		t.Skip("BANYAN_KUBERNETES is not set: set it to try this in the cluster of kubectl's current context")
	}
	c := kube.Cluster{Namespace: "banyan-try-" + strings.ToLower(time.Now().Format("150405"))}
	ns := kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": c.Namespace}}
	require.NoError(t, kube.Cluster{}.Apply(t.Context(), ns))
	t.Cleanup(func() { require.NoError(t, kube.Cluster{}.Delete(context.Background(), ns)) })
	return c
}

const store = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: store, labels: {banyan.dev/process: store, banyan.dev/part: host}}
spec:
  replicas: 1
  selector: {matchLabels: {banyan.dev/process: store, banyan.dev/part: host}}
  template:
    metadata: {labels: {banyan.dev/process: store, banyan.dev/part: host}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: redis:7-alpine
          imagePullPolicy: IfNotPresent
          readinessProbe: {tcpSocket: {port: 6379}, periodSeconds: 1}
          volumeMounts: [{name: settings, mountPath: /settings}]
      volumes: [{name: settings, configMap: {name: settings}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {banyan.dev/process: store}}
data: {settings.yaml: one}
---
apiVersion: v1
kind: Service
metadata: {name: store, labels: {banyan.dev/process: store, banyan.dev/entry: "true"}}
spec: {type: NodePort, selector: {banyan.dev/process: store, banyan.dev/part: host}, ports: [{name: http, port: 6379}]}
`

const redisJob = `
apiVersion: batch/v1
kind: Job
metadata: {name: once, labels: {banyan.dev/process: redis, banyan.dev/part: migrate}}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {banyan.dev/process: redis, banyan.dev/part: migrate}}
    spec:
      restartPolicy: Never
      containers: [{name: app, image: "redis:7-alpine", imagePullPolicy: IfNotPresent, command: [sh, -c], args: ["echo done well"]}]
`

func objects(t *testing.T, text string) []kube.Object {
	t.Helper()
	all, err := kube.Split([]byte(text))
	require.NoError(t, err)
	return all
}

func TestOnACluster(t *testing.T) {
	c := cluster(t)
	ctx := t.Context()
	all := objects(t, store)
	version, err := c.Preflight(ctx, all)
	require.NoError(t, err)
	t.Log("Kubernetes", version)
	require.NoError(t, c.Apply(ctx, all...))
	require.NoError(t, c.AwaitRollout(ctx, "deployment/store", time.Minute))
	require.NoError(t, c.Apply(ctx, all...), "applied twice it does nothing more")

	t.Run("pods are known by what they are", func(t *testing.T) {
		pods, err := c.Pods(ctx, kube.PodsOf("store"))
		require.NoError(t, err)
		require.Len(t, pods, 1)
		require.True(t, pods[0].Ready)
		require.Equal(t, "store", pods[0].Process)
		require.Equal(t, []string{"settings"}, pods[0].Mounts)
		require.Equal(t, "redis:7-alpine", pods[0].Image)
		require.NotEmpty(t, pods[0].IP)
	})
	t.Run("users come in by the node port", func(t *testing.T) {
		url, err := c.Entry(ctx, "store")
		require.NoError(t, err)
		require.Contains(t, url, "http://127.0.0.1:")
		requireAnswers(t, strings.TrimPrefix(url, "http://"))
		_, err = c.Entry(ctx, "nobody")
		require.ErrorIs(t, err, kube.ErrNoEntry)
	})
	t.Run("what is missing is told before anything is done", func(t *testing.T) { preflightFails(t, c) })
	t.Run("a tunnel leads to a pod until it is gone", func(t *testing.T) { tunnel(t, c) })
	t.Run("a changed file is there soon after the pod was touched", func(t *testing.T) { touched(t, c) })
	t.Run("scaling leaves pods as they are", func(t *testing.T) { scaled(t, c, all) })
	t.Run("Jobs", func(t *testing.T) { jobs(t, c) })
	t.Run("a crash says its reason", func(t *testing.T) { crashes(t, c) })
	t.Run("all of a process goes", func(t *testing.T) {
		require.NoError(t, c.DeleteAll(ctx, kube.ProcessLabel+"=store", "deployments", "services", "configmaps"))
		_, err := c.Get(ctx, "deployment", "store")
		require.True(t, kube.NotFound(err), "%v", err)
		require.NoError(t, c.Delete(ctx, all...), "what is gone is no error")
	})
}

// requireAnswers asks the store a question, as often as it takes.
func requireAnswers(t *testing.T, address string) {
	t.Helper()
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if !assert.NoError(t, err) {
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		_, err = conn.Write([]byte("PING\r\n"))
		assert.NoError(t, err)
		answer, err := bufio.NewReader(conn).ReadString('\n')
		assert.NoError(t, err)
		assert.Equal(t, "+PONG\r\n", answer)
	}, 30*time.Second, 50*time.Millisecond)
}

func preflightFails(t *testing.T, c kube.Cluster) {
	_, err := kube.Cluster{Context: "no-such", Namespace: c.Namespace}.Preflight(t.Context(), nil)
	require.ErrorContains(t, err, "the kubeconfig knows no such context")
	_, err = c.Preflight(t.Context(), objects(t, "apiVersion: example.dev/v1\nkind: Wonder\nmetadata: {name: w}\n"))
	require.ErrorContains(t, err, "knows no Wonder of example.dev/v1 (wonder/w)")
}

func tunnel(t *testing.T, c kube.Cluster) {
	ctx := t.Context()
	tunnels := kube.NewTunnels(c)
	defer tunnels.Close()
	pods, err := c.Pods(ctx, kube.PodsOf("store"))
	require.NoError(t, err)
	pod := pods[0].Name
	at, err := tunnels.To(ctx, pod, 6379)
	require.NoError(t, err)
	requireAnswers(t, at[6379])
	again, err := tunnels.To(ctx, pod, 6379)
	require.NoError(t, err)
	require.Equal(t, at, again)

	_, _ = c.Exec(ctx, pod, "redis-cli", "shutdown", "nosave") // its container starts again, and what led to it breaks
	requireAnswers(t, at[6379])                                // at the same port

	require.NoError(t, c.Kill(ctx, pod))
	require.NoError(t, c.AwaitRollout(ctx, "deployment/store", time.Minute))
	tunnels.Only()
	_, err = tunnels.To(ctx, pod, 6379)
	require.ErrorContains(t, err, pod, "a pod that is gone is reached no more")
	_, err = tunnels.To(ctx, "no-such-pod", 6379)
	require.ErrorContains(t, err, "no-such-pod")
}

// touched measures what the kubelet does by itself only within a minute or more.
func touched(t *testing.T, c kube.Cluster) {
	ctx := t.Context()
	pods, err := c.Pods(ctx, kube.PodsOf("store"))
	require.NoError(t, err)
	settings := objects(t, store)[1]
	settings.SetData("settings.yaml", "two")
	require.NoError(t, c.Apply(ctx, settings))
	began := time.Now()
	require.NoError(t, c.Annotate(ctx, "banyan.dev/settings", "two", "pod/"+pods[0].Name))
	require.Eventually(t, func() bool {
		content, err := c.Exec(ctx, pods[0].Name, "cat", "/settings/settings.yaml")
		return err == nil && content == "two"
	}, 90*time.Second, 100*time.Millisecond)
	t.Log("the changed ConfigMap was there after", time.Since(began))
}

func scaled(t *testing.T, c kube.Cluster, all []kube.Object) {
	ctx := t.Context()
	before, err := c.Pods(ctx, kube.PodsOf("store"))
	require.NoError(t, err)
	live, err := c.Get(ctx, "deployment", "store")
	require.NoError(t, err)
	d := all[0].Clone()
	require.NoError(t, d.SetEnv(map[string]string{"NEW": "value"}))
	d.KeepPods(live)
	d.SetReplicas(2)
	require.NoError(t, c.Apply(ctx, d))
	require.NoError(t, c.AwaitRollout(ctx, "deployment/store", time.Minute))
	after, err := c.Pods(ctx, kube.PodsOf("store"))
	require.NoError(t, err)
	require.Len(t, after, 2)
	require.Equal(t, before[0].Name, after[0].Name, "the one that ran runs on")
	require.NoError(t, c.Scale(ctx, "deployment/store", 0))
	require.NoError(t, c.AwaitRollout(ctx, "deployment/store", time.Minute))
	after, err = c.Pods(ctx, kube.PodsOf("store"))
	require.NoError(t, err)
	require.Empty(t, after, "they are waited for until they are gone")
}

func jobs(t *testing.T, c kube.Cluster) {
	job := objects(t, redisJob)[0]
	for range 2 {
		log, err := c.RunJob(t.Context(), job, time.Minute)
		require.NoError(t, err)
		require.Equal(t, "done well", log)
	}
	bad, err := kube.Once(job, "bad", "echo what went wrong; exit 3")
	require.NoError(t, err)
	log, err := c.RunJob(t.Context(), bad, time.Minute)
	require.ErrorContains(t, err, "job/bad failed")
	require.ErrorContains(t, err, "what went wrong")
	require.Equal(t, "what went wrong", log)
}

func crashes(t *testing.T, c kube.Cluster) {
	text := strings.NewReplacer("name: store", "name: bad", "process: store", "process: bad", "readinessProbe:", "args: [--no-such-flag]\n          command: [sh, -c, 'echo no database there; exit 1']\n          readinessProbe:").Replace(store)
	all := objects(t, text)
	require.NoError(t, c.Apply(t.Context(), all[0]))
	err := c.AwaitRollout(t.Context(), "deployment/bad", 2*time.Minute)
	var failed *kube.RolloutError
	require.ErrorAs(t, err, &failed)
	require.Contains(t, err.Error(), "no database there")
	t.Log(err)
}
