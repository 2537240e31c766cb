package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// crashesAreEnough is how often a new pod may end before a rollout is given up.
	// One that starts before what it needs ends once or twice, and then comes up.
	crashesAreEnough = 3
	// stuckFor is how long a new pod may be in a trouble that is no crash, such as an
	// image that can't be fetched or a Secret that is not there yet.
	stuckFor = 45 * time.Second
)

// RolloutError is a rollout that does not come about, with all that is known of why.
type RolloutError struct {
	Workload string
	Why      string   // in one line
	Events   []string // of the pod, the newest last
	Log      string   // the last lines of the pod that fails
}

func (e *RolloutError) Error() string {
	var b strings.Builder
	what := "does not come up"
	if strings.HasPrefix(e.Workload, "job/") {
		what = "failed"
	}
	fmt.Fprintf(&b, "%s %s: %s", e.Workload, what, e.Why)
	if len(e.Events) > 0 {
		fmt.Fprintf(&b, "\nevents:\n  %s", strings.Join(e.Events, "\n  "))
	}
	if e.Log != "" {
		fmt.Fprintf(&b, "\nthe last lines of its log:\n  %s", strings.ReplaceAll(e.Log, "\n", "\n  "))
	}
	return b.String()
}

// workload is what of a Deployment or a StatefulSet matters here.
type workload struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int `json:"replicas"`
		Selector struct {
			Labels map[string]string `json:"matchLabels"`
		} `json:"selector"`
	} `json:"spec"`
	Status struct {
		Observed        int64  `json:"observedGeneration"`
		Replicas        int    `json:"replicas"`
		Updated         int    `json:"updatedReplicas"`
		Ready           int    `json:"readyReplicas"`
		Available       int    `json:"availableReplicas"`
		CurrentRevision string `json:"currentRevision"` // of a StatefulSet
		UpdateRevision  string `json:"updateRevision"`
		Conditions      []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

func (w workload) wanted() int {
	if w.Spec.Replicas == nil {
		return 1
	}
	return *w.Spec.Replicas
}

// done tells whether all replicas are of the newest template and ready, and no other is
// left; how says how far it is.
func (w workload) done() (done bool, how string) {
	s, want := w.Status, w.wanted()
	updated := s.Updated
	if s.UpdateRevision != "" && s.CurrentRevision == s.UpdateRevision {
		updated = s.Replicas // once all are, a StatefulSet counts none as updated
	}
	how = fmt.Sprintf("%d of %d replicas are new, %d are ready, %d are there", updated, want, s.Ready, s.Replicas)
	return s.Observed >= w.Metadata.Generation && updated == want && s.Replicas == want && s.Ready == want, how
}

// RolledOut tells of a Deployment or a StatefulSet as the cluster gave it whether all its
// replicas are of its newest template and ready.
func RolledOut(live Object) bool {
	text, err := json.Marshal(live)
	if err != nil {
		return false
	}
	var w workload
	if json.Unmarshal(text, &w) != nil {
		return false
	}
	done, _ := w.done()
	return done
}

// gaveUp is what the cluster says when it has given up.
func (w workload) gaveUp() string {
	for _, c := range w.Status.Conditions {
		if c.Type == "Progressing" && c.Status == "False" || c.Type == "ReplicaFailure" && c.Status == "True" {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

func (w workload) selector() string {
	var pairs []string
	for name, value := range w.Spec.Selector.Labels {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, ",")
}

// AwaitRollout returns when every replica of a workload, such as deployment/monolith,
// is of its newest template and ready, and those before have gone. It fails with a
// RolloutError as soon as a new pod keeps crashing, is stuck, or the cluster gives up;
// within bounds all of it.
func (c Cluster) AwaitRollout(ctx context.Context, ref string, within time.Duration) error {
	bound, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r := rollout{cluster: c, ref: ref, since: map[string]time.Time{}}
	err := await(bound, askEvery, func() (bool, error) { return r.look(bound) })
	if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	// The time is over: what is known of it is asked in a time of its own.
	asking, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	return r.explain(asking, r.worst, fmt.Sprintf("%s after %s", r.how, within))
}

// rollout is one that is waited for.
type rollout struct {
	cluster Cluster
	ref     string
	how     string               // as far as it was when last looked at
	worst   Pod                  // one that is not ready
	since   map[string]time.Time // when a pod was first seen in trouble
}

func (r *rollout) look(ctx context.Context) (bool, error) {
	var w workload
	if err := r.cluster.get(ctx, &w, "get", r.ref); err != nil {
		return false, err
	}
	done, how := w.done()
	r.how = how
	pods, err := r.cluster.Pods(ctx, w.selector())
	if err != nil {
		return false, err
	}
	r.worst = Pod{}
	going, ready := false, 0
	for _, p := range pods {
		going = going || p.Ending
		if p.Ready {
			ready++
		}
		if p.Ready || p.Ending {
			delete(r.since, p.Name)
			continue
		}
		r.worst = p
		if why := r.hopeless(p); why != "" {
			return false, r.explain(ctx, p, why)
		}
	}
	if why := w.gaveUp(); why != "" && !done {
		return false, r.explain(ctx, r.worst, why)
	}
	switch {
	case done && going:
		r.how = "a replica is still ending"
	case done && ready < w.wanted(): // what the controller counted is of before a pod was killed
		r.how = fmt.Sprintf("%d of %d replicas are ready", ready, w.wanted())
	}
	return done && !going && ready >= w.wanted(), nil
}

// hopeless says why waiting for a pod is no use.
func (r *rollout) hopeless(p Pod) string {
	if p.Trouble == "" {
		delete(r.since, p.Name)
		return ""
	}
	if p.Crashed && p.Restarts >= crashesAreEnough {
		return p.Trouble
	}
	first, known := r.since[p.Name]
	if !known {
		r.since[p.Name] = time.Now()
		return ""
	}
	if !p.Crashed && time.Since(first) > stuckFor {
		return p.Trouble
	}
	return ""
}

// explain collects what the cluster knows of a pod that fails.
func (r *rollout) explain(ctx context.Context, p Pod, why string) error {
	e := &RolloutError{Workload: r.ref, Why: why}
	object := r.ref
	if p.Name != "" {
		object = "pod/" + p.Name
		e.Why = "pod " + p.Name + ": " + why
		if p.Trouble != "" && p.Trouble != why {
			e.Why += "; " + p.Trouble
		}
		// There is a run before this one only after a crash.
		log, err := r.cluster.Logs(ctx, p.Name, 8, p.Crashed)
		if err != nil || log == "" {
			log, _ = r.cluster.Logs(ctx, p.Name, 8, false)
		}
		e.Log = log
	}
	e.Events = r.cluster.events(ctx, object)
	return e
}

// events of an object that are warnings, the newest last; at most five.
func (c Cluster) events(ctx context.Context, ref string) []string {
	kind, name, _ := strings.Cut(ref, "/")
	var list struct {
		Items []struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
			Count   int    `json:"count"`
		} `json:"items"`
	}
	kinds := map[string]string{"pod": "Pod", "deployment": "Deployment", "statefulset": "StatefulSet", "job": "Job"}
	selector := "type=Warning,involvedObject.name=" + name
	if k := kinds[kind]; k != "" {
		selector += ",involvedObject.kind=" + k
	}
	if c.get(ctx, &list, "get", "events", "--field-selector", selector, "--sort-by", ".lastTimestamp") != nil {
		return nil // it is only there to explain
	}
	var lines []string
	for _, e := range list.Items {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s", e.Reason, strings.ReplaceAll(e.Message, "\n", " "))))
	}
	return lines[max(0, len(lines)-5):]
}
