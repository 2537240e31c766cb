package deployment

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// The ConfigMaps that hold the watched files, by the file's name.
var configMaps = map[string]string{settingsName: "monolith-settings", routesName: "gateway-routes"}

// step's objects, rendered once for a command.
func (k *kubernetes) step(ctx context.Context, name string) ([]kube.Object, error) {
	if objects, done := k.rendered[name]; done {
		return objects, nil
	}
	dir := cmp.Or(k.run.state.Target.Kustomize, steps.Folder)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(k.run.path.Root, dir)
	}
	objects, err := k.cluster.Render(ctx, filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("render step %s: %w", name, err)
	}
	if err := k.elsewhere(objects); err != nil {
		return nil, err
	}
	k.rendered[name] = objects
	return objects, nil
}

// elsewhere takes the hosts' images from where --images says.
func (k *kubernetes) elsewhere(objects []kube.Object) error {
	from := strings.TrimRight(k.run.state.Target.Images, "/")
	for _, o := range objects {
		name, ours := strings.CutPrefix(o.Image(), "banyan/")
		if from == "" || !ours {
			continue
		}
		if err := o.SetImage(from + "/" + name); err != nil {
			return err
		}
	}
	return nil
}

// nearest are the steps' names, beginning with the one that is being reached: what that
// one has no more, the one before or after it has.
func (k *kubernetes) nearest() []string {
	all := k.run.path.Steps
	at, err := k.run.path.Index(k.run.reaching().Name)
	if err != nil {
		at = 0
	}
	names := []string{all[at].Name}
	for away := 1; away < len(all); away++ {
		for _, i := range []int{at + away, at - away} {
			if i >= 0 && i < len(all) {
				names = append(names, all[i].Name)
			}
		}
	}
	return names
}

// find returns the objects that all tests hold for, of the nearest step that has any.
func (k *kubernetes) find(ctx context.Context, tests ...func(kube.Object) bool) ([]kube.Object, error) {
	for _, name := range k.nearest() {
		objects, err := k.step(ctx, name)
		if err != nil {
			return nil, err
		}
		if picked := kube.Pick(objects, tests...); len(picked) > 0 {
			return picked, nil
		}
	}
	return nil, nil
}

func isWorkload(o kube.Object) bool { return o.Workload() }

// mainWorkload tells whether an object runs the process itself, and not a database that
// only it uses.
func mainWorkload(p steps.Process) func(kube.Object) bool {
	return func(o kube.Object) bool {
		return o.Workload() && o.Process() == p.Name && (!p.Host() || o.Part() == kube.Host)
	}
}

// given tells whether a server is run by somebody else: no step has what runs it.
func (k *kubernetes) given(ctx context.Context, p steps.Process) (bool, error) {
	if p.Host() {
		return false, nil
	}
	picked, err := k.find(ctx, mainWorkload(p))
	return len(picked) == 0, err
}

// workload that runs the process, as the nearest step that has it says.
func (k *kubernetes) workload(ctx context.Context, p steps.Process) (kube.Object, error) {
	picked, err := k.find(ctx, mainWorkload(p))
	if err != nil {
		return nil, err
	}
	o, err := kube.One(picked, "what runs "+p.Name, isWorkload)
	if err != nil {
		return nil, err
	}
	return o.Clone(), nil
}

// watched is the ConfigMap of a file that hosts watch, as the step says it.
func (k *kubernetes) watched(ctx context.Context, file string) (kube.Object, error) {
	picked, err := k.find(ctx, kube.OfKind("ConfigMap"), func(o kube.Object) bool { return o.Name() == configMaps[file] })
	if err != nil {
		return nil, err
	}
	if len(picked) == 0 {
		return nil, fmt.Errorf("no step has a ConfigMap %s: %s is written into it", configMaps[file], file)
	}
	return picked[0].Clone(), nil
}

// belongings are what a process has beside what runs: Services, policies, Secrets. They
// may be applied at any time: no pod is replaced by it.
func (k *kubernetes) belongings(objects []kube.Object, process string) []kube.Object {
	var all []kube.Object
	for _, o := range kube.Pick(objects, kube.OfProcess(process), kube.Not(isWorkload), kube.Not(kube.OfKind("Job", "Namespace", "Pod"))) {
		if o.Kind() == "ConfigMap" && (o.Name() == configMaps[settingsName] || o.Name() == configMaps[routesName]) {
			continue // the run's own
		}
		all = append(all, k.ours(o.Clone()))
	}
	return all
}
