package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pod as the cluster has it now.
type Pod struct {
	Name     string
	IP       string // empty before it has one
	Process  string
	Part     string
	Image    string // of the host's container
	Created  time.Time
	Running  bool // its containers run, ready or not
	Ready    bool
	Ending   bool // told to end
	Restarts int
	Phase    string
	// Trouble is why it does not become ready, empty while nothing is wrong: the
	// container's state in the cluster's words, with its message.
	Trouble string
	// Crashed says that the last run of a container ended by itself.
	Crashed bool
	// Mounts are the ConfigMaps that it has as files.
	Mounts []string
}

// PodsOf selects the pods of a host itself, not those of its Jobs and databases.
func PodsOf(process string) string {
	return ProcessLabel + "=" + process + "," + PartLabel + "=" + Host
}

// Pods that a selector finds, the oldest first.
func (c Cluster) Pods(ctx context.Context, selector string) ([]Pod, error) {
	var list struct {
		Items []pod `json:"items"`
	}
	if err := c.get(ctx, &list, "get", "pods", "--selector", selector); err != nil {
		return nil, err
	}
	pods := make([]Pod, len(list.Items))
	for i, p := range list.Items {
		pods[i] = p.read()
	}
	slices.SortFunc(pods, func(a, b Pod) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name))
	})
	return pods, nil
}

// pod is what of the API's object matters here.
type pod struct {
	Metadata struct {
		Name      string            `json:"name"`
		Labels    map[string]string `json:"labels"`
		Created   time.Time         `json:"creationTimestamp"`
		Deleted   *time.Time        `json:"deletionTimestamp"`
		OwnerRefs []struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Containers []struct {
			Name  string `json:"name"`
			Image string `json:"image"`
		} `json:"containers"`
		Volumes []struct {
			ConfigMap *struct {
				Name string `json:"name"`
			} `json:"configMap"`
		} `json:"volumes"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		IP         string `json:"podIP"`
		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
		InitContainers []containerStatus `json:"initContainerStatuses"`
		Containers     []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type containerStatus struct {
	Name     string `json:"name"`
	Restarts int    `json:"restartCount"`
	State    struct {
		Running *struct{} `json:"running"`
		Waiting *struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
	} `json:"state"`
	Last struct {
		Terminated *terminated `json:"terminated"`
	} `json:"lastState"`
}

type terminated struct {
	Reason   string `json:"reason"`
	Message  string `json:"message"`
	ExitCode int    `json:"exitCode"`
}

func (p pod) read() Pod {
	out := Pod{
		Name: p.Metadata.Name, IP: p.Status.IP, Created: p.Metadata.Created, Ending: p.Metadata.Deleted != nil,
		Process: p.Metadata.Labels[ProcessLabel], Part: p.Metadata.Labels[PartLabel], Phase: p.Status.Phase,
	}
	for _, c := range p.Spec.Containers {
		if c.Name == Container {
			out.Image = c.Image
		}
	}
	for _, v := range p.Spec.Volumes {
		if v.ConfigMap != nil {
			out.Mounts = append(out.Mounts, v.ConfigMap.Name)
		}
	}
	out.Running = len(p.Status.Containers) > 0 && !slices.ContainsFunc(p.Status.Containers, func(c containerStatus) bool { return c.State.Running == nil })
	for _, c := range p.Status.Conditions {
		switch {
		case c.Type == "Ready":
			out.Ready = c.Status == "True" && !out.Ending
		case c.Type == "PodScheduled" && c.Status == "False":
			out.Trouble = c.Reason + ": " + c.Message
		}
	}
	for _, c := range slices.Concat(p.Status.InitContainers, p.Status.Containers) {
		out.Restarts += c.Restarts
		if t := c.trouble(); t != "" {
			out.Trouble = t
		}
		out.Crashed = out.Crashed || c.Last.Terminated != nil
	}
	return out
}

// trouble is what keeps the container from running, or made its last run end.
func (c containerStatus) trouble() string {
	w, t := c.State.Waiting, c.Last.Terminated
	switch {
	case w != nil && w.Reason == "CrashLoopBackOff" && t != nil:
		return fmt.Sprintf("container %s ended %d times, the last time with exit code %d (%s)", c.Name, c.Restarts, t.ExitCode, t.Reason)
	case w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing":
		return strings.TrimSuffix(fmt.Sprintf("container %s waits: %s: %s", c.Name, w.Reason, w.Message), ": ")
	case t != nil:
		return fmt.Sprintf("container %s ended with exit code %d (%s) and was started again", c.Name, t.ExitCode, t.Reason)
	default:
		return ""
	}
}

// Annotate sets an annotation of objects, such as pod/monolith-5d; an update of a pod
// makes the kubelet look at once at what it mounts.
func (c Cluster) Annotate(ctx context.Context, name, value string, refs ...string) error {
	if len(refs) == 0 {
		return nil
	}
	args := append([]string{"annotate", "--overwrite"}, refs...)
	_, err := c.run(ctx, nil, append(args, name+"="+value)...)
	return err
}

// Kill ends pods at once, without waiting for what they have in flight, and returns
// when the cluster has forgotten them. Their workload makes others.
func (c Cluster) Kill(ctx context.Context, pods ...string) error {
	args := append([]string{"delete", "pod", "--grace-period=0", "--force", "--ignore-not-found", "--wait"}, pods...)
	_, err := c.run(ctx, nil, args...)
	return err
}

// KillAll kills all pods that a selector finds.
func (c Cluster) KillAll(ctx context.Context, selector string) error {
	_, err := c.runWithin(ctx, workWithin, nil, "delete", "pods", "--selector", selector, "--grace-period=0", "--force", "--ignore-not-found", "--wait")
	return err
}

// Logs are the last lines of a pod's containers; previous are those of the run that
// ended before this one.
func (c Cluster) Logs(ctx context.Context, pod string, lines int, previous bool) (string, error) {
	return c.logs(ctx, previous, "logs", pod, "--all-containers", fmt.Sprintf("--tail=%d", lines))
}

// LogsSince are the lines of a pod's containers since then; previous as in Logs.
func (c Cluster) LogsSince(ctx context.Context, pod string, since time.Time, previous bool) (string, error) {
	return c.logs(ctx, previous, "logs", pod, "--all-containers", "--since-time="+since.UTC().Format(time.RFC3339))
}

func (c Cluster) logs(ctx context.Context, previous bool, args ...string) (string, error) {
	if previous {
		args = append(args, "--previous")
	}
	out, err := c.run(ctx, nil, args...)
	log := strings.TrimRight(string(out), "\n")
	if strings.HasPrefix(log, "unable to retrieve container logs") { // the kubelet's answer when they are gone, not the container's
		log = ""
	}
	return log, err
}

// Exec runs a program in the host's container of a pod and returns what it wrote, also
// when it failed.
func (c Cluster) Exec(ctx context.Context, pod string, program ...string) (string, error) {
	out, err := c.runWithin(ctx, workWithin, nil, append([]string{"exec", pod, "--container", Container, "--"}, program...)...)
	return strings.TrimRight(string(out), "\n"), err
}
