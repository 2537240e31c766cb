package deployment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// settles is an orchestrator that has something to do when a step was reached.
type settles interface {
	settle(ctx context.Context, s steps.Step) error
}

// Settle brings what is beside the processes to what the step says, once it was reached:
// where the walk's two steps differ, both lived side by side until now.
func (r *Run) Settle(ctx context.Context) error {
	s, is := r.on.(settles)
	if !is {
		return nil
	}
	i, err := r.path.Index(r.journal.At())
	if err != nil {
		return fmt.Errorf("the journal's step: %w", err)
	}
	if err := s.settle(ctx, r.path.Steps[i]); err != nil {
		return fmt.Errorf("settle at %s: %w", r.path.Steps[i].Name, err)
	}
	return nil
}

// arriveAgain settles what a crash has kept from it.
func (k *kubernetes) arriveAgain(ctx context.Context) error {
	if _, _, walking := k.run.journal.Open(); walking || k.run.journal.At() == "" {
		return nil
	}
	return k.run.Settle(ctx)
}

// settle applies the step's objects and removes what only others have. Pods that run are
// left as they are.
func (k *kubernetes) settle(ctx context.Context, s steps.Step) error {
	if k.known().Settled == s.Name {
		return nil
	}
	objects, err := k.step(ctx, s.Name)
	if err != nil {
		return err
	}
	live, err := k.workloads(ctx)
	if err != nil {
		return err
	}
	var all []kube.Object
	for _, name := range sortedKeys(k.run.path.Processes) {
		all = append(all, k.belongings(objects, name)...)
	}
	for _, o := range kube.Pick(objects, isWorkload, kube.Not(kube.OfProcess(""))) {
		if is := live[o.Ref()]; is != nil { // what a step runs was started, or is not wanted by the run
			o = o.Clone()
			o.KeepPods(is)
			o.SetReplicas(is.Replicas())
			all = append(all, o)
		}
	}
	if err := k.cluster.Apply(ctx, all...); err != nil {
		return err
	}
	if err := k.prune(ctx, objects); err != nil {
		return err
	}
	k.known().Settled = s.Name
	return k.run.save()
}

// unsettle says that the run leaves the step that it settled at.
func (k *kubernetes) unsettle() error {
	if k.known().Settled == "" {
		return nil
	}
	k.known().Settled = ""
	return k.run.save()
}

// workloads that there are, by their names.
func (k *kubernetes) workloads(ctx context.Context) (map[string]kube.Object, error) {
	list, err := k.cluster.List(ctx, "deployments,statefulsets", kube.ProcessLabel)
	live := map[string]kube.Object{}
	for _, o := range list {
		live[o.Ref()] = o
	}
	return live, err
}

// prune removes what no process of the step has. Volumes stay, and so do Secrets.
func (k *kubernetes) prune(ctx context.Context, objects []kube.Object) error {
	wanted := map[string]bool{}
	for _, o := range objects {
		wanted[o.Ref()] = true
	}
	var gone []kube.Object
	live, err := k.cluster.List(ctx, strings.Join(append(passiveKinds(), "statefulsets", "deployments"), ","), kube.ProcessLabel)
	if err != nil {
		return err
	}
	for _, o := range live {
		if !wanted[o.Ref()] {
			gone = append(gone, o)
		}
	}
	if slices.ContainsFunc(gone, func(o kube.Object) bool { return o.Label(kube.EntryLabel) != "" }) {
		for _, o := range gone {
			delete(k.known().Entries, o.Process())
		}
		if err := k.run.save(); err != nil {
			return err
		}
	}
	return k.cluster.Delete(ctx, gone...)
}
