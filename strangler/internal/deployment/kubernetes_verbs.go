package deployment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// rolloutWithin bounds one; the slowest part is an image that is fetched first.
const rolloutWithin = 6 * time.Minute

// restarted is the annotation that makes a Deployment replace its pods.
const restarted = "banyan.dev/restarted"

// grow applies what the step says of the process. Pods that run keep their template: a
// replica with sessions in its memory must not go because another is wanted.
func (k *kubernetes) grow(ctx context.Context, p steps.Process, want int) error {
	defer k.seen.forget()
	if err := k.foundation(ctx, p); err != nil {
		return err
	}
	if given, err := k.given(ctx, p); given || err != nil {
		return err
	}
	o, err := k.workload(ctx, p)
	if err != nil {
		return err
	}
	live, err := k.live(ctx, o)
	if err != nil {
		return err
	}
	if err := k.fit(ctx, o, p); err != nil {
		return err
	}
	replicas := max(want, o.Replicas())
	if live != nil {
		o.KeepPods(live)
		replicas = max(want, live.Replicas())
	}
	o.SetReplicas(replicas)
	return k.rollOut(ctx, o)
}

// foundation is what must be there before a process's pods: what belongs to it, and a
// database that only it uses, ready.
func (k *kubernetes) foundation(ctx context.Context, p steps.Process) error {
	if err := k.unsettle(); err != nil {
		return err
	}
	objects, err := k.find(ctx, kube.OfProcess(p.Name), isWorkload)
	if err != nil {
		return err
	}
	if len(objects) == 0 && p.Host() {
		return fmt.Errorf("no step's kustomization has what runs %s: a Deployment or StatefulSet labelled %s=%s", p.Name, kube.ProcessLabel, p.Name)
	}
	beside, err := k.find(ctx, kube.OfProcess(p.Name))
	if err != nil {
		return err
	}
	if err := k.cluster.Apply(ctx, k.belongings(beside, p.Name)...); err != nil {
		return err
	}
	if err := k.adopt(ctx, p, beside); err != nil {
		return err
	}
	for _, o := range kube.Pick(objects, kube.Not(mainWorkload(p))) {
		if err := k.settleWorkload(ctx, o.Clone()); err != nil {
			return err
		}
	}
	return nil
}

// settleWorkload applies one without replacing pods that run, and waits for it.
func (k *kubernetes) settleWorkload(ctx context.Context, o kube.Object) error {
	live, err := k.live(ctx, o)
	if err != nil {
		return err
	}
	if live != nil {
		o.KeepPods(live)
		o.SetReplicas(live.Replicas())
	}
	return k.rollOut(ctx, o)
}

// live is the object as the cluster has it; nil when it has none.
func (k *kubernetes) live(ctx context.Context, o kube.Object) (kube.Object, error) {
	live, err := k.cluster.Get(ctx, o.Kind(), o.Name())
	if kube.NotFound(err) {
		return nil, nil
	}
	return live, err
}

// fit tells the process what the run tells it, over what its manifest says.
func (k *kubernetes) fit(ctx context.Context, o kube.Object, p steps.Process) error {
	if !p.Host() {
		return nil
	}
	env, err := k.told(ctx, p)
	if err != nil {
		return err
	}
	return o.SetEnv(env)
}

func (k *kubernetes) told(ctx context.Context, p steps.Process) (map[string]string, error) {
	env := map[string]string{}
	for key, value := range k.run.state.Environment[p.Name] {
		var missing error
		env[key] = steps.Expand(value, func(what string) string {
			v, err := k.run.value(ctx, p.Name, what)
			missing = errors.Join(missing, err)
			return v
		})
		if missing != nil {
			return nil, fmt.Errorf("environment %s of %s: %w", key, p.Name, missing)
		}
	}
	return env, nil
}

// rollOut applies a workload and waits until all of it is ready and nothing old is left.
func (k *kubernetes) rollOut(ctx context.Context, o kube.Object) error {
	defer k.seen.forget()
	if err := k.cluster.Apply(ctx, o); err != nil {
		return err
	}
	return k.cluster.AwaitRollout(ctx, o.Ref(), rolloutWithin)
}

// shrink to none removes what runs the process, and leaves its data: a database of its
// own, and volumes.
func (k *kubernetes) shrink(ctx context.Context, p steps.Process, want int) error {
	defer k.seen.forget()
	if err := k.unsettle(); err != nil {
		return err
	}
	if given, err := k.given(ctx, p); given || err != nil {
		return err
	}
	o, err := k.workload(ctx, p)
	if err != nil {
		return err
	}
	if want > 0 {
		return k.scaleDown(ctx, o, p, want)
	}
	if err := k.cluster.Delete(ctx, o); err != nil {
		return err
	}
	delete(k.known().Entries, p.Name)
	return k.gone(ctx, p)
}

// gone waits until no pod of a process is left, also none that is ending: each may write
// until it has.
func (k *kubernetes) gone(ctx context.Context, p steps.Process) error {
	ctx, cancel := context.WithTimeout(ctx, rolloutWithin)
	defer cancel()
	var last error
	if await(ctx, 500*time.Millisecond, func() bool {
		var pods []kube.Pod
		if pods, last = k.cluster.Pods(ctx, k.selector(p)); last == nil && len(pods) > 0 {
			last = fmt.Errorf("pod %s of %s is still ending", pods[0].Name, p.Name)
		}
		return last == nil
	}) {
		return nil
	}
	return last
}

// selector of the pods that are the process itself.
func (k *kubernetes) selector(p steps.Process) string {
	if p.Host() {
		return kube.PodsOf(p.Name)
	}
	return kube.ProcessLabel + "=" + p.Name
}

// deletionCost makes a Deployment end the cheaper pods first.
const deletionCost = "controller.kubernetes.io/pod-deletion-cost"

// scaleDown ends the youngest. The one that stays longest is whose users have no cookie
// that names it, where there is one: it was there before the others.
func (k *kubernetes) scaleDown(ctx context.Context, o kube.Object, p steps.Process, want int) error {
	pods, err := k.cluster.Pods(ctx, k.selector(p))
	if err != nil {
		return err
	}
	pods = whoStays(pods, k.run.state.Routes.Home)
	for i, pod := range pods {
		if err := k.cluster.Annotate(ctx, deletionCost, fmt.Sprint(100*(len(pods)-i)), "pod/"+pod.Name); err != nil {
			return err
		}
	}
	live, err := k.live(ctx, o)
	if err != nil || live == nil {
		return err
	}
	o.KeepPods(live)
	o.SetReplicas(want)
	return k.rollOut(ctx, o)
}

// whoStays orders pods that are there by how long they are to stay: the home of who has
// no cookie first, and then the oldest.
func whoStays(pods []kube.Pod, home string) []kube.Pod {
	var first, others []kube.Pod
	for _, p := range pods {
		switch {
		case p.Ending:
		case p.IP != "" && home == fmt.Sprintf("%s:%d", p.IP, publicPort):
			first = append(first, p)
		default:
			others = append(others, p)
		}
	}
	return append(first, others...)
}

// restart lets the Deployment replace its pods, one more than there should be at a time,
// and waits until the gateways have found the new ones. One that a command which died has
// begun is gone on with.
func (k *kubernetes) restart(ctx context.Context, p steps.Process) error {
	defer k.seen.forget()
	if err := k.foundation(ctx, p); err != nil {
		return err
	}
	o, err := k.workload(ctx, p)
	if err != nil {
		return err
	}
	live, err := k.live(ctx, o)
	if err != nil {
		return err
	}
	if live == nil {
		return fmt.Errorf("%s does not run: there is nothing to restart", o.Ref())
	}
	if err := k.fit(ctx, o, p); err != nil {
		return err
	}
	o.SetReplicas(live.Replicas())
	o.SetPodAnnotation(restarted, k.thisRestart())
	if err := k.rollOut(ctx, o); err != nil {
		return err
	}
	return k.run.takenBack(ctx, p.Name, "")
}

// thisRestart is the same for an action of a walk that is done again after a crash, and
// another for the next one.
func (k *kubernetes) thisRestart() string {
	if walk, done, open := k.run.journal.Open(); open {
		return fmt.Sprintf("%s %s, action %d", walk.Step, walk.Direction, done+1)
	}
	return time.Now().UTC().Format(time.RFC3339Nano)
}

// kill deletes a pod without a word and without patience; its workload makes another.
func (k *kubernetes) kill(ctx context.Context, p steps.Process, name string) error {
	defer k.seen.forget()
	o, err := k.workload(ctx, p)
	if err != nil {
		return err
	}
	if err := k.mayLose(p, o); err != nil {
		return err
	}
	if err := k.cluster.Kill(ctx, name); err != nil {
		return err
	}
	return k.cluster.AwaitRollout(ctx, o.Ref(), rolloutWithin)
}

// mayLose refuses to delete the pod of a server whose data goes with it: a crash of the
// container would leave them, but a pod takes its emptyDir along.
func (k *kubernetes) mayLose(p steps.Process, o kube.Object) error {
	if p.Host() || p.Infrastructure == "mail" || o.Keeps() {
		return nil
	}
	return fmt.Errorf("%s has no volume of its own, and what it holds would go with its pod: give it one with the component persistent-data in the step's kustomization", o.Ref())
}

// revive waits for what the cluster itself starts again, infrastructure first.
func (k *kubernetes) revive(ctx context.Context) error {
	defer k.seen.forget()
	all, err := k.workloads(ctx)
	if err != nil {
		return err
	}
	for _, hosts := range []bool{false, true} {
		for _, ref := range sortedKeys(all) {
			if (all[ref].Part() == kube.Host) != hosts || kube.RolledOut(all[ref]) {
				continue
			}
			k.run.progress("waiting for " + ref)
			if err := k.cluster.AwaitRollout(ctx, ref, rolloutWithin); err != nil {
				return err
			}
		}
	}
	return nil
}
