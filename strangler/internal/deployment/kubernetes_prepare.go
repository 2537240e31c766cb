package deployment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/ramp"
)

// claim is the ConfigMap by which a namespace says whose it is.
const claim = "strangler-run"

// prepare asks all that can be known beforehand: kubectl, the cluster, what we may, the
// APIs that the steps need. Then it takes the namespace, and brings what all processes
// stand on.
func (k *kubernetes) prepare(ctx context.Context, to int) error {
	if err := CheckRoutes(ctx, k.run.path); err != nil {
		return err
	}
	if err := k.remember(ctx); err != nil {
		return err
	}
	objects, err := k.step(ctx, k.run.path.Steps[to].Name)
	if err != nil {
		return err
	}
	version, err := k.cluster.Preflight(ctx, objects)
	if err != nil {
		return err
	}
	k.run.progress(fmt.Sprintf("Kubernetes %s, context %s, namespace %s", version, k.cluster.Context, k.cluster.Namespace))
	if err := k.enter(ctx, objects); err != nil {
		return err
	}
	if err := k.claim(ctx); err != nil {
		return err
	}
	if err := k.cluster.Apply(ctx, kube.Pick(objects, kube.OfProcess(""), kube.Not(kube.OfKind("Namespace")))...); err != nil {
		return err
	}
	k.prepared = true
	return k.arriveAgain(ctx)
}

// beginKubernetes refuses flags that are another target's.
func (r *Run) beginKubernetes() error {
	x, t := r.state.External, r.state.Target
	if t.Name != Kubernetes {
		if t.Context != "" || t.Namespace != "" || t.URL != "" || t.Kustomize != "" {
			return fmt.Errorf("--context, --namespace, --kustomize and --url are for --target %s", Kubernetes)
		}
		return nil
	}
	if x.Postgres != "" || x.Redis != "" || x.Kafka != "" || len(x.Databases) > 0 || x.Port != 0 {
		return errors.New("--postgres-url, --redis-url, --kafka, --database and --port are no matter of --target kubernetes: what a step uses stands in its kustomization and its Secrets")
	}
	return nil
}

// remember the context by its name: the current one may be another tomorrow.
func (k *kubernetes) remember(ctx context.Context) error {
	t := &k.run.state.Target
	if t.Context != "" {
		return nil
	}
	name, err := k.cluster.CurrentContext(ctx)
	if err != nil {
		return err
	}
	t.Context, k.cluster.Context = name, name
	k.tunnels.Close()
	k.tunnels = kube.NewTunnels(k.cluster)
	return k.run.save()
}

// enter makes the namespace unless it is there, as the step says it.
func (k *kubernetes) enter(ctx context.Context, objects []kube.Object) error {
	_, err := k.cluster.Get(ctx, "namespace", k.cluster.Namespace)
	if err == nil || kube.Forbidden(err) { // who may not look at namespaces works in one that was given
		return nil
	}
	if !kube.NotFound(err) {
		return err
	}
	o, err := kube.One(objects, "Namespace", kube.OfKind("Namespace"))
	if err != nil {
		return fmt.Errorf("namespace %s is not there: %w", k.cluster.Namespace, err)
	}
	k.known().Made = true
	if err := k.run.save(); err != nil {
		return err
	}
	if err := k.cluster.Apply(ctx, o); err != nil {
		return fmt.Errorf("make namespace %s: %w: let somebody make it who may, or choose another with --namespace", k.cluster.Namespace, err)
	}
	return nil
}

// claim refuses a namespace in which another run, or a blog that somebody applied by
// hand, is.
func (k *kubernetes) claim(ctx context.Context) error {
	mark := k.run.state.Created.Format(time.RFC3339Nano)
	is, err := k.cluster.Get(ctx, "configmap", claim)
	if err == nil {
		whose, _ := is.Data("run")
		if whose == mark {
			return nil
		}
		folder, _ := is.Data("folder")
		return fmt.Errorf("namespace %s holds another run (folder %s): end it with down there, or choose another with --namespace", k.cluster.Namespace, folder)
	}
	if !kube.NotFound(err) {
		return err
	}
	if !k.known().Claimed {
		pods, err := k.cluster.Pods(ctx, kube.ProcessLabel)
		if err != nil {
			return err
		}
		if len(pods) > 0 {
			return fmt.Errorf("namespace %s holds a blog already (pod %s) that no run of this tool began: remove it, or choose another with --namespace", k.cluster.Namespace, pods[0].Name)
		}
	}
	k.known().Claimed = true
	if err := k.run.save(); err != nil {
		return err
	}
	o := kube.Object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": claim, "namespace": k.cluster.Namespace}}
	o.SetLabel("app.kubernetes.io/part-of", "banyan")
	o.SetData("run", mark)
	o.SetData("folder", k.run.Dir())
	return k.cluster.Apply(ctx, o)
}

// deliver writes the ConfigMap, which is the truth, and then sees to it that the hosts
// hear of it soon: a kubelet looks by itself once a minute or so, and at once when the pod
// was touched. Gateways are told by their admin port besides, before that: writes may wait
// for it. Run waits for the word of all.
func (k *kubernetes) deliver(ctx context.Context, file string, content []byte) error {
	if !k.prepared {
		return nil // prepare is followed by another delivery
	}
	o, err := k.watched(ctx, file)
	if err != nil {
		return err
	}
	o.SetData(file, string(content))
	if err := k.cluster.Apply(ctx, o); err != nil {
		return err
	}
	if file == routesName {
		_ = k.run.fleet().Put(ctx, content) // a gateway that does not listen reads the file
	}
	k.touching.Wait()
	refs := k.mounting(o.Name())
	k.touching.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listWithin)
		defer cancel()
		// One that has gone meanwhile has a successor, which mounts what is there now.
		if err := k.cluster.Annotate(ctx, "banyan.dev/"+o.Name(), ramp.Digest(content), refs...); err != nil && !kube.NotFound(err) {
			k.run.progress("a changed " + file + " may take a minute or two to be seen: " + err.Error())
		}
	})
	return nil
}

// mounting are the pods that have the ConfigMap as a file.
func (k *kubernetes) mounting(configMap string) []string {
	var refs []string
	for name, p := range k.pods() {
		if slices.Contains(p.Mounts, configMap) {
			refs = append(refs, "pod/"+name)
		}
	}
	return refs
}

// kinds of all that the steps consist of, but for the namespace itself. What a step has
// beside the usual is asked for only where the namespace does not go as a whole: its API
// may be gone by now.
func (k *kubernetes) kinds(ctx context.Context) []string {
	all := append(passiveKinds(), "deployments", "statefulsets", "jobs", "secrets", "configmaps")
	if k.known().Made {
		return all
	}
	for _, s := range k.run.path.Steps {
		objects, err := k.step(ctx, s.Name)
		if err != nil {
			k.run.progress("what kinds " + s.Name + " has is not known: " + err.Error())
			continue
		}
		for _, o := range objects {
			if !slices.Contains(all, strings.ToLower(o.Kind())+"s") && !slices.Contains(all, o.Resource()) && !slices.Contains([]string{"Namespace", "NetworkPolicy"}, o.Kind()) {
				all = append(all, o.Resource())
			}
		}
	}
	return all
}

func passiveKinds() []string {
	return []string{"services", "serviceaccounts", "networkpolicies", "poddisruptionbudgets"}
}

// end removes the namespace if the run made it, else all that the steps brought into it.
// Pods are not waited for: nobody is to be served any more.
func (k *kubernetes) end(ctx context.Context) error {
	if !k.known().Claimed && !k.known().Made {
		return nil
	}
	all := []string{kube.ProcessLabel, "app.kubernetes.io/part-of=banyan"}
	for _, selector := range all {
		if err := k.cluster.DeleteAll(ctx, selector, k.kinds(ctx)...); err != nil {
			return err
		}
	}
	if err := k.cluster.KillAll(ctx, kube.ProcessLabel); err != nil {
		return err
	}
	for _, selector := range all {
		if err := k.cluster.DeleteAll(ctx, selector, "persistentvolumeclaims"); err != nil {
			return err
		}
	}
	if !k.known().Made {
		return nil
	}
	return k.cluster.Delete(ctx, kube.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": k.cluster.Namespace}})
}
