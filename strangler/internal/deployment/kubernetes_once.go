package deployment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"banyan.dev/strangler/internal/kube"
	"banyan.dev/strangler/internal/steps"
)

// onceWithin bounds a program that runs once.
const onceWithin = 15 * time.Minute

// once runs in a pod of the host where one runs: it has the settings, the environment and
// the way to everything. Else, and for what changes the schema, it is a Job.
func (k *kubernetes) once(ctx context.Context, p steps.Process, args []string) error {
	job := slices.Equal(args, p.Migrate) || slices.Equal(args, p.Discard)
	if !job {
		for _, name := range k.run.replicas(p.Name) {
			if k.pod(name).Ready {
				out, err := k.cluster.Exec(ctx, name, append([]string{"/app"}, args...)...)
				return k.run.ended(p, args, []byte(out), err)
			}
		}
	}
	if err := k.foundation(ctx, p); err != nil {
		return err
	}
	o, err := k.job(ctx, p, args)
	if err != nil {
		return err
	}
	out, err := k.cluster.RunJob(ctx, o, onceWithin)
	var failed *kube.RolloutError
	if errors.As(err, &failed) && out != "" {
		failed.Log = "" // ended adds it
	}
	return k.run.ended(p, args, []byte(out), err)
}

// job is made from the Job by which the step migrates, or else from what runs the host.
func (k *kubernetes) job(ctx context.Context, p steps.Process, args []string) (kube.Object, error) {
	from, err := k.find(ctx, kube.OfProcess(p.Name), kube.OfPart(kube.Migrate), kube.OfKind("Job"))
	if err != nil {
		return nil, err
	}
	if len(from) == 0 {
		if from, err = k.find(ctx, mainWorkload(p)); err != nil {
			return nil, err
		}
	}
	if len(from) == 0 {
		return nil, fmt.Errorf("no step has a Job or a Deployment of %s to run %s %q by", p.Name, p.Name, args)
	}
	o, err := kube.Once(from[0], p.Name+"-"+args[0], args...)
	if err != nil || from[0].Kind() == "Job" {
		return o, err // it has what it needs to migrate, and nothing that the host is told goes well with that alone
	}
	env, err := k.told(ctx, p)
	if err != nil {
		return nil, err
	}
	return o, o.SetEnv(env)
}
