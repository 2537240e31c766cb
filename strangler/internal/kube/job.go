package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// RunJob runs a Job to its end and returns what its pod wrote, also when it failed. A
// Job of that name that is there already, finished or cut off, is removed first: so a
// command that crashed can run it again.
func (c Cluster) RunJob(ctx context.Context, job Object, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := c.Delete(ctx, job); err != nil {
		return "", err
	}
	if err := c.Apply(ctx, job); err != nil {
		return "", err
	}
	r := rollout{cluster: c, ref: job.Ref(), since: map[string]time.Time{}}
	var failed string
	err := await(ctx, askEvery, func() (done bool, err error) {
		done, failed, err = c.jobEnded(ctx, job, &r)
		return done, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		failed, err = fmt.Sprintf("it has not ended within %s", within), nil
	}
	if err != nil {
		return "", err
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), commandWithin)
	defer cancel()
	log := c.jobLog(asking, job)
	if failed == "" {
		return log, nil
	}
	return log, &RolloutError{Workload: job.Ref(), Why: failed, Events: c.events(asking, job.Ref()), Log: tail(log, 8)}
}

// jobEnded asks whether the Job is over; failed is why it came to nothing.
func (c Cluster) jobEnded(ctx context.Context, job Object, r *rollout) (done bool, failed string, err error) {
	var w workload
	if err := c.get(ctx, &w, "get", job.Ref()); err != nil {
		return false, "", err
	}
	for _, cond := range w.Status.Conditions {
		switch {
		case cond.Status != "True":
		case cond.Type == "Complete":
			return true, "", nil
		case cond.Type == "Failed":
			return true, cond.Reason + ": " + cond.Message, nil
		}
	}
	pods, err := c.Pods(ctx, "job-name="+job.Name())
	if err != nil {
		return false, "", err
	}
	for _, p := range pods {
		if why := r.hopeless(p); why != "" {
			return false, "", r.explain(ctx, p, why)
		}
	}
	return false, "", nil
}

// jobLog is what the Job's newest pod wrote; empty when it left nothing.
func (c Cluster) jobLog(ctx context.Context, job Object) string {
	pods, err := c.Pods(ctx, "job-name="+job.Name())
	if err != nil || len(pods) == 0 {
		return ""
	}
	log, err := c.Logs(ctx, pods[len(pods)-1].Name, 1000, false)
	if err != nil {
		return ""
	}
	return log
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Once is a Job that runs the host's program with other arguments. It is made from
// another Job of the process, which brings the image, the environment, and the labels
// by which network policies know it; or from a Deployment, whose probes and ports it
// loses, and the label of the process's own pods, so that no Service finds it.
func Once(from Object, name string, args ...string) (Object, error) {
	from = from.Clone()
	if from.template() == nil {
		return nil, fmt.Errorf("%s runs no pods: a Job is made from a Job or a Deployment", from.Ref())
	}
	job := Object{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": name, "labels": fields(from, "metadata", "labels")},
		"spec":     map[string]any{"backoffLimit": 0, "template": from.template()},
	}
	if ns := text(fields(from, "metadata"), "namespace"); ns != "" {
		makeFields(job, "metadata")["namespace"] = ns
	}
	c, err := job.container(Container)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	c["args"] = list
	for _, lasting := range []string{"livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"} {
		delete(c, lasting)
	}
	spec := makeFields(job, "spec", "template", "spec")
	spec["restartPolicy"] = "Never"
	delete(spec, "topologySpreadConstraints")
	if from.Kind() != "Job" {
		for _, labels := range []map[string]any{makeFields(job, "metadata", "labels"), makeFields(job, "spec", "template", "metadata", "labels")} {
			labels[PartLabel] = "once"
			labels["app.kubernetes.io/name"] = name
		}
	}
	return job, nil
}
