package deployment

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

// onKubernetes is a run of this repository's own path, at a step, as the tool has it
// before it speaks to a cluster.
func onKubernetes(t *testing.T, at string) *kubernetes {
	t.Helper()
	if _, err := exec.LookPath("kubectl"); err != nil {
		t.Skip("kubectl is not in PATH: the steps' kustomizations can't be rendered")
	}
	root, err := steps.Find(".")
	require.NoError(t, err)
	path, err := steps.Load(root)
	require.NoError(t, err)
	r := &Run{path: path, folder: &folder{dir: t.TempDir()}, progress: func(line string) { t.Log(line) }, bringingUp: at, client: newClient()}
	r.state = &State{Token: "the-runs-token", IdentityKey: "the-runs-key", Target: Target{Name: Kubernetes, Namespace: "blog-two"}}
	r.journal, err = plan.OpenJournal(filepath.Join(r.Dir(), "journal.jsonl"))
	require.NoError(t, err)
	require.NoError(t, r.attach())
	t.Cleanup(func() { require.NoError(t, r.on.close()); require.NoError(t, r.journal.Close()) })
	return r.on.(*kubernetes)
}

func TestOnKubernetesEveryProcessOfAStepHasWhatRunsIt(t *testing.T) {
	k := onKubernetes(t, "00-monolith")
	for _, s := range k.run.path.Steps {
		k.run.bringingUp = s.Name
		for _, runs := range s.Runs {
			o, err := k.workload(t.Context(), k.run.path.Processes[runs.Process])
			require.NoError(t, err, "%s at %s", runs.Process, s.Name)
			require.GreaterOrEqual(t, o.Replicas(), runs.Replicas, "%s at %s", runs.Process, s.Name)
			if k.run.path.Processes[runs.Process].Host() {
				require.Equal(t, "banyan/"+runs.Process+":"+s.Name, o.Image())
			}
		}
	}
}

func TestOnKubernetesWhatBelongsToAProcessReplacesNoPod(t *testing.T) {
	k := onKubernetes(t, "01-gateway")
	objects, err := k.step(t.Context(), "01-gateway")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, o := range k.belongings(objects, "monolith") {
		seen[o.Ref()] = true
		require.NotContains(t, []string{"Deployment", "StatefulSet", "Job", "Namespace"}, o.Kind())
		require.Equal(t, "blog-two", o["metadata"].(map[string]any)["namespace"], o.Ref())
		if o.Ref() == "secret/monolith-secrets" {
			require.Equal(t, map[string]any{"ADMIN_TOKEN": "the-runs-token", "IDENTITY_KEY": "the-runs-key"}, o["stringData"])
			require.Contains(t, o["data"], "DATABASE_URL")
			require.NotContains(t, o["data"], "ADMIN_TOKEN", "the one that everybody can read is not used")
		}
	}
	require.True(t, seen["secret/monolith-secrets"] && seen["service/monolith-peers"] && seen["service/monolith-entry"], "%v", seen)
	require.False(t, seen["configmap/monolith-settings"], "what is in it is the run's")
}

func TestOnKubernetesAStepBackFindsWhatItHasNoMore(t *testing.T) {
	k := onKubernetes(t, "04-seams") // on the way back from 05
	k.run.state.Environment = steps.Table{"comments": {"EVENTS": "outbox"}}
	comments := k.run.path.Processes["comments"]
	o, err := k.workload(t.Context(), comments)
	require.NoError(t, err)
	require.Equal(t, "banyan/comments:05-comments-dark", o.Image())
	job, err := k.job(t.Context(), comments, comments.Discard)
	require.NoError(t, err)
	require.Equal(t, "job/comments-discard", job.Ref())
	require.NotContains(t, job.Env(), "EVENTS", "what needs Kafka is no matter of a Job that has no address of it")
	require.Equal(t, kube.Migrate, job.Part(), "network policies let it to the database by this label")
}

func TestOnKubernetesAHostIsToldWhatTheRunSays(t *testing.T) {
	k := onKubernetes(t, "04-seams")
	p := k.run.path.Processes["monolith"]
	k.run.state.Environment = steps.Table{"monolith": {"STORES": "tangle", "EVENTS": "outbox"}}
	o, err := k.workload(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, "features", o.Env()["STORES"], "as the step says")
	require.NoError(t, k.fit(t.Context(), o, p))
	require.Equal(t, "tangle", o.Env()["STORES"])
	require.Equal(t, "outbox", o.Env()["EVENTS"])
}

func TestOnKubernetesSettingsNameWhatPodsReach(t *testing.T) {
	k := onKubernetes(t, "00-monolith")
	k.run.state.Settings = Settings{Store: "memory", Generation: 7, UserCache: "off"}
	text, err := k.run.renderSettings(t.Context(), []string{"monolith-0"})
	require.NoError(t, err)
	require.Contains(t, string(text), "http://monolith-peers:8081")
	require.Contains(t, string(text), "redis://redis:6379/0")
	require.NotContains(t, string(text), "127.0.0.1")
}

func TestOnKubernetesImagesComeFromARegistry(t *testing.T) {
	k := onKubernetes(t, "03-redis-sessions")
	k.run.state.Target.Images = "registry.example:5000/blog/"
	o, err := k.workload(t.Context(), k.run.path.Processes["gateway"])
	require.NoError(t, err)
	require.Equal(t, "registry.example:5000/blog/gateway:03-redis-sessions", o.Image())
	redis, err := k.workload(t.Context(), k.run.path.Processes["redis"])
	require.NoError(t, err)
	require.NotContains(t, redis.Image(), "registry.example", "what is not of this repository comes from where it says")
}

func TestOnKubernetesTheHomeOfSessionsStays(t *testing.T) {
	pods := []kube.Pod{{Name: "oldest", IP: "10.0.0.1"}, {Name: "going", IP: "10.0.0.4", Ending: true}, {Name: "home", IP: "10.0.0.2"}, {Name: "new"}}
	var names []string
	for _, p := range whoStays(pods, "10.0.0.2:8080") {
		names = append(names, p.Name)
	}
	require.Equal(t, []string{"home", "oldest", "new"}, names)
	require.Equal(t, "oldest", whoStays(pods, "10.0.0.9:8080")[0].Name, "a home that is gone is nobody's")
	require.Equal(t, "oldest", whoStays(pods, "")[0].Name)
}

func TestOnKubernetesARestartThatIsDoneAgainIsTheSame(t *testing.T) {
	k := onKubernetes(t, "00-monolith")
	walk := plan.Walk{Step: "04-seams", Direction: plan.Forward, From: "03-redis-sessions", To: "04-seams", Actions: []steps.Action{{Verb: steps.Restart, Process: "monolith"}, {Verb: steps.Restart, Process: "monolith"}}}
	require.NoError(t, k.run.journal.Arrive("03-redis-sessions"))
	require.NoError(t, k.run.journal.Begin(walk))
	first := k.thisRestart()
	require.NoError(t, k.run.journal.Begun(0))
	require.Equal(t, first, k.thisRestart(), "a tool that crashed goes on with the rollout that it began")
	require.NoError(t, k.run.journal.Done(0))
	require.NotEqual(t, first, k.thisRestart())
}

func TestOnKubernetesServersMayBeGiven(t *testing.T) {
	k := onKubernetes(t, "03-redis-sessions")
	k.run.state.Target.Kustomize = "deploy/eks/steps"
	redis, monolith := k.run.path.Processes["redis"], k.run.path.Processes["monolith"]
	given, err := k.given(t.Context(), redis)
	require.NoError(t, err)
	require.True(t, given, "a managed one has no pods")
	given, err = k.given(t.Context(), monolith)
	require.NoError(t, err)
	require.False(t, given)
	o, err := k.workload(t.Context(), monolith)
	require.NoError(t, err)
	require.Equal(t, 3, o.Replicas())
	objects, err := k.step(t.Context(), "03-redis-sessions")
	require.NoError(t, err)
	for _, o := range k.belongings(objects, "monolith") {
		require.NotEqual(t, "Secret", o.Kind(), "its Secrets come from elsewhere, and are adopted")
	}
}

func TestOnKubernetesAServerIsNotKilledWithItsData(t *testing.T) {
	k := onKubernetes(t, "05-comments-dark")
	p := k.run.path.Processes["kafka"]
	o := kube.Object{"kind": "StatefulSet", "metadata": map[string]any{"name": "kafka"}, "spec": map[string]any{}}
	require.ErrorContains(t, k.mayLose(p, o), "persistent-data")
	o["spec"] = map[string]any{"volumeClaimTemplates": []any{map[string]any{}}}
	require.NoError(t, k.mayLose(p, o))
	require.NoError(t, k.mayLose(k.run.path.Processes["monolith"], kube.Object{}))
}

func TestOnKubernetesFlagsOfOtherTargetsAreRefused(t *testing.T) {
	r := &Run{state: &State{Target: Target{Name: Kubernetes}, External: External{Postgres: "postgres://x"}}}
	require.ErrorContains(t, r.beginKubernetes(), "stands in its kustomization")
	r = &Run{state: &State{Target: Target{Name: Local, Namespace: "x"}}}
	require.ErrorContains(t, r.beginKubernetes(), "--target kubernetes")
	require.NoError(t, (&Run{state: &State{}}).beginKubernetes())
}

func TestOnKubernetesWhereUsersComeInIsInTheRunsFile(t *testing.T) {
	state := &State{Entry: "gateway", Target: Target{Name: Kubernetes}, Kubernetes: &OnKubernetes{Entries: map[string]string{"gateway": "http://127.0.0.1:30080"}}}
	path := steps.Path{Processes: map[string]steps.Process{"gateway": {Name: "gateway", Package: "./gateway"}}}
	r := &Run{path: path, state: state} // as FollowEntry has it: no folder, no cluster
	require.NoError(t, r.attach())
	defer func() { require.NoError(t, r.on.close()) }()
	require.Equal(t, "http://127.0.0.1:30080", r.EntryURL())
	state.Target.URL = "https://blog.example"
	require.Equal(t, "https://blog.example", r.EntryURL(), "--url is believed")
	state.Target.URL, state.Kubernetes.Entries = "", nil
	require.Empty(t, r.EntryURL(), "and nobody is asked for it every few milliseconds")
}

// TestARunIsWalkedInACluster walks where sessions are in memory, kills and goes back, in
// the cluster of kubectl's current context, which must be able to get the hosts' images:
// BANYAN_KUBERNETES is 1, or the prefix of a registry's as for --images.
func TestARunIsWalkedInACluster(t *testing.T) {
	images := os.Getenv("BANYAN_KUBERNETES")
	if images == "" {
		t.Skip("BANYAN_KUBERNETES is not set: set it to walk in the cluster of kubectl's current context")
	}
	if images == "1" {
		images = ""
	}
	root, err := steps.Find(".")
	require.NoError(t, err)
	path, err := steps.Load(root)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "run")
	target := Target{Name: Kubernetes, Namespace: "banyan-try-walk", Images: images}
	tell := func(line string) { t.Log(line) }
	run, err := Create(t.Context(), path, dir, Options{Owner: "up", Target: target, Posts: 5, Seed: 1}, tell)
	require.NoError(t, err)
	defer func() { require.NoError(t, run.Down(t.Context())) }()
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.BringUp(t.Context(), 0))
	first := run.replicas("monolith")
	require.Len(t, first, 1)
	other, err := Create(t.Context(), path, filepath.Join(t.TempDir(), "other"), Options{Owner: "up", Target: target}, tell)
	require.NoError(t, err)
	require.ErrorContains(t, other.Prepare(t.Context(), 0), "holds another run")
	require.NoError(t, other.Down(t.Context())) // and that takes nothing away

	walk := func(from, to int) {
		for _, w := range plan.Between(path, from, to) {
			require.NoError(t, plan.Enter(run.Journal(), w))
			require.NoError(t, plan.Run(t.Context(), run.Journal(), run, silentObserver{}))
			require.NoError(t, run.Settle(t.Context()))
		}
	}
	walk(0, 2)
	require.Len(t, run.replicas("monolith"), 3)
	require.Contains(t, run.replicas("monolith"), first[0], "who has the sessions runs on")
	require.Len(t, run.replicas("gateway"), 2, "as the manifest says, and not step.yaml")
	require.Equal(t, run.on.upstream(first[0]).Name, run.state.Routes.Home)
	require.True(t, run.Status(t.Context()).OK)
	require.NoError(t, run.Close()) // the tool ends, and the next command goes on

	run, err = Open(path, dir, tell)
	require.NoError(t, err)
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.Revive(t.Context()))
	for _, name := range run.replicas("monolith") {
		if name != first[0] {
			require.NoError(t, run.Do(t.Context(), steps.Action{Verb: steps.Kill, Process: "monolith", Replica: name, SignsOut: true}))
			require.NotContains(t, run.replicas("monolith"), name)
			break
		}
	}
	require.ErrorContains(t, run.Do(t.Context(), steps.Action{Verb: steps.Restart, Process: "monolith"}), "would sign people out")
	walk(2, 0)
	require.Equal(t, first, run.replicas("monolith"), "the first one outlives the others")
	require.Empty(t, run.replicas("gateway"))
}

type silentObserver struct{}

func (silentObserver) Before(context.Context, plan.Walk, int) error                 { return nil }
func (silentObserver) After(_ context.Context, _ plan.Walk, _ int, err error) error { return err }
