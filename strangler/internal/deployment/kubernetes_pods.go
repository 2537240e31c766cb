package deployment

import (
	"context"
	"time"

	"banyan.dev/strangler/internal/kube"
)

// listing is what pods there were when they were last asked for.
type listing struct {
	at   time.Time
	pods map[string]kube.Pod
}

// keptFor is how old it may be: those who wait ask every few milliseconds, and each
// asking of the cluster is a process.
const keptFor = 500 * time.Millisecond

func (l *listing) forget() { l.at = time.Time{} }

// listWithin bounds an asking. A cluster that does not answer leaves what was known.
const listWithin = 30 * time.Second

// pods that should be there: those of hosts and of infrastructure, but for what is
// ending, hosts' own databases and Jobs.
func (k *kubernetes) pods() map[string]kube.Pod {
	if time.Since(k.seen.at) < keptFor {
		return k.seen.pods
	}
	ctx, cancel := context.WithTimeout(context.Background(), listWithin)
	defer cancel()
	all, err := k.cluster.Pods(ctx, kube.ProcessLabel)
	if err != nil {
		k.run.progress("the cluster does not say which pods there are: " + err.Error())
		k.seen.at = time.Now()
		return k.seen.pods
	}
	pods := map[string]kube.Pod{}
	var names []string
	for _, p := range all {
		process, known := k.run.path.Processes[p.Process]
		if known && !p.Ending && (!process.Host() || p.Part == kube.Host) {
			pods[p.Name] = p
			names = append(names, p.Name)
		}
	}
	k.tunnels.Only(names...)
	k.seen = listing{at: time.Now(), pods: pods}
	return pods
}

func (k *kubernetes) pod(name string) kube.Pod { return k.pods()[name] }

func (k *kubernetes) replicas() map[string]*Instance {
	all := map[string]*Instance{}
	for name, p := range k.pods() {
		all[name] = &Instance{Name: name, Process: p.Process}
	}
	return all
}

// alive: one that is not ready for a moment runs all the same, and may have sessions.
// The name of infrastructure stands for any pod of it, or for the one that is given.
func (k *kubernetes) alive(name string) bool {
	if _, is := k.run.path.Processes[name]; !is {
		return k.pod(name).Running
	}
	for _, p := range k.pods() {
		if p.Process == name && p.Running {
			return true
		}
	}
	given, err := k.given(context.Background(), k.run.path.Processes[name])
	return err == nil && given && k.run.reaching().Replicas(name) > 0
}
